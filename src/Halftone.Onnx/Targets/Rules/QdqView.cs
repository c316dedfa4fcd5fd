namespace Halftone.Onnx.Targets.Rules;

/// <summary>What a rule found.</summary>
internal sealed record Finding(string Node, string Message, bool Fixable = false, Severity? Severity = null);

/// <summary>Constant scales and zero points of a QuantizeLinear or DequantizeLinear.</summary>
internal sealed record Linear(float[] Scales, long[] Zeros, ElementType Type, int? Axis, int Block)
{
    public bool Same(Linear other) =>
        Type == other.Type && Axis == other.Axis && Block == other.Block && Scales.SequenceEqual(other.Scales) && Zeros.SequenceEqual(other.Zeros);

    /// <summary>Lowest and highest code of the type.</summary>
    public (long Min, long Max) Range => Unsigned ? (0, (1L << Type.Bits()) - 1) : (-(1L << (Type.Bits() - 1)), (1L << (Type.Bits() - 1)) - 1);

    public bool Unsigned => Type is ElementType.UInt2 or ElementType.UInt4 or ElementType.UInt8 or ElementType.UInt16;
}

/// <summary>A model seen as operators between quantizers.</summary>
internal sealed class QdqView(Model model)
{
    public Model Model { get; } = model;

    public Graph Graph => Model.Graph;

    public IEnumerable<Node> Quantizers => Graph.Nodes.Where(IsQuantizer);

    public IEnumerable<Node> Dequantizers => Graph.Nodes.Where(IsDequantizer);

    /// <summary>Operators that read a DequantizeLinear.</summary>
    public IEnumerable<Node> Units => Graph.Nodes.Where(n => !IsQuantizer(n) && !IsDequantizer(n) && n.Domain.Length == 0 && n.Inputs.Any(i => Graph.Producer(i) is { } p && IsDequantizer(p)));

    /// <summary>Where activations get their codes: each QuantizeLinear of a computed value, and each DequantizeLinear of a graph input.</summary>
    public IEnumerable<Node> ActivationSites => Graph.Nodes.Where(n =>
        (IsQuantizer(n) && Graph.Constant(n.Input(0)) is null) || (IsDequantizer(n) && Graph.Producer(n.Input(0)) is null && Graph.Constant(n.Input(0)) is null));

    /// <summary>Each weight: the DequantizeLinear of constant codes, and the node that multiplies by it.</summary>
    public IEnumerable<(Node Dequantizer, Node Consumer)> Weights =>
        from consumer in Graph.Nodes
        where IsWeighted(consumer)
        let dequantizer = Dequantizer(consumer, 1)
        where dequantizer is not null && IsConstant(dequantizer)
        select (dequantizer, consumer);

    /// <summary>Each bias behind a DequantizeLinear.</summary>
    public IEnumerable<(Node Dequantizer, Node Consumer)> Biases =>
        from consumer in Graph.Nodes
        where IsWeighted(consumer) && !consumer.Is("MatMul")
        let dequantizer = Dequantizer(consumer, 2)
        where dequantizer is not null
        select (dequantizer, consumer);

    public static bool IsQuantizer(Node node) => node.Op == "QuantizeLinear" && node.Domain is "" or "com.microsoft";

    public static bool IsDequantizer(Node node) => node.Op == "DequantizeLinear" && node.Domain is "" or "com.microsoft";

    public static bool IsWeighted(Node node) => node.Is("Conv") || node.Is("ConvTranspose") || node.Is("Gemm") || node.Is("MatMul");

    public Node? Dequantizer(Node node, int place) => Graph.Producer(node.Input(place)) is { } p && IsDequantizer(p) ? p : null;

    public bool IsConstant(Node dequantizer) =>
        Graph.Constant(dequantizer.Input(0)) is not null || (Graph.Producer(dequantizer.Input(0)) is { } q && IsQuantizer(q) && Graph.Constant(q.Input(0)) is not null);

    /// <summary>The quantizers that read an output.</summary>
    public Node[] QuantizersOf(string value) => [.. Graph.Consumers(value).Where(IsQuantizer)];

    /// <summary>The output of a node, or of the Relu or Clip behind it that nobody else reads past.</summary>
    public string End(Node node, Target target)
    {
        string output = node.Outputs[0];
        return !Graph.IsOutput(output) && Graph.Consumers(output) is [{ } next] && Role(next, target) is OperatorRole.Absorbed ? next.Outputs[0] : output;
    }

    public static OperatorRole? Role(Node node, Target target) => node.Domain.Length == 0 && target.Operators.TryGetValue(node.Op, out OperatorRole role) ? role : null;

    /// <summary>The parameters, or null where they are not constant.</summary>
    public Linear? Parameters(Node node)
    {
        if (Graph.Constant(node.Input(1)) is not { } scale)
        {
            return null;
        }

        Tensor? zero = Graph.Constant(node.Input(2));
        if (zero is null && node.Input(2).Length > 0)
        {
            return null;
        }

        float[] scales = scale.ToFloats();
        ElementType type = zero?.Type ?? TypeWithoutZero(node);
        long[] zeros = zero is null || type.Bits() == 0 || Operators.SmallFloats.IsSmallFloat(type) ? new long[scales.Length] : zero.ToInt64s();
        int block = (int)node.Int("block_size", 0);
        return new(scales, zeros, type, scale.Dims.Length > 0 && (scales.Length > 1 || block > 0) ? (int)node.Int("axis", 1) : null, block);
    }

    /// <summary>Bits of the codes in use: fewer than the type's where constant codes leave them out or a Clip follows the quantizer, as with widths that ONNX has no type for.</summary>
    public int BitsInUse(Node node, Linear parameters)
    {
        (long Low, long High) codes = parameters.Range;
        if (IsDequantizer(node) && Graph.Constant(node.Input(0)) is { Count: > 0 } constant)
        {
            long[] all = constant.ToInt64s();
            codes = (all.Min(), all.Max());
        }
        else if (IsQuantizer(node) && Graph.Consumers(node.Outputs[0]) is [{ Op: "Clip" } clip] && Graph.Constant(clip.Input(1)) is { Count: 1 } low && Graph.Constant(clip.Input(2)) is { Count: 1 } high)
        {
            codes = (low.ToInt64s()[0], high.ToInt64s()[0]);
        }

        int bits = 1;
        while (parameters.Unsigned ? codes.High >= 1L << bits : codes.Low < -(1L << (bits - 1)) || codes.High >= 1L << (bits - 1))
        {
            bits++;
        }

        return bits;
    }

    /// <summary>The axis of a weight whose index is an output channel.</summary>
    public static int? ChannelAxis(Node consumer, int rank) => consumer.Op switch
    {
        "Conv" => 0,
        "ConvTranspose" => 1,
        "Gemm" => consumer.Int("transB", 0) != 0 ? 0 : 1,
        "MatMul" => rank - 1,
        _ => null,
    };

    private ElementType TypeWithoutZero(Node node)
    {
        if (IsQuantizer(node))
        {
            var made = (ElementType)node.Int("output_dtype", 0);
            return made is ElementType.Undefined ? ElementType.UInt8 : made;
        }

        return Graph.Constant(node.Input(0))?.Type
            ?? (Graph.Producer(node.Input(0)) is { } q && IsQuantizer(q) && Parameters(q) is { } p ? p.Type : Graph.Declared(node.Input(0))?.Type ?? ElementType.Undefined);
    }
}
