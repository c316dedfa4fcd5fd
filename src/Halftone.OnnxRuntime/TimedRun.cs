using System.Diagnostics;

namespace Halftone.OnnxRuntime;

/// <summary>A run that is timed, again and again, often enough in one measurement for the clock.</summary>
/// <param name="run">Runs a model once.</param>
internal sealed class TimedRun(Action run)
{
    private const double ShortestMilliseconds = 1; // of one measurement; shorter runs are repeated in it

    private int _repeats = 1;

    /// <summary>Runs it, and decides how often a measurement repeats it.</summary>
    public void WarmUp(int times)
    {
        run();
        double shortest = double.MaxValue;
        for (int i = 0; i < Math.Max(times, 1); i++)
        {
            shortest = Math.Min(shortest, Measure(1));
        }

        _repeats = (int)Math.Clamp(Math.Ceiling(ShortestMilliseconds / Math.Max(shortest, 1e-4)), 1, 1000);
    }

    /// <summary>Milliseconds of one run, after a rest.</summary>
    public double Time(TimeSpan pause)
    {
        if (pause > TimeSpan.Zero)
        {
            Thread.Sleep(pause);
        }

        return Measure(_repeats);
    }

    private double Measure(int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            run();
        }

        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }
}
