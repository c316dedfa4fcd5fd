using Halftone.Onnx;

namespace Halftone.PostTraining.Equalization;

/// <summary>Layers that read the same value, whose input channels can be divided by a scale if what makes the value takes it, or a product before them does.</summary>
/// <param name="Value">What they read.</param>
/// <param name="Axis">Its channels; negative from the end.</param>
/// <param name="Channels">How many.</param>
/// <param name="Layers">The layers.</param>
/// <param name="Ids">Channels of the map, where a normalization or a layer before can take the scale; else null.</param>
internal sealed record ScaledInputs(string Value, int Axis, int Channels, LinearLayer[] Layers, int[]? Ids)
{
    /// <summary>All of a graph, in its order; layers whose input is transposed are left out.</summary>
    public static IEnumerable<ScaledInputs> All(Graph graph, ChannelMap map)
    {
        var makers = map.Scaled.Where(s => s.Role is not ChannelRole.Shift).SelectMany(s => s.Ids.Select(map.Root)).ToHashSet();
        ILookup<int, ChannelSite> readers = map.Divided.SelectMany(s => s.Ids.Distinct().Select(id => (Root: map.Root(id), Site: s))).ToLookup(r => r.Root, r => r.Site);
        foreach (IGrouping<string, LinearLayer> group in graph.Nodes.Select(n => LinearLayer.Of(graph, n)).OfType<LinearLayer>().Where(l => l.Node.Int("transA", 0) == 0).GroupBy(l => l.Node.Input(0)).ToArray())
        {
            LinearLayer[] layers = [.. group];
            if (layers.Any(l => l.Inputs != layers[0].Inputs || (l.Node.Op is "Conv" or "ConvTranspose") != (layers[0].Node.Op is "Conv" or "ConvTranspose")))
            {
                continue;
            }

            int axis = layers[0].Node.Op is "Conv" or "ConvTranspose" ? 1 : -1;
            int[]? ids = map.Values.TryGetValue(group.Key, out ChannelsOfValue? at) && !at.IsOpen && at.Ids.Length == layers[0].Inputs
                && at.Ids.All(id => !map.IsFixed(id) && makers.Contains(map.Root(id)) && readers[map.Root(id)].All(r => layers.Any(l => l.Node == r.Node))) ? at.Ids : null;
            yield return new(group.Key, axis, layers[0].Inputs, layers, ids);
        }
    }

    /// <summary>Multiplies the weights by a scale for each input, and puts its inverse into a product before them.</summary>
    public void InsertProduct(Graph graph, double[] scales)
    {
        int rank = Axis < 0 ? 1 : Layers[0].Weight.Dims.Length - 1;
        string factors = graph.AddConstant($"{Value}_smoothing", Tensor.Of([.. scales.Select(s => (float)(1 / s))], [Channels, .. Enumerable.Repeat(1L, rank - 1)]));
        var product = new Node(graph.FreshName($"{Value}_smooth"), "Mul", [Value, factors], [graph.FreshName($"{Value}_smoothed")]);
        graph.InsertBefore(Layers[0].Node, product);
        foreach (LinearLayer layer in Layers)
        {
            graph.SetInput(layer.Node, 0, product.Outputs[0]);
            layer.InputSite([.. Enumerable.Range(0, Channels)]).Scale(graph, id => scales[id]);
        }
    }
}
