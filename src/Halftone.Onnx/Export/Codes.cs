using Halftone.Numerics;

namespace Halftone.Onnx.Export;

/// <summary>The affine map of a tensor of codes: x = scale * (code - zero point), along an axis or in blocks of one.</summary>
/// <param name="Scale">Name of the scale.</param>
/// <param name="Zero">Name of the zero point, or "" for 0.</param>
/// <param name="Axis">Axis of the scales; only meaningful where there are several.</param>
/// <param name="BlockSize">Elements along the axis that share a scale; 0 without blocks.</param>
internal readonly record struct AffineMap(string Scale, string Zero, int Axis = 1, int BlockSize = 0);

/// <summary>Reads and writes QuantizeLinear, Clip and DequantizeLinear.</summary>
internal static class Codes
{
    public const string Microsoft = "com.microsoft";

    public static bool IsQuantize(Node node) => node.Op == "QuantizeLinear" && node.Domain is "" or Microsoft;

    public static bool IsDequantize(Node node) => node.Op == "DequantizeLinear" && node.Domain is "" or Microsoft;

    /// <summary>The map of a QuantizeLinear or DequantizeLinear.</summary>
    public static AffineMap Map(Node node) => new(node.Input(1), node.Input(2), (int)node.Int("axis", 1), (int)node.Int("block_size", 0));

    /// <summary>The DequantizeLinear that makes a value, or null.</summary>
    public static Node? Dequantizer(Graph graph, string name) => graph.Producer(name) is { } node && IsDequantize(node) ? node : null;

    /// <summary>Whether a node clips codes: QuantizeLinear or constant codes, Clip, DequantizeLinear.</summary>
    public static bool IsClip(Graph graph, Node node) =>
        node.Is("Clip") && node.Inputs.Count == 3
        && graph.Constant(node.Input(1)) is { Count: 1, Type: ElementType.Int8 or ElementType.UInt8 } && graph.Constant(node.Input(2)) is { Count: 1 }
        && (graph.Constant(node.Input(0)) is not null || (graph.Producer(node.Input(0)) is { } q && IsQuantize(q)))
        && !graph.IsOutput(node.Outputs[0])
        && graph.Consumers(node.Outputs[0]) is { Count: > 0 } readers && readers.All(r => IsDequantize(r) && r.Input(0) == node.Outputs[0]);

    /// <summary>The element type of codes under a map: constants and zero points tell, else the producer.</summary>
    public static ElementType TypeOf(Graph graph, string codes, string zero) =>
        graph.Constant(zero)?.Type ?? graph.Constant(codes)?.Type ?? graph.Declared(codes)?.Type
        ?? (graph.Producer(codes) is { } q && IsQuantize(q) ? OutputType(graph, q) : ElementType.UInt8);

    /// <summary>The element type that a QuantizeLinear gives.</summary>
    public static ElementType OutputType(Graph graph, Node q) =>
        graph.Constant(q.Input(2))?.Type
        ?? (q.Has("output_dtype") && q.Int("output_dtype", 0) != 0 ? (ElementType)q.Int("output_dtype", 2)
        : graph.Declared(q.Outputs[0])?.Type is { } declared and not ElementType.Undefined ? declared : ElementType.UInt8);

    /// <summary>The whole grid of an integer type of at most 16 bits, or null.</summary>
    public static IntegerGrid? Grid(ElementType type) => type switch
    {
        ElementType.UInt8 => IntegerGrid.UInt8,
        ElementType.Int8 => IntegerGrid.Int8,
        ElementType.UInt4 => new(4, signed: false),
        ElementType.Int4 => new(4, signed: true),
        ElementType.UInt2 => new(2, signed: false),
        ElementType.Int2 => new(2, signed: true),
        ElementType.UInt16 => new(16, signed: false),
        ElementType.Int16 => new(16, signed: true),
        _ => null,
    };

    /// <summary>The smallest ONNX type that holds codes and that an opset has: int4 and 16 bits from 21, int2 from 25.</summary>
    /// <exception cref="ModelException">Codes of more than 8 bits before opset 21.</exception>
    public static ElementType StorageType(IntegerGrid grid, int opset, string what)
    {
        int bits = grid.Bits <= 2 && opset >= 25 ? 2 : grid.Bits <= 4 && opset >= 21 ? 4 : grid.Bits <= 8 ? 8 : 16;
        return (bits, grid.Signed) switch
        {
            (16, _) when opset < 21 => throw new ModelException($"16-bit codes, as of {what}, need opset 21; the model has {opset}. Ask for opset 21, or for 8 bits."),
            (2, true) => ElementType.Int2,
            (2, false) => ElementType.UInt2,
            (4, true) => ElementType.Int4,
            (4, false) => ElementType.UInt4,
            (8, true) => ElementType.Int8,
            (8, false) => ElementType.UInt8,
            (_, true) => ElementType.Int16,
            _ => ElementType.UInt16,
        };
    }

    /// <summary>Codes as a tensor of an integer type of 2 to 16 bits, the lowest bits first.</summary>
    public static Tensor Pack(int[] codes, ReadOnlySpan<long> dims, ElementType type) => new(type, dims, BitPacking.Pack(codes, type.Bits()));

    /// <summary>Scale and zero point of one constant pair for a whole tensor, or null.</summary>
    public static AffineParameters? Parameters(Graph graph, AffineMap map)
    {
        if (graph.Constant(map.Scale) is not { Count: 1 } scale || map.BlockSize != 0)
        {
            return null;
        }

        return map.Zero.Length == 0 ? new(scale.ToFloats()[0], 0)
            : graph.Constant(map.Zero) is { Count: 1 } zero && Grid(zero.Type) is not null ? new(scale.ToFloats()[0], (int)zero.ToInt64s()[0]) : null;
    }

    /// <summary>Whether two maps are the same, by name or by constant value.</summary>
    public static bool Same(Graph graph, AffineMap a, AffineMap b) =>
        SameConstant(graph, a.Scale, b.Scale) && SameZero(graph, a, b)
        && a.BlockSize == b.BlockSize && (a.Axis == b.Axis || graph.Constant(a.Scale) is { Count: 1 });

    /// <summary>The value of constant codes, or null where codes, scale or zero point are not constant.</summary>
    /// <remarks>(code - zero point) * scale in float, as ONNX computes it.</remarks>
    public static float[]? Dequantize(Graph graph, Node dequantize)
    {
        AffineMap map = Map(dequantize);
        if (graph.Constant(dequantize.Input(0)) is not { } codes || graph.Constant(map.Scale) is not { } scaleTensor
            || (map.Zero.Length > 0 && graph.Constant(map.Zero) is null) || (Grid(codes.Type) is null && codes.Type is not ElementType.Int32))
        {
            return null;
        }

        float[] scales = scaleTensor.ToFloats();
        long[] zeros = map.Zero.Length > 0 ? graph.Constant(map.Zero)!.ToInt64s() : new long[scales.Length];
        long[] q = codes.ToInt64s();
        var values = new float[q.Length];
        Func<int, int> group = Groups(codes, map, scales.Length);
        for (int i = 0; i < values.Length; i++)
        {
            int g = group(i);
            values[i] = (q[i] - zeros[zeros.Length == 1 ? 0 : g]) * scales[g];
        }

        return values;
    }

    /// <summary>Which scale each element of a tensor takes.</summary>
    public static Func<int, int> Groups(Tensor codes, AffineMap map, int scales)
    {
        if (scales == 1)
        {
            return _ => 0;
        }

        int axis = map.Axis < 0 ? map.Axis + codes.Dims.Length : map.Axis;
        if (axis < 0 || axis >= codes.Dims.Length)
        {
            throw new ModelException($"A DequantizeLinear with scale '{map.Scale}' has axis {map.Axis}, but its codes have {codes.Dims.Length} axes.");
        }

        int inner = 1;
        foreach (long length in codes.Dims.AsSpan()[(axis + 1)..])
        {
            inner *= (int)length;
        }

        int along = (int)codes.Dims[axis];
        int block = map.BlockSize > 0 ? map.BlockSize : 1;
        int blocks = (along + block - 1) / block;
        int outer = map.BlockSize > 0 ? along * inner : 0;
        long expected = map.BlockSize > 0 ? codes.Count / Math.Max(along, 1) * blocks : along;
        if (scales != expected)
        {
            throw new ModelException($"Scale '{map.Scale}' has {scales} values, but its codes need {expected}.");
        }

        // blocked: the scale has the codes' shape but for the axis; else one scale a channel
        return map.BlockSize > 0
            ? i => (i / outer * blocks * inner) + (i % outer / inner / block * inner) + (i % inner)
            : i => i / inner % along;
    }

    private static bool SameConstant(Graph graph, string a, string b) =>
        a == b || (graph.Constant(a) is { } x && graph.Constant(b) is { } y && x.Type == y.Type && x.Count == y.Count && x.Bytes.SequenceEqual(y.Bytes));

    private static bool SameZero(Graph graph, AffineMap a, AffineMap b)
    {
        if (SameConstant(graph, a.Zero, b.Zero))
        {
            return true;
        }

        (string given, string missing) = a.Zero.Length > 0 ? (a.Zero, b.Zero) : (b.Zero, a.Zero);
        return missing.Length == 0 && graph.Constant(given) is { } zero && zero.ToInt64s().All(z => z == 0);
    }
}
