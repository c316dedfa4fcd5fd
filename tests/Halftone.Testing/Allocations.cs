namespace Halftone.Testing;

/// <summary>What runs allocate on the managed heap.</summary>
public static class Allocations
{
    private const int Runs = 100;
    private const int Tries = 20;

    /// <summary>Bytes that a hundred runs in a row allocate in this thread.</summary>
    /// <remarks>A collection that other tests cause moves the thread's counter by up to 8 KB, so what is not 0 is measured again; runs that do allocate do so every time.</remarks>
    public static long Of(Action run)
    {
        for (int tries = 1; ; tries++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Runs; i++)
            {
                run();
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated == 0 || tries == Tries)
            {
                return allocated;
            }
        }
    }
}
