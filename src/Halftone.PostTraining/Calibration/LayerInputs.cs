using System.Collections.Immutable;
using System.Numerics.Tensors;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.Weights;

namespace Halftone.PostTraining.Calibration;

/// <summary>What weight methods may know of the inputs of their layer, gathered from the float model in one pass over the samples.</summary>
/// <remarks>Layers that read the same value through the same window share their statistics. Rows beyond a bound are left out evenly, since the second moment of d inputs costs d^2 a row.</remarks>
public static class LayerInputs
{
    private const int MostRows = 1 << 16;
    private const double Work = 2e10; // multiply-adds a layer; about two seconds

    /// <summary>Second moments of the inputs of the layers that read weights; those whose weight is no matrix are left out.</summary>
    /// <param name="model">The float model, after the passes.</param>
    /// <param name="sites">The weights.</param>
    /// <param name="observed">Lengths of values for one sample.</param>
    /// <param name="data">Samples.</param>
    /// <param name="options">How many samples, and the memory for the moments of one pass.</param>
    /// <param name="cancel">Stops at once.</param>
    /// <returns>The moments, and the layers of which the moment alone exceeds the memory, so that it was not gathered.</returns>
    /// <exception cref="DataException">No sample could be read.</exception>
    public static (IReadOnlyDictionary<InputSite, LayerStatistics> Found, ImmutableArray<string> TooLarge) SecondMoments(
        Model model, IEnumerable<InputSite> sites, IReadOnlyDictionary<string, ObservedValue> observed, IDataSet data, CalibrationOptions options, CancellationToken cancel = default)
    {
        Graph graph = model.Graph;
        Dictionary<string, Node> nodes = graph.Nodes.ToDictionary(n => n.Name);
        Dictionary<LayerWindow, List<InputSite>> readers = [];
        foreach (InputSite site in sites.Order(Comparer<InputSite>.Create((a, b) => string.CompareOrdinal(a.Node, b.Node))))
        {
            Node node = nodes[site.Node];
            if (LayerWindow.Of(node, WeightViews.Of(node, graph.Constant(node.Input(site.Input))!)) is { } window)
            {
                (readers.TryGetValue(window, out List<InputSite>? list) ? list : readers[window] = []).Add(site);
            }
        }

        Dictionary<InputSite, LayerStatistics> found = [];
        foreach (LayerWindow[] group in Split(readers.Keys.Where(w => w.MomentBytes <= options.Memory), options.Memory))
        {
            foreach ((LayerWindow window, double[] moment) in Gather(model, group, observed, data, options, cancel))
            {
                var statistics = new LayerStatistics { SecondMoment = moment };
                readers[window].ForEach(site => found[site] = statistics);
            }
        }

        return (found, [.. readers.Where(r => r.Key.MomentBytes > options.Memory).SelectMany(r => r.Value).Select(s => s.Node)]);
    }

    private static IEnumerable<LayerWindow[]> Split(IEnumerable<LayerWindow> windows, long memory)
    {
        List<LayerWindow> group = [];
        long bytes = 0;
        foreach (LayerWindow window in windows)
        {
            if (group.Count > 0 && bytes + window.MomentBytes > memory)
            {
                yield return [.. group];
                group.Clear();
                bytes = 0;
            }

            group.Add(window);
            bytes += window.MomentBytes;
        }

        if (group.Count > 0)
        {
            yield return [.. group];
        }
    }

    private static Dictionary<LayerWindow, double[]> Gather(
        Model model, LayerWindow[] windows, IReadOnlyDictionary<string, ObservedValue> observed, IDataSet data, CalibrationOptions options, CancellationToken cancel)
    {
        ILookup<string, LayerWindow> byValue = windows.ToLookup(w => w.Value);
        int samples = Math.Min(data.Count, options.Samples);
        Dictionary<LayerWindow, Moment> moments = windows.ToDictionary(w => w, w => new Moment(w, samples));
        ValueTap.Visit(model, byValue.Select(g => g.Key), observed, data, options, (name, dims, values, count) =>
        {
            foreach (LayerWindow window in byValue[name])
            {
                moments[window].Add(dims, values, count, options.Threads, cancel);
            }
        }, cancel);
        return moments.ToDictionary(m => m.Key, m => m.Value.Mean());
    }

    /// <summary>Sum of x x^T of one window, [groups, d, d].</summary>
    private sealed class Moment(LayerWindow window, int samples)
    {
        private readonly double[] _sum = new double[window.Groups * window.Inputs * window.Inputs];
        private readonly int _mostRows = (int)Math.Min(MostRows, Math.Max(4.0 * window.Inputs, Work / ((double)window.Inputs * window.Inputs)));
        private long _rows;

        public void Add(ReadOnlySpan<long> dims, ReadOnlySpan<float> values, int samplesOfBatch, int threads, CancellationToken cancel)
        {
            int places = window.Places(dims);
            int rows = Math.Min(places, Math.Max(1, (int)((long)_mostRows * samplesOfBatch / samples)));
            int d = window.Inputs;
            var row = new double[rows * d];
            for (int group = 0; group < window.Groups; group++)
            {
                for (int r = 0; r < rows; r++)
                {
                    window.Read(values, dims, (int)((long)r * places / rows), group, row.AsSpan(r * d, d));
                }

                int start = group * d * d;
                Parallel.For(0, d, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, i =>
                {
                    Span<double> sum = _sum.AsSpan(start + (i * d), d);
                    for (int r = 0; r < rows; r++)
                    {
                        TensorPrimitives.MultiplyAdd(row.AsSpan(r * d, d), row[(r * d) + i], sum, sum);
                    }
                });
            }

            _rows += rows;
        }

        public double[] Mean() => Array.ConvertAll(_sum, s => s / _rows);
    }
}
