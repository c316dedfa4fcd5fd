using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>A Clip(0, b) written as Min(Relu(x), [b, ..., b]), so that each channel may have a bound of its own, which the operator Clip cannot.</summary>
/// <param name="Value">Its output.</param>
/// <param name="Relu">The first node.</param>
/// <param name="Min">The second.</param>
/// <param name="Clip">What they stand for.</param>
internal sealed record ChannelBound(string Value, Node Relu, Node Min, Node Clip)
{
    /// <summary>Opens those that layers lead to and from.</summary>
    public static List<ChannelBound> Open(Graph graph, PassContext context)
    {
        List<ChannelBound> opened = [];
        bool more = true;
        while (more)
        {
            // a bound that was opened shows the channels behind it
            var map = ChannelMap.Of(graph, context, shared: true);
            more = false;
            foreach (Node clip in graph.Nodes.Where(n => n.Is("Clip")).ToArray())
            {
                if (ClipBounds.Of(graph, clip) is (0, > 0 and < float.MaxValue) and var (_, high) && !graph.IsOutput(clip.Outputs[0])
                    && map.Values.TryGetValue(clip.Input(0), out ChannelsOfValue? at) && !at.IsOpen && at.Axis >= 0 && at.Rank > 0)
                {
                    opened.Add(Open(graph, clip, high, at));
                    more = true;
                }
            }
        }

        return opened;
    }

    /// <summary>Puts the Clip back where all channels kept the bound.</summary>
    public void CloseIfEqual(Graph graph)
    {
        if (graph.Constant(Min.Input(1))!.ToFloats().Distinct().Count() == 1 && ClipBounds.Of(graph, Clip)!.Value.High == graph.Constant(Min.Input(1))!.ToFloats()[0])
        {
            graph.InsertBefore(Relu, Clip);
            graph.Remove(Relu);
            graph.Remove(Min);
            graph.RemoveConstant(Min.Input(1));
        }
    }

    private static ChannelBound Open(Graph graph, Node clip, float high, ChannelsOfValue at)
    {
        float[] bounds = new float[at.Ids.Length];
        Array.Fill(bounds, high);
        string constant = graph.AddConstant($"{clip.Name}_bounds", Tensor.Of(bounds, [bounds.Length, .. Enumerable.Repeat(1L, at.Rank - at.Axis - 1)]));
        string middle = graph.FreshName($"{clip.Outputs[0]}_relu");
        Node relu = graph.InsertBefore(clip, new Node(graph.FreshName($"{clip.Name}_relu"), "Relu", [clip.Input(0)], [middle]));
        Node min = graph.InsertBefore(clip, new Node(graph.FreshName($"{clip.Name}_min"), "Min", [middle, constant], [clip.Outputs[0]]));
        graph.Remove(clip);
        return new(clip.Outputs[0], relu, min, clip);
    }
}
