namespace Halftone.Onnx.Passes;

/// <summary>Folds zero padding into the convolution behind it.</summary>
/// <remarks>y = Conv(Pad(x, p, 0), pads=q)  =>  y = Conv(x, pads=p + q), where p pads spatial axes alone.</remarks>
public sealed record FoldPad : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        int folded = 0;
        foreach (Node conv in graph.Nodes.Where(n => n.Is("Conv")).ToArray())
        {
            if (graph.Producer(conv.Input(0)) is { } pad && pad.Is("Pad") && SpatialPads(graph, pad) is { } pads
                && graph.Consumers(pad.Output(0)).Count == 1 && !graph.IsOutput(pad.Output(0)) && conv.Text("auto_pad", "NOTSET") == "NOTSET")
            {
                long[] own = conv.Ints("pads") ?? new long[pads.Length];
                if (own.Length != pads.Length)
                {
                    continue;
                }

                conv.With("pads", own.Zip(pads, (a, b) => a + b));
                graph.SetInput(conv, 0, pad.Input(0));
                graph.Remove(pad);
                folded++;
            }
        }

        if (folded > 0)
        {
            context.Log.Add($"{folded} Pad nodes folded into convolutions");
        }

        return folded > 0;
    }

    // begin and end of the spatial axes, or null where anything else is padded, or not with zeros
    private static long[]? SpatialPads(Graph graph, Node pad)
    {
        if (pad.Text("mode", "constant") != "constant" || pad.Outputs.Count != 1 || graph.Constant(pad.Input(1)) is not { Type: ElementType.Int64 } amounts || pad.Input(3).Length > 0
            || (pad.Input(2).Length > 0 && !(graph.Constant(pad.Input(2)) is { Count: 1, Type: ElementType.Float or ElementType.Float16 or ElementType.Double } value && value.ToFloats()[0] == 0)))
        {
            return null;
        }

        long[] pads = amounts.ToInt64s();
        int rank = pads.Length / 2;
        if (pads.Length % 2 != 0 || rank < 3 || pads.Any(p => p is < 0 or > int.MaxValue) || pads[0] != 0 || pads[1] != 0 || pads[rank] != 0 || pads[rank + 1] != 0)
        {
            return null;
        }

        return [.. pads[2..rank], .. pads[(rank + 2)..]];
    }
}
