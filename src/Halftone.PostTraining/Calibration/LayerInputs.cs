using System.Numerics.Tensors;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Plans;
using Halftone.Weights;
using Tensor = Halftone.Onnx.Tensor;

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
    /// <param name="data">Samples.</param>
    /// <param name="options">How many samples, and the memory for the moments of one pass.</param>
    /// <param name="cancel">Stops at once.</param>
    /// <exception cref="DataException">No sample could be read.</exception>
    public static IReadOnlyDictionary<InputSite, LayerStatistics> SecondMoments(
        Model model, IEnumerable<InputSite> sites, IDataSet data, CalibrationOptions options, CancellationToken cancel = default)
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
        foreach (LayerWindow[] group in Split(readers.Keys, options.Memory))
        {
            foreach ((LayerWindow window, double[] moment) in Gather(model, group, data, options, cancel))
            {
                var statistics = new LayerStatistics { SecondMoment = moment };
                readers[window].ForEach(site => found[site] = statistics);
            }
        }

        return found;
    }

    private static IEnumerable<LayerWindow[]> Split(IEnumerable<LayerWindow> windows, long memory)
    {
        List<LayerWindow> group = [];
        long bytes = 0;
        foreach (LayerWindow window in windows)
        {
            long size = (long)window.Groups * window.Inputs * window.Inputs * sizeof(double);
            if (group.Count > 0 && bytes + size > memory)
            {
                yield return [.. group];
                group.Clear();
                bytes = 0;
            }

            group.Add(window);
            bytes += size;
        }

        if (group.Count > 0)
        {
            yield return [.. group];
        }
    }

    private static Dictionary<LayerWindow, double[]> Gather(Model model, LayerWindow[] windows, IDataSet data, CalibrationOptions options, CancellationToken cancel)
    {
        int samples = Math.Min(data.Count, options.Samples);
        int[] indices = [.. Enumerable.Range(0, samples).Select(i => (int)((long)i * data.Count / samples))];
        ILookup<string, LayerWindow> byValue = windows.ToLookup(w => w.Value);
        string[] inner = [.. byValue.Select(g => g.Key).Where(v => model.Graph.Producer(v) is not null)];
        string[] outer = [.. byValue.Select(g => g.Key).Except(inner)];
        Dictionary<LayerWindow, Moment> moments = windows.ToDictionary(w => w, w => new Moment(w, samples));

        // one thread: the order of a runtime's sums may depend on their number
        using OrtSession session = OrtSession.Load(TensorTap.Expose(model, inner.Where(v => !model.Graph.IsOutput(v))), new OrtOptions { Threads = 1 });
        var state = new CarriedState(data);
        var skipped = new SkippedFiles();
        int done = 0;
        foreach (Batch batch in Batches.Of(data, indices, options.BatchSize, skipped, cancel))
        {
            IReadOnlyDictionary<string, Tensor> inputs = state.Inputs(batch);
            foreach ((string name, Tensor value) in state.Run(session, batch, inner, cancel).Where(r => byValue.Contains(r.Key)).Concat(outer.Select(o => KeyValuePair.Create(o, inputs[o]))))
            {
                foreach (LayerWindow window in byValue[name])
                {
                    moments[window].Add(value, batch.Samples.Length, options.Threads, cancel);
                }
            }

            done += batch.Samples.Length;
            options.Progress?.Report((done, samples));
        }

        return done == 0
            ? throw new DataException($"None of the {samples} calibration samples of {data.Description} could be read.")
            : moments.ToDictionary(m => m.Key, m => m.Value.Mean());
    }

    /// <summary>Sum of x x^T of one window, [groups, d, d].</summary>
    private sealed class Moment(LayerWindow window, int samples)
    {
        private readonly double[] _sum = new double[window.Groups * window.Inputs * window.Inputs];
        private readonly int _mostRows = (int)Math.Min(MostRows, Math.Max(4.0 * window.Inputs, Work / ((double)window.Inputs * window.Inputs)));
        private long _rows;

        public void Add(Tensor value, int samplesOfBatch, int threads, CancellationToken cancel)
        {
            int places = window.Places(value.Dims);
            int rows = Math.Min(places, Math.Max(1, (int)((long)_mostRows * samplesOfBatch / samples)));
            int d = window.Inputs;
            ReadOnlySpan<float> values = value.As<float>();
            var row = new double[rows * d];
            for (int group = 0; group < window.Groups; group++)
            {
                for (int r = 0; r < rows; r++)
                {
                    window.Read(values, value.Dims, (int)((long)r * places / rows), group, row.AsSpan(r * d, d));
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
