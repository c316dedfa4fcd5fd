namespace Halftone.Testing;

/// <summary>What runs allocate on the managed heap.</summary>
public static class Allocations
{
    private const int Tries = 5;

    /// <summary>Bytes that a run allocates in this thread each time.</summary>
    /// <remarks>A run that allocates does so again. One that does not can seem to, once: a collection that other tests cause moves the thread's counter by up to 8 KB.</remarks>
    public static long Of(Action run)
    {
        long allocated = 0;
        for (int i = 0; i < Tries; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            run();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated == 0)
            {
                break;
            }
        }

        return allocated;
    }
}
