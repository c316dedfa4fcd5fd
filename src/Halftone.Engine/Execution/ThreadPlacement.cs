using System.Runtime.InteropServices;

namespace Halftone.Engine.Execution;

/// <summary>Moves a thread that has been woken, but waits behind its waker, to another processor: on virtual machines of few processors Linux can leave it there for tens of milliseconds.</summary>
/// <remarks>Linux only; elsewhere, and where the system refuses, nothing happens.</remarks>
internal sealed unsafe partial class ThreadPlacement
{
    private const int Words = 16; // a bit each for 1024 processors

    private static readonly bool s_known = IsKnown();

    private readonly ulong[] _before = new ulong[Words];
    private int _thread;
    private int _moved;

    /// <summary>Says that the calling thread is the one to move.</summary>
    public void Enter() => Volatile.Write(ref _thread, s_known ? gettid() : 0);

    /// <summary>Takes the thread off the caller's processor.</summary>
    public void MoveAway()
    {
        int thread = Volatile.Read(ref _thread);
        if (thread == 0 || Volatile.Read(ref _moved) == 1)
        {
            return;
        }

        int here = sched_getcpu();
        fixed (ulong* before = _before)
        {
            if (here is < 0 or >= 64 * Words || sched_getaffinity(thread, Words * sizeof(ulong), before) != 0)
            {
                return;
            }

            ulong* others = stackalloc ulong[Words];
            ulong any = 0;
            for (int i = 0; i < Words; i++)
            {
                others[i] = before[i] & ~(i == here / 64 ? 1UL << (here % 64) : 0);
                any |= others[i];
            }

            if (any != 0 && sched_setaffinity(thread, Words * sizeof(ulong), others) == 0)
            {
                Volatile.Write(ref _moved, 1);
            }
        }
    }

    /// <summary>Lets the thread, which is the caller, run where it might before.</summary>
    public void Settle()
    {
        if (Volatile.Read(ref _moved) == 0)
        {
            return;
        }

        fixed (ulong* before = _before)
        {
            _ = sched_setaffinity(Volatile.Read(ref _thread), Words * sizeof(ulong), before);
        }

        Volatile.Write(ref _moved, 0);
    }

    private static bool IsKnown()
    {
        try
        {
            return OperatingSystem.IsLinux() && gettid() > 0 && sched_getcpu() >= 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int sched_getcpu();

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int thread, nuint bytes, ulong* mask);
}
