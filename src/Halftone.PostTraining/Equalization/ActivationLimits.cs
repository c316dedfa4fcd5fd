using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>How far channels may be scaled before their activations exceed the range that a value has anyway.</summary>
internal sealed class ActivationLimits
{
    private readonly Dictionary<string, (ChannelsOfValue At, ChannelRanges Ranges)> _values = [];
    private readonly Dictionary<string, string> _bent = []; // values that an activation function reads, and what it makes of them

    /// <summary>Looks at samples.</summary>
    public static ActivationLimits Learn(Graph graph, ChannelMap map, PassContext context)
    {
        var limits = new ActivationLimits();
        ChannelAxis[] asked = [.. map.Values.Where(v => !v.Value.IsOpen && v.Value.Ids.Any(id => !map.IsFixed(id))).Select(v => new ChannelAxis(v.Key, v.Value.Axis))];
        foreach ((string value, ChannelRanges ranges) in asked.Length == 0 ? [] : context.ChannelRanges!(asked))
        {
            limits._values[value] = (map.Values[value], ranges);
            if (graph.Consumers(value) is [{ Op: "Relu" or "PRelu" or "LeakyRelu" or "Clip" } function])
            {
                limits._bent[value] = function.Outputs[0];
            }
        }

        return limits;
    }

    /// <summary>The greatest factor of each output of a layer: min(A / a, most) and max(A / |least value before the activation|, 1).</summary>
    public double[] Of(ChannelMap map, ChannelSite site, ChannelScales scales, double[] share, double most)
    {
        Dictionary<int, int> places = site.Ids.Select((id, i) => (Root: map.Root(id), i)).DistinctBy(p => p.Root).ToDictionary(p => p.Root, p => p.i);
        double[] limits = [.. site.Ids.Select(_ => most)];
        foreach ((string value, (ChannelsOfValue at, ChannelRanges ranges)) in _values)
        {
            (int Place, int Channel)[] own = [.. at.Ids.Select((id, c) => (places.GetValueOrDefault(map.Root(id), -1), c)).Where(p => p.Item1 >= 0)];
            if (own.Length == 0)
            {
                continue;
            }

            bool before = _bent.TryGetValue(value, out string? bent);
            double all = Greatest(before ? bent! : value, id => places.TryGetValue(map.Root(id), out int i) ? share[i] : 1, scales);
            foreach ((int place, int c) in own)
            {
                double reach = (before ? -Math.Min(0, Finite(ranges.Min[c])) : Finite(ranges.Magnitude[c])) * scales[at.Ids[c]];
                if (reach > 0 && all > 0)
                {
                    limits[place] = Math.Min(limits[place], before ? Math.Max(all / reach, 1) : all / reach);
                }
            }
        }

        return limits;
    }

    /// <summary>The factor that lifts the largest activation of a branch to that of the concatenation it is in; 1 for what is in none.</summary>
    public double LiftOfBranch(ChannelMap map, ChannelScales scales, Dictionary<int, double> factors, double most)
    {
        double lift = double.PositiveInfinity;
        foreach ((ChannelsOfValue at, ChannelRanges ranges) in _values.Values)
        {
            int[] own = [.. Enumerable.Range(0, at.Ids.Length).Where(c => factors.ContainsKey(map.Root(at.Ids[c])))];
            if (own.Length == 0 || own.Length == at.Ids.Length)
            {
                continue;
            }

            double all = Enumerable.Range(0, at.Ids.Length).Max(c => Finite(ranges.Magnitude[c]) * scales[at.Ids[c]]);
            double branch = own.Max(c => Finite(ranges.Magnitude[c]) * scales[at.Ids[c]] * factors[map.Root(at.Ids[c])]);
            lift = Math.Min(lift, branch > 0 ? all / branch : 1);
        }

        return double.IsInfinity(lift) ? 1 : Math.Clamp(lift, 1, most);
    }

    private double Greatest(string value, Func<int, double> share, ChannelScales scales) =>
        _values.TryGetValue(value, out (ChannelsOfValue At, ChannelRanges Ranges) found)
            ? Enumerable.Range(0, found.At.Ids.Length).Max(c => Finite(found.Ranges.Magnitude[c]) * scales[found.At.Ids[c]] * share(found.At.Ids[c]))
            : 0;

    private static double Finite(float value) => float.IsFinite(value) ? value : 0;
}
