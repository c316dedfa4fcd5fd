using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>How far channels may be scaled before their activations exceed the range that a value has anyway.</summary>
internal sealed class ActivationLimits
{
    private readonly Dictionary<string, (ChannelsOfValue At, ChannelRanges Ranges)> _values = [];
    private readonly HashSet<string> _before = []; // values that an activation function bends at once

    /// <summary>Looks at samples.</summary>
    public static ActivationLimits Learn(Graph graph, ChannelMap map, PassContext context)
    {
        var limits = new ActivationLimits();
        ChannelAxis[] asked = [.. map.Values.Where(v => !v.Value.IsOpen && v.Value.Ids.Any(id => !map.IsFixed(id))).Select(v => new ChannelAxis(v.Key, v.Value.Axis))];
        foreach ((string value, ChannelRanges ranges) in asked.Length == 0 ? [] : context.ChannelRanges!(asked))
        {
            limits._values[value] = (map.Values[value], ranges);
            if (graph.Consumers(value) is [{ Op: "Relu" or "PRelu" or "LeakyRelu" or "Clip" }])
            {
                limits._before.Add(value);
            }
        }

        return limits;
    }

    /// <summary>The greatest factor of each output of a layer: min(A / a, most) and max(A / |least value before the activation|, 1).</summary>
    public double[] Of(ChannelMap map, ChannelSite site, ChannelScales scales, double[] share, double most)
    {
        Dictionary<int, int> places = site.Ids.Select((id, i) => (Root: map.Root(id), i)).DistinctBy(p => p.Root).ToDictionary(p => p.Root, p => p.i);
        double[] limits = [.. site.Ids.Select(_ => most)];
        var negative = new double[limits.Length];
        double greatest = 0;
        foreach ((string value, (ChannelsOfValue at, ChannelRanges ranges)) in _values)
        {
            if (!at.Ids.Any(id => places.ContainsKey(map.Root(id))))
            {
                continue;
            }

            double[] own = [.. at.Ids.Select((id, c) => Finite(ranges.Magnitude[c]) * scales[id])];
            if (_before.Contains(value))
            {
                foreach ((int id, int c) in at.Ids.Select((id, c) => (id, c)).Where(p => places.ContainsKey(map.Root(p.id))))
                {
                    negative[places[map.Root(id)]] = Math.Max(negative[places[map.Root(id)]], -Math.Min(0, Finite(ranges.Min[c])) * scales[id]);
                }

                continue;
            }

            double all = at.Ids.Zip(own, (id, a) => a * (places.TryGetValue(map.Root(id), out int i) ? share[i] : 1)).Max();
            greatest = Math.Max(greatest, all);
            foreach ((int id, double a) in at.Ids.Zip(own).Where(p => places.ContainsKey(map.Root(p.First)) && p.Second > 0))
            {
                int i = places[map.Root(id)];
                limits[i] = Math.Min(limits[i], all / a);
            }
        }

        return [.. limits.Select((limit, i) => negative[i] > 0 && greatest > 0 ? Math.Min(limit, Math.Max(greatest / negative[i], 1)) : limit)];
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

    private static double Finite(float value) => float.IsFinite(value) ? value : 0;
}
