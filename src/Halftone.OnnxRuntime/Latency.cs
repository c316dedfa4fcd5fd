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

    /// <summary>When to stop; a round that has begun is ended, and five pairs of sessions, or five rounds of one pair, are always timed.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Most rounds of a pair of sessions, 5 to 1000.</summary>
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

    /// <summary>Runs of each session before any counts.</summary>
    public int WarmUp { get; init; } = 3;

    /// <summary>Rest before each measurement, so that one model's threads are asleep when the other runs.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(2);
}

/// <summary>Times of two models that took turns.</summary>
/// <param name="FloatMilliseconds">Median time of one run of the float model.</param>
/// <param name="QuantizedMilliseconds">Median time of one run of the quantized model.</param>
/// <param name="Ratio">Float time over quantized time: over 1, the quantized model is faster. The median over the pairs of sessions of each pair's median.</param>
/// <param name="RatioLow">Lower end of a 90 % interval of that median.</param>
/// <param name="RatioHigh">Upper end.</param>
/// <param name="Rounds">Rounds measured, of all pairs.</param>
/// <param name="Threads">Threads of each session.</param>
/// <param name="Pairs">Pairs of sessions; with one, its rounds stand for the pairs.</param>
public sealed record LatencyComparison(
    double FloatMilliseconds, double QuantizedMilliseconds, double Ratio, double RatioLow, double RatioHigh, int Rounds, int Threads, int Pairs)
{
    /// <summary>Whether the whole interval says that the quantized model is slower.</summary>
    public bool SurelySlower => RatioHigh < 1;

    /// <summary>Whether the whole interval says that the quantized model is faster.</summary>
    public bool SurelyFaster => RatioLow > 1;
}

/// <summary>Times a float model and its quantized form against each other.</summary>
/// <remarks>
/// Where a session's memory lies can change the time of a small model by half, for as long as the session lives. So the unit is a fresh pair of sessions:
/// each gives one ratio, and the interval is one over pairs. Where five pairs do not fit the budget, the model is large enough for that not to show, and one pair is timed.
/// </remarks>
public static class Latency
{
    internal const int Fewest = 5; // rounds or pairs; below, no 90 % interval of a median exists: 2 * 0.5^4 > 0.1
    internal const int MostPairs = 15;

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
        return Compare(() => OrtSession.Load(reference, native), () => OrtSession.Load(quantized, native), inputs, options, cancel);
    }

    /// <summary>Runs any two in turn, such as a model in ONNX Runtime and in another engine.</summary>
    /// <param name="reference">Loads the one that stands in the float model's place, with the threads that the options name; it is called for every pair.</param>
    /// <param name="other">Loads the one that stands in the quantized model's place.</param>
    /// <param name="inputs">Fed to both.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancel">Stops the run that is going on.</param>
    /// <exception cref="ModelException">A model cannot be loaded or run.</exception>
    public static LatencyComparison Compare(
        Func<IModelRunner> reference, Func<IModelRunner> other, IReadOnlyDictionary<string, Tensor> inputs, LatencyOptions? options = null, CancellationToken cancel = default) =>
        Compare(
            pair =>
            {
                // the one that is loaded first changes too
                var loaded = new Stack<IDisposable>();
                try
                {
                    IBoundRun[] runs = [.. (pair % 2 == 0 ? [reference, other] : (Func<IModelRunner>[])[other, reference]).Select(load => Bind(load, inputs, loaded, cancel))];
                    return new SessionPair(runs[pair % 2].Run, runs[1 - (pair % 2)].Run, [.. loaded]);
                }
                catch
                {
                    Array.ForEach([.. loaded], l => l.Dispose());
                    throw;
                }
            },
            options ?? LatencyOptions.Default,
            cancel);

    /// <summary>Loads a model and binds it; both are put on the stack, so that the run is let go first.</summary>
    internal static IBoundRun Bind(Func<IModelRunner> load, IReadOnlyDictionary<string, Tensor> inputs, Stack<IDisposable> loaded, CancellationToken cancel)
    {
        IModelRunner runner = load();
        loaded.Push(runner);
        IBoundRun run = runner.Bind(inputs, cancel);
        loaded.Push(run);
        return run;
    }

    internal static LatencyComparison Compare(Func<int, SessionPair> load, LatencyOptions options, CancellationToken cancel)
    {
        List<PairTimes> times = [];
        SessionPair? former = null;
        long start = Stopwatch.GetTimestamp();
        try
        {
            for (bool done = false; !done;)
            {
                cancel.ThrowIfCancellationRequested();
                long begun = Stopwatch.GetTimestamp();
                SessionPair pair = load(times.Count);
                former?.Dispose(); // only now, so that the memory is not the same again
                former = pair;
                pair.WarmUp(options.WarmUp);
                bool alone = times.Count == 0 && Stopwatch.GetElapsedTime(begun) * Fewest > options.Budget;
                times.Add(Measure(pair, times.Count, alone ? Fewest : 2, alone ? options.Budget : options.Budget / MostPairs, options, cancel));
                done = alone || times.Count == MostPairs || (times.Count >= Fewest && Stopwatch.GetElapsedTime(start) >= options.Budget);
            }
        }
        finally
        {
            former?.Dispose();
        }

        return Summarize(times, options.Threads);
    }

    private static PairTimes Measure(SessionPair pair, int number, int fewest, TimeSpan budget, LatencyOptions options, CancellationToken cancel)
    {
        List<double> first = [];
        List<double> second = [];
        long start = Stopwatch.GetTimestamp();
        while (first.Count < fewest || (first.Count < options.MostRounds && Stopwatch.GetElapsedTime(start) < budget))
        {
            cancel.ThrowIfCancellationRequested();
            if ((first.Count + number) % 2 == 0)
            {
                first.Add(pair.TimeReference(options.Pause));
                second.Add(pair.TimeQuantized(options.Pause));
            }
            else
            {
                second.Add(pair.TimeQuantized(options.Pause));
                first.Add(pair.TimeReference(options.Pause));
            }
        }

        return new PairTimes([.. first], [.. second]);
    }

    /// <summary>Medians, and an interval of the median ratio from order statistics, which assumes no distribution.</summary>
    /// <remarks>With n sorted ratios, [x(k), x(n+1-k)] misses the median with probability 2 P(Binomial(n, 1/2) &lt; k); k is the largest for which that is at most 0.1.</remarks>
    /// <param name="pairs">Five pairs at least, or one of five rounds at least.</param>
    /// <param name="threads">Threads of each session.</param>
    internal static LatencyComparison Summarize(IReadOnlyList<PairTimes> pairs, int threads)
    {
        double[] ratios = [.. (pairs.Count == 1 ? pairs[0].Ratios : pairs.Select(p => Median(p.Ratios))).Order()];
        ArgumentOutOfRangeException.ThrowIfLessThan(ratios.Length, Fewest, nameof(pairs));
        int rank = IntervalRank(ratios.Length);
        return new LatencyComparison(
            Median(pairs.SelectMany(p => p.Reference)), Median(pairs.SelectMany(p => p.Quantized)), Median(ratios), ratios[rank - 1], ratios[^rank],
            pairs.Sum(p => p.Reference.Length), threads, pairs.Count);
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

    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Milliseconds of a pair of sessions, round by round.</summary>
    /// <param name="Reference">Of the float model.</param>
    /// <param name="Quantized">Of the quantized model in the same rounds.</param>
    internal sealed record PairTimes(double[] Reference, double[] Quantized)
    {
        public IEnumerable<double> Ratios => Reference.Zip(Quantized, (f, q) => f / q);
    }

    /// <summary>A fresh session of each model.</summary>
    internal sealed class SessionPair(Action reference, Action quantized, IDisposable[] sessions) : IDisposable
    {
        private readonly TimedRun _reference = new(reference);
        private readonly TimedRun _quantized = new(quantized);

        /// <summary>Runs each, and decides how often a measurement repeats it.</summary>
        public void WarmUp(int times)
        {
            _reference.WarmUp(times);
            _quantized.WarmUp(times);
        }

        public double TimeReference(TimeSpan pause) => _reference.Time(pause);

        public double TimeQuantized(TimeSpan pause) => _quantized.Time(pause);

        public void Dispose() => Array.ForEach(sessions, s => s.Dispose());
    }
}
