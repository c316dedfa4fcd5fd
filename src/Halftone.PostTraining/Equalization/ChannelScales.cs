using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>A scale for each channel of a map, kept in double precision and put into the constants once, so that sweeps leave no trail of roundings.</summary>
internal sealed class ChannelScales
{
    private readonly Graph _graph;
    private readonly ChannelMap _map;
    private readonly double[] _scales; // by root
    private readonly Dictionary<string, Cells> _cells = [];

    public ChannelScales(Graph graph, ChannelMap map)
    {
        (_graph, _map) = (graph, map);
        _scales = new double[map.Count];
        Array.Fill(_scales, 1);
    }

    /// <summary>The scale of a channel.</summary>
    public double this[int id]
    {
        get => _scales[_map.Root(id)];
        set => _scales[_map.Root(id)] = value;
    }

    /// <summary>Greatest |ln s|; 0 without channels.</summary>
    public double Greatest => _scales.Select(s => Math.Abs(Math.Log(s))).DefaultIfEmpty(0).Max();

    /// <summary>Least and greatest weight of each channel of a site, as scaled now.</summary>
    public (double[] Min, double[] Max) Ranges(ChannelSite site)
    {
        if (!_cells.TryGetValue(site.Constant, out Cells? cells))
        {
            ChannelSite? made = _map.Scaled.Find(s => s.Constant == site.Constant && s.Role is ChannelRole.Weight);
            ChannelSite? read = _map.Divided.Find(s => s.Constant == site.Constant);
            _cells[site.Constant] = cells = Cells.Of(_graph.Constant(site.Constant)!.ToFloats(), made, read);
        }

        return cells.Ranges(site, this);
    }

    /// <summary>Greatest magnitude of each channel of a site, as scaled now.</summary>
    public double[] Magnitudes(ChannelSite site)
    {
        (double[] min, double[] max) = Ranges(site);
        return [.. min.Zip(max, (a, b) => Math.Max(Math.Abs(a), Math.Abs(b)))];
    }

    /// <summary>Puts the scales into the constants, and into the moments of folded normalizations.</summary>
    public void Apply(PassContext context)
    {
        foreach (ChannelSite site in _map.Scaled.Where(Moved))
        {
            site.Scale(_graph, id => this[id]);
            if (site.Role is ChannelRole.Weight && context.BatchNorm.TryGetValue(site.Node.Name, out BatchNormMoments? moments) && moments.Mean.Length == site.Ids.Length)
            {
                context.BatchNorm[site.Node.Name] = new(Scaled(moments.Mean, site), Scaled(moments.Deviation, site));
            }
        }

        foreach (ChannelSite site in _map.Divided.Where(Moved))
        {
            site.Scale(_graph, id => 1 / this[id]);
        }
    }

    private bool Moved(ChannelSite site) => site.Ids.Any(id => this[id] != 1);

    private float[] Scaled(float[] values, ChannelSite site) => [.. values.Select((v, c) => (float)(v * this[site.Ids[c]]))];

    /// <summary>Extremes of a weight over the runs of elements that share both their channels.</summary>
    private sealed class Cells(ChannelSite? made, ChannelSite? read, int run, float[] min, float[] max)
    {
        public static Cells Of(float[] values, ChannelSite? made, ChannelSite? read)
        {
            int run = Math.Min(made?.Inner ?? int.MaxValue, read?.Inner ?? int.MaxValue);
            if (run == 1)
            {
                return new(made, read, 1, values, values);
            }

            float[] min = new float[values.Length / run];
            float[] max = new float[min.Length];
            for (int i = 0; i < min.Length; i++)
            {
                ReadOnlySpan<float> cell = values.AsSpan(i * run, run);
                (min[i], max[i]) = (System.Numerics.Tensors.TensorPrimitives.Min(cell), System.Numerics.Tensors.TensorPrimitives.Max(cell));
            }

            return new(made, read, run, min, max);
        }

        public (double[] Min, double[] Max) Ranges(ChannelSite site, ChannelScales scales)
        {
            double[]? outputs = made?.Ids.Select(id => scales[id]).ToArray();
            double[]? inputs = read?.Ids.Select(id => scales[id]).ToArray();
            double[] least = new double[site.Ids.Length];
            double[] most = new double[site.Ids.Length];
            Array.Fill(least, double.PositiveInfinity);
            Array.Fill(most, double.NegativeInfinity);
            for (int i = 0; i < min.Length; i++)
            {
                double factor = (outputs is null ? 1 : outputs[made!.Channel(i * run)]) / (inputs is null ? 1 : inputs[read!.Channel(i * run)]);
                int channel = site.Channel(i * run);
                least[channel] = Math.Min(least[channel], min[i] * factor);
                most[channel] = Math.Max(most[channel], max[i] * factor);
            }

            return (least, most);
        }
    }
}
