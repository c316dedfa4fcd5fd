using System.Diagnostics;
using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>Times of one model.</summary>
/// <param name="Milliseconds">Of one run: the median over the sessions of each session's median.</param>
/// <param name="Low">Lower end of a 90 % interval of that median.</param>
/// <param name="High">Upper end.</param>
/// <param name="Rounds">Measurements, of all sessions.</param>
/// <param name="Threads">Threads of a session.</param>
/// <param name="Sessions">Sessions; with one, its measurements stand for them.</param>
public sealed record LatencyAlone(double Milliseconds, double Low, double High, int Rounds, int Threads, int Sessions)
{
    /// <summary>Times a model in fresh sessions, one after another, for the reason that <see cref="Latency"/> gives.</summary>
    /// <param name="load">Loads it, with the threads that the options name.</param>
    /// <param name="inputs">Fed to it.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancel">Stops the run that is going on.</param>
    /// <exception cref="ModelException">The model cannot be loaded or run.</exception>
    public static LatencyAlone Of(Func<IModelRunner> load, IReadOnlyDictionary<string, Tensor> inputs, LatencyOptions? options = null, CancellationToken cancel = default)
    {
        options ??= LatencyOptions.Default;
        List<double[]> times = [];
        Stack<IDisposable> former = [];
        long start = Stopwatch.GetTimestamp();
        try
        {
            for (bool done = false; !done;)
            {
                long begun = Stopwatch.GetTimestamp();
                Stack<IDisposable> loaded = [];
                Stack<IDisposable> gone = former;
                former = loaded; // let go at the end, whatever happens
                var run = new TimedRun(Loaded(load, inputs, loaded, gone, cancel));
                run.WarmUp(options.WarmUp);
                bool alone = times.Count == 0 && Stopwatch.GetElapsedTime(begun) * Latency.Fewest > options.Budget;
                times.Add(Measure(run, alone ? Latency.Fewest : 2, alone ? options.Budget : options.Budget / Latency.MostPairs, options, cancel));
                done = alone || times.Count == Latency.MostPairs || (times.Count >= Latency.Fewest && Stopwatch.GetElapsedTime(start) >= options.Budget);
            }
        }
        finally
        {
            LetGo(former);
        }

        double[] medians = [.. (times.Count == 1 ? times[0] : times.Select(t => Latency.Median(t))).Order()];
        int rank = Latency.IntervalRank(medians.Length);
        return new LatencyAlone(Latency.Median(medians), medians[rank - 1], medians[^rank], times.Sum(t => t.Length), options.Threads, times.Count);
    }

    // the former session is let go only when the new one stands, so that the memory is not the same again
    private static Action Loaded(Func<IModelRunner> load, IReadOnlyDictionary<string, Tensor> inputs, Stack<IDisposable> loaded, Stack<IDisposable> former, CancellationToken cancel)
    {
        try
        {
            return Latency.Bind(load, inputs, loaded, cancel).Run;
        }
        finally
        {
            LetGo(former);
        }
    }

    private static double[] Measure(TimedRun run, int fewest, TimeSpan budget, LatencyOptions options, CancellationToken cancel)
    {
        List<double> times = [];
        long start = Stopwatch.GetTimestamp();
        while (times.Count < fewest || (times.Count < options.MostRounds && Stopwatch.GetElapsedTime(start) < budget))
        {
            cancel.ThrowIfCancellationRequested();
            times.Add(run.Time(options.Pause));
        }

        return [.. times];
    }

    private static void LetGo(Stack<IDisposable> loaded)
    {
        while (loaded.TryPop(out IDisposable? one))
        {
            one.Dispose();
        }
    }
}
