using System.Diagnostics;

namespace Halftone.Engine.Execution;

/// <summary>A few threads that do the parts of a step together with the caller: they spin for a while after each step, then sleep.</summary>
/// <remarks>A part that its thread has not begun when the caller is through with its own is the caller's: nobody waits for a thread that has yet to get a processor. One run at a time has the team; a run that comes while it is taken goes on alone (<see cref="TryEnter"/>).</remarks>
internal sealed class ThreadTeam : IDisposable
{
    private static readonly long s_spin = Stopwatch.Frequency / 10_000; // 100 microseconds
    private static readonly long s_late = Stopwatch.Frequency / 20_000; // 50 microseconds

    private readonly Worker[] _workers;
    private int _taken;

    /// <param name="threads">Threads in all, the caller's included.</param>
    public ThreadTeam(int threads)
    {
        _workers = [.. Enumerable.Range(1, threads - 1).Select(part => new Worker(part))];
    }

    /// <summary>Threads in all.</summary>
    public int Size => _workers.Length + 1;

    /// <summary>Takes the team, if it is free.</summary>
    public bool TryEnter() => _workers.Length > 0 && Interlocked.CompareExchange(ref _taken, 1, 0) == 0;

    /// <summary>Wakes threads that sleep, so that they are there when the first step comes that is split.</summary>
    public void Wake() => Array.ForEach(_workers, w => w.Wake());

    /// <summary>Gives it back.</summary>
    public void Exit() => Volatile.Write(ref _taken, 0);

    /// <summary>Does a step in so many parts; the team must have been taken.</summary>
    public void Run(Step step, RunContext context, int parts)
    {
        for (int i = 0; i < parts - 1; i++)
        {
            _workers[i].Begin(step, context, parts);
        }

        try
        {
            step.Run(context, 0, parts);
        }
        finally
        {
            // whatever became of the first part, nobody works on the run's memory when this returns
            for (int i = 0; i < parts - 1; i++)
            {
                _workers[i].Wait();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_workers, w => w.Dispose());

    private sealed class Worker : IDisposable
    {
        private readonly int _part;
        private readonly Thread _thread;
        private readonly SemaphoreSlim _wake = new(0);
        private readonly ThreadPlacement _placement = new();
        private Step? _step;
        private RunContext? _context;
        private int _parts;
        private int _begun; // parts given so far
        private int _claimed; // of which begun by either
        private int _done; // of which done
        private int _asleep;
        private int _woken; // by a release that it has not seen yet
        private long _wokenAt;
        private Exception? _error;
        private volatile bool _stop;

        public Worker(int part)
        {
            _part = part;
            _thread = new Thread(Loop) { IsBackground = true, Name = $"Halftone engine {part}" };
            _thread.Start();
        }

        public void Begin(Step step, RunContext context, int parts)
        {
            (_step, _context, _parts) = (step, context, parts);
            Interlocked.Increment(ref _begun);
            Wake();
        }

        public void Wake()
        {
            if (Volatile.Read(ref _asleep) == 1 && Interlocked.CompareExchange(ref _woken, 1, 0) == 0)
            {
                _wokenAt = Stopwatch.GetTimestamp();
                _wake.Release();
            }
        }

        /// <summary>Returns when the part is done: does it where nobody has begun.</summary>
        public void Wait()
        {
            if (Claim(_begun))
            {
                if (Volatile.Read(ref _asleep) == 1 && Volatile.Read(ref _woken) == 1 && Stopwatch.GetTimestamp() - _wokenAt > s_late)
                {
                    _placement.MoveAway();
                }

                _step!.Run(_context!, _part, _parts);
                Volatile.Write(ref _done, _begun);
                return;
            }

            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref _done) != _begun)
            {
                if (Stopwatch.GetTimestamp() - start < s_spin)
                {
                    Thread.SpinWait(4);
                }
                else
                {
                    Thread.Yield();
                }
            }

            if (_error is { } error)
            {
                _error = null;
                throw new InvalidOperationException("A step failed in another thread.", error);
            }
        }

        public void Dispose()
        {
            _stop = true;
            _wake.Release();
            _thread.Join();
            _wake.Dispose();
        }

        private void Loop()
        {
            int seen = 0;
            _placement.Enter();
            while (Next(seen))
            {
                _placement.Settle();
                seen = Volatile.Read(ref _begun);
                if (!Claim(seen))
                {
                    continue;
                }

                try
                {
                    _step!.Run(_context!, _part, _parts);
                }
#pragma warning disable CA1031 // told to the caller in Wait
                catch (Exception error)
#pragma warning restore CA1031
                {
                    _error = error;
                }

                Volatile.Write(ref _done, seen);
            }
        }

        private bool Claim(int number) => Interlocked.CompareExchange(ref _claimed, number, number - 1) == number - 1;

        private bool Next(int seen)
        {
            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref _begun) == seen)
            {
                if (_stop)
                {
                    return false;
                }

                if (Stopwatch.GetTimestamp() - start < s_spin)
                {
                    Thread.SpinWait(4);
                    continue;
                }

                Volatile.Write(ref _woken, 0);
                Interlocked.Exchange(ref _asleep, 1);
                if (Volatile.Read(ref _begun) == seen && !_stop)
                {
                    _wake.Wait();
                }

                Interlocked.Exchange(ref _asleep, 0);
                start = Stopwatch.GetTimestamp();
            }

            return !_stop;
        }
    }
}
