namespace Halftone.Onnx.Tests.Targets;

/// <summary>Builds small models of QuantizeLinear and DequantizeLinear for tests.</summary>
internal sealed class QdqModel
{
    private readonly ElementType _codes;

    public QdqModel(bool signed, long?[] inputDims, int opset = 13, string[]? outputs = null)
    {
        _codes = signed ? ElementType.Int8 : ElementType.UInt8;
        Model = Model.Create(opset, [new("x", ElementType.Float, inputDims)], [.. (outputs ?? ["y"]).Select(o => new ValueInfo(o, ElementType.Undefined, null))]);
    }

    public Model Model { get; }

    public Graph Graph => Model.Graph;

    public int Middle => _codes is ElementType.Int8 ? 0 : 128;

    /// <summary>Q then DQ; the DQ's output. The zero point is counted from the middle of the codes.</summary>
    public string Pair(string value, float scale = 0.05f, int shift = 0, string? output = null, ElementType? type = null)
    {
        string codes = Quantize(value, scale, shift, type: type);
        return Dequantize(codes, scale, shift, output, type);
    }

    public string Quantize(string value, float scale = 0.05f, int shift = 0, string? output = null, ElementType? type = null)
    {
        string name = output ?? Graph.FreshName($"{value}_q");
        Graph.Add(new Node($"Q_{name}", "QuantizeLinear", [value, Constant($"{name}_s", Tensor.Scalar(scale)), Constant($"{name}_z", Code(Middle + shift, type))], [name]));
        return name;
    }

    public string Dequantize(string codes, float scale = 0.05f, int shift = 0, string? output = null, ElementType? type = null)
    {
        string name = output ?? Graph.FreshName($"{codes}_d");
        Graph.Add(new Node($"D_{name}", "DequantizeLinear", [codes, Constant($"{name}_s", Tensor.Scalar(scale)), Constant($"{name}_z", Code(Middle + shift, type))], [name]));
        return name;
    }

    /// <summary>An int8 weight behind a DequantizeLinear; several scales go along the axis.</summary>
    public string Weight(sbyte[] codes, long[] dims, float[] scales, int axis = 0)
    {
        string name = Graph.FreshName("w");
        string values = Constant($"{name}_codes", Tensor.Of(codes, dims));
        Tensor zeros = scales.Length == 1 ? Tensor.Scalar((sbyte)0) : Tensor.Of(new sbyte[scales.Length], scales.Length);
        Tensor scale = scales.Length == 1 ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, scales.Length);
        var node = new Node($"D_{name}", "DequantizeLinear", [values, Constant($"{name}_s", scale), Constant($"{name}_z", zeros)], [name]);
        Graph.Add(scales.Length == 1 ? node : node.With("axis", axis));
        return name;
    }

    /// <summary>An int32 bias behind a DequantizeLinear.</summary>
    public string Bias(int[] codes, float[] scales)
    {
        string name = Graph.FreshName("b");
        string values = Constant($"{name}_codes", Tensor.Of(codes, codes.Length));
        Tensor scale = scales.Length == 1 ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, scales.Length);
        var node = new Node($"D_{name}", "DequantizeLinear", [values, Constant($"{name}_s", scale)], [name]);
        Graph.Add(scales.Length == 1 ? node : node.With("axis", 0));
        return name;
    }

    public string Op(string op, string[] inputs, Action<Node>? attributes = null, string? output = null, string? name = null)
    {
        output ??= Graph.FreshName($"{op.ToLowerInvariant()}_out");
        Node node = new(name ?? Graph.FreshName(op), op, inputs, [output]);
        attributes?.Invoke(node);
        Graph.Add(node);
        return output;
    }

    public string Constant(string like, Tensor value) => Graph.AddConstant(like, value);

    public static sbyte[] Codes(int count, int seed, int limit = 127)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (sbyte)random.Next(-limit, limit + 1))];
    }

    private Tensor Code(int value, ElementType? type) => (type ?? _codes) switch
    {
        ElementType.Int8 => Tensor.Scalar((sbyte)value),
        ElementType.UInt8 => Tensor.Scalar((byte)value),
        ElementType.Int16 => Tensor.Scalar((short)value),
        ElementType.UInt16 => Tensor.Scalar((ushort)value),
        ElementType other => throw new ArgumentException(other.ToString()),
    };
}
