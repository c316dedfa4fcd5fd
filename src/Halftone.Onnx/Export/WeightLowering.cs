using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Onnx.Export;

/// <summary>How a weight's format is stored in ONNX: the one switch over the closed set of formats.</summary>
/// <remarks>Affine: codes and DequantizeLinear (int4 and blocks from opset 21, int2 from 25; other widths in the next type up).</remarks>
internal static class WeightLowering
{
    /// <summary>Adds the constants of a weight to the graph.</summary>
    /// <exception cref="ModelException">The opset is too low for the format, or the format has no lowering.</exception>
    public static WeightNames Store(Model model, string tensor, QuantizedTensor format)
    {
        if (format is not AffineTensor affine)
        {
            throw new ModelException($"The weight '{tensor}' is a {format.GetType().Name}, which cannot be written to ONNX yet.");
        }

        if (affine.HalfCodes || !affine.Offsets.IsEmpty)
        {
            throw new ModelException($"The weight '{tensor}' has codes at halves or offsets, which DequantizeLinear cannot express.");
        }

        Granularity granularity = affine.Granularity;
        RequireOpset(model, tensor, granularity);
        long[] dims = [.. affine.Shape.Select(d => (long)d)];
        long[] scaleDims = [.. granularity.ScaleShape(affine.Shape.AsSpan()).Select(d => (long)d)];
        Graph graph = model.Graph;
        return new WeightNames(
            graph.AddConstant($"{tensor}_quantized", Pack(model, affine.Codes(), affine.Grid, dims, $"the weight '{tensor}'")),
            graph.AddConstant($"{tensor}_scale", Tensor.Of(affine.Scales.AsSpan(), scaleDims)),
            graph.AddConstant($"{tensor}_zero_point", Pack(model, [.. affine.ZeroPoints], affine.Grid, scaleDims, $"the weight '{tensor}'")),
            granularity,
            IsFloat: false);
    }

    /// <summary>Adds a DequantizeLinear before a node; returns the name of the restored weight.</summary>
    public static string Restore(Graph graph, Node node, string tensor, WeightNames names)
    {
        string output = graph.FreshName($"{tensor}_DequantizeLinear_Output");
        Node restore = new(graph.FreshName($"{tensor}_DequantizeLinear"), "DequantizeLinear", [names.Codes, names.Scale, names.Zero], [output]);
        if (names.Granularity.Axis >= 0)
        {
            restore.With("axis", names.Granularity.Axis);
        }

        if (names.Granularity.BlockSize > 0)
        {
            restore.With("block_size", names.Granularity.BlockSize);
        }

        graph.InsertBefore(node, restore);
        return output;
    }

    /// <summary>Codes as a tensor of the smallest ONNX type that holds them and that the model's opset has.</summary>
    public static Tensor Pack(Model model, int[] codes, IntegerGrid grid, ReadOnlySpan<long> dims, string what)
    {
        int bits = grid.Bits <= 2 && model.Opset >= 25 ? 2 : grid.Bits <= 4 && model.Opset >= 21 ? 4 : grid.Bits <= 8 ? 8 : 16;
        if (bits == 16 && model.Opset < 21)
        {
            throw new ModelException($"16-bit codes, as of {what}, need opset 21; the model has {model.Opset}. Ask for opset 21, or for 8 bits.");
        }

        ElementType type = (bits, grid.Signed) switch
        {
            (2, true) => ElementType.Int2,
            (2, false) => ElementType.UInt2,
            (4, true) => ElementType.Int4,
            (4, false) => ElementType.UInt4,
            (8, true) => ElementType.Int8,
            (8, false) => ElementType.UInt8,
            (_, true) => ElementType.Int16,
            _ => ElementType.UInt16,
        };
        var bytes = new byte[type.ByteCount(codes.Length)];
        for (int i = 0; i < codes.Length; i++)
        {
            int at = i * bits;
            int value = codes[i] & ((1 << bits) - 1);
            bytes[at >> 3] |= (byte)(value << (at & 7));
            if (bits == 16)
            {
                bytes[(at >> 3) + 1] = (byte)(value >> 8);
            }
        }

        return new Tensor(type, dims, bytes);
    }

    private static void RequireOpset(Model model, string tensor, Granularity granularity)
    {
        int needed = granularity.Kind switch
        {
            GranularityKind.Block => 21,
            GranularityKind.Channel => 13,
            _ => 10,
        };
        if (model.Opset < needed)
        {
            throw new ModelException($"The weight '{tensor}' is quantized by {granularity.Kind.ToString().ToLowerInvariant()}, which needs opset {needed}; the model has {model.Opset}.");
        }
    }
}
