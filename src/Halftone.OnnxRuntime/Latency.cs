using System.Diagnostics;
using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>How two models are timed against each other.</summary>
public sealed record LatencyOptions
{
    /// <summary>The defaults.</summary>
    public static LatencyOptions Default { get; } = new();

    /// <summary>Threads of both sessions.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>When to stop, warm-up not counted; a round that has begun is ended, and five are always done.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Most rounds, 5 to 1000.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside.</exception>
    public int MostRounds
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 5);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1000);
            field = value;
        }
    }

    = 200;

    /// <summary>Runs of each model before any counts.</summary>
    public int WarmUp { get; init; } = 3;

    /// <summary>Rest before each measurement, so that one model's threads are asleep when the other runs.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(2);
}

/// <summary>Times of two models that took turns.</summary>
/// <param name="FloatMilliseconds">Median time of one run of the float model.</param>
/// <param name="QuantizedMilliseconds">Median time of one run of the quantized model.</param>
/// <param name="Ratio">Median over the rounds of float time over quantized time: over 1, the quantized model is faster.</param>
/// <param name="RatioLow">Lower end of a 90 % interval of that median.</param>
/// <param name="RatioHigh">Upper end.</param>
/// <param name="Rounds">Rounds measured.</param>
/// <param name="Threads">Threads of each session.</param>
public sealed record LatencyComparison(
    double FloatMilliseconds, double QuantizedMilliseconds, double Ratio, double RatioLow, double RatioHigh, int Rounds, int Threads)
{
    /// <summary>Whether the whole interval says that the quantized model is slower.</summary>
    public bool SurelySlower => RatioHigh < 1;

    /// <summary>Whether the whole interval says that the quantized model is faster.</summary>
    public bool SurelyFaster => RatioLow > 1;
}

/// <summary>Times a float model and its quantized form against each other.</summary>
public static class Latency
{
    private const int FewestRounds = 5; // below, no 90 % interval of a median exists: 2 * 0.5^4 > 0.1
    private const double ShortestMilliseconds = 1; // of one measurement; shorter runs are repeated in it

    /// <summary>Runs both in turn, the one that begins changing every round, so that what slows the machine for a while slows both.</summary>
    /// <param name="reference">The float model.</param>
    /// <param name="quantized">The quantized model.</param>
    /// <param name="inputs">Fed to both.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancel">Stops the run that is going on.</param>
    /// <exception cref="ModelException">A model cannot be loaded or run.</exception>
    public static LatencyComparison Compare(
        Model reference, Model quantized, IReadOnlyDictionary<string, Tensor> inputs, LatencyOptions? options = null, CancellationToken cancel = default)
    {
        options ??= LatencyOptions.Default;
        var native = new OrtOptions { Threads = options.Threads };
        using OrtSession first = OrtSession.Load(reference, native);
        using OrtSession second = OrtSession.Load(quantized, native);
        return Compare(() => first.RunOnly(inputs, cancel), () => second.RunOnly(inputs, cancel), options, cancel);
    }

    internal static LatencyComparison Compare(Action reference, Action quantized, LatencyOptions options, CancellationToken cancel)
    {
        int firstRepeats = WarmUp(reference, options.WarmUp);
        int secondRepeats = WarmUp(quantized, options.WarmUp);
        List<double> first = [];
        List<double> second = [];
        long start = Stopwatch.GetTimestamp();
        while (first.Count < FewestRounds || (first.Count < options.MostRounds && Stopwatch.GetElapsedTime(start) < options.Budget))
        {
            cancel.ThrowIfCancellationRequested();
            if (first.Count % 2 == 0)
            {
                first.Add(Measure(reference, firstRepeats, options.Pause));
                second.Add(Measure(quantized, secondRepeats, options.Pause));
            }
            else
            {
                double time = Measure(quantized, secondRepeats, options.Pause);
                first.Add(Measure(reference, firstRepeats, options.Pause));
                second.Add(time);
            }
        }

        return Summarize([.. first], [.. second], options.Threads);
    }

    /// <summary>Medians, and an interval of the median ratio from order statistics, which assumes no distribution.</summary>
    /// <remarks>With n sorted ratios, [x(k), x(n+1-k)] misses the median with probability 2 P(Binomial(n, 1/2) &lt; k); k is the largest for which that is at most 0.1.</remarks>
    /// <param name="reference">Milliseconds of the float model, round by round; at least five.</param>
    /// <param name="quantized">Milliseconds of the quantized model in the same rounds.</param>
    /// <param name="threads">Threads of each.</param>
    internal static LatencyComparison Summarize(double[] reference, double[] quantized, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(reference.Length, FewestRounds);
        double[] ratios = [.. reference.Zip(quantized, (f, q) => f / q).Order()];
        int rank = IntervalRank(ratios.Length);
        return new LatencyComparison(
            Median(reference), Median(quantized), Median(ratios), ratios[rank - 1], ratios[^rank], ratios.Length, threads);
    }

    internal static int IntervalRank(int count)
    {
        double term = Math.Pow(0.5, count); // P(Binomial = 0)
        double below = term;
        int rank = 1;
        while (2 * (below + (term * (count - rank + 1) / rank)) <= 0.1)
        {
            term *= (double)(count - rank + 1) / rank;
            below += term;
            rank++;
        }

        return rank;
    }

    private static int WarmUp(Action run, int times)
    {
        run();
        double shortest = double.MaxValue;
        for (int i = 0; i < Math.Max(times, 1); i++)
        {
            shortest = Math.Min(shortest, Measure(run, 1, TimeSpan.Zero));
        }

        return (int)Math.Clamp(Math.Ceiling(ShortestMilliseconds / Math.Max(shortest, 1e-4)), 1, 1000);
    }

    private static double Measure(Action run, int repeats, TimeSpan pause)
    {
        if (pause > TimeSpan.Zero)
        {
            Thread.Sleep(pause);
        }

        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            run();
        }

        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }

    internal static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
