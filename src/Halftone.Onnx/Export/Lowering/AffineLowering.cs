using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Onnx.Export.Lowering;

/// <summary>Affine weights: codes and DequantizeLinear (int4, 16 bits and blocks from opset 21, int2 from 25; other widths in the next type up).</summary>
/// <remarks>Codes at halves, scale * (q + 1/2 - z), are stored as 2q + 1 around the zero point 2z with half the scale: one bit more, the same values.</remarks>
internal static class AffineLowering
{
    /// <summary>Adds codes, scales and zero points; the result adds a DequantizeLinear before the node given, or one that any node may read.</summary>
    public static Func<Node?, string> Store(NodeWriter writer, AffineTensor affine)
    {
        (Graph graph, string tensor) = (writer.Graph, writer.Tensor);
        Granularity granularity = affine.Granularity;
        string what = $"the weight '{tensor}'";
        RequireOpset(writer.Opset, what, granularity);
        (IntegerGrid grid, int[] codes, int[] zeros, float[] scales) = affine.HalfCodes ? Doubled(affine, what) : (affine.Grid, affine.Codes(), [.. affine.ZeroPoints], [.. affine.Scales]);
        ElementType type = Codes.StorageType(grid, writer.Opset, what);
        long[] scaleDims = [.. granularity.ScaleShape(affine.Shape.AsSpan()).Select(d => (long)d)];
        string[] inputs =
        [
            writer.Constant("quantized", Codes.Pack(codes, NodeWriter.Dims(affine), type)),
            writer.Constant("scale", Tensor.Of(scales, scaleDims)),
            writer.Constant("zero_point", Codes.Pack(zeros, scaleDims, type)),
        ];
        string? offsets = affine.Offsets.IsEmpty ? null : writer.Spread("offset", affine.Offsets.AsSpan(), affine.Shape, granularity);
        return reader =>
        {
            string output = graph.FreshName($"{tensor}_DequantizeLinear_Output");
            Insert(graph, reader, Along(new Node(graph.FreshName($"{tensor}_DequantizeLinear"), "DequantizeLinear", inputs, [output]), granularity));
            if (offsets is null)
            {
                return output;
            }

            string moved = graph.FreshName($"{tensor}_Add_Output");
            Insert(graph, reader, new Node(graph.FreshName($"{tensor}_Add"), "Add", [output, offsets], [moved]));
            return moved;
        };
    }

    /// <summary>The type that stores the codes, and why it is wider than they are where it is.</summary>
    public static string Describe(AffineTensor affine, int opset)
    {
        int bits = affine.Grid.Bits + (affine.HalfCodes ? 1 : 0);
        ElementType type = Codes.StorageType(new IntegerGrid(Math.Min(bits, 16), affine.Grid.Signed), Math.Max(opset, bits > 8 ? 21 : 0), "");
        return type.Bits() == bits ? type.OnnxName()
            : $"{affine.Grid.Bits}-bit codes{(affine.HalfCodes ? " at halves" : "")} stored as {type.OnnxName()}, the next type up in opset {opset}";
    }

    private static void Insert(Graph graph, Node? reader, Node node)
    {
        if (reader is null)
        {
            graph.Add(node);
        }
        else
        {
            graph.InsertBefore(reader, node);
        }
    }

    private static Node Along(Node restore, Granularity granularity)
    {
        if (granularity.Axis >= 0)
        {
            restore.With("axis", granularity.Axis);
        }

        return granularity.BlockSize > 0 ? restore.With("block_size", granularity.BlockSize) : restore;
    }

    private static (IntegerGrid Grid, int[] Codes, int[] Zeros, float[] Scales) Doubled(AffineTensor affine, string what)
    {
        if (affine.Grid.Bits == 16 || affine.Scales.Any(s => !float.IsNormal(s / 2)))
        {
            throw new ModelException($"Codes at halves, as of {what}, take one bit more and half the scale: 16 bits and scales at the end of the floats cannot be written.");
        }

        return (new IntegerGrid(affine.Grid.Bits + 1, affine.Grid.Signed), [.. affine.Codes().Select(q => (2 * q) + 1)], [.. affine.ZeroPoints.Select(z => 2 * z)], [.. affine.Scales.Select(s => s / 2)]);
    }

    private static void RequireOpset(int opset, string what, Granularity granularity)
    {
        int needed = granularity.Kind switch
        {
            GranularityKind.Block => 21,
            GranularityKind.Channel => 13,
            _ => 10,
        };
        if (opset < needed)
        {
            throw new ModelException($"{char.ToUpperInvariant(what[0])}{what[1..]} is quantized by {granularity.Kind.ToString().ToLowerInvariant()}, which needs opset {needed}; the model has {opset}.");
        }
    }
}
