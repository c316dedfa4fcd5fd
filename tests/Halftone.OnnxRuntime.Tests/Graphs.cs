using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

/// <summary>Builds QDQ graphs, one operator after another.</summary>
internal sealed class QdqBuilder
{
    private readonly Graph _graph;
    private readonly ElementType _codes;
    private int _count;

    public QdqBuilder(ElementType codes, long[] inputDims, long?[]? declared = null, int opset = 13)
    {
        _codes = codes;
        Model = Model.Create(opset, [new ValueInfo("x", ElementType.Float, declared ?? [.. inputDims])], [new ValueInfo("y", ElementType.Float, null)]);
        _graph = Model.Graph;
        Input = new() { ["x"] = Samples.Ramp(inputDims) };
    }

    public Model Model { get; }

    public Dictionary<string, Tensor> Input { get; }

    /// <summary>x through Q and DQ with scale 1/100, or one of its own.</summary>
    public string Quantized(string x, float scale = 0.01f, string? to = null, ElementType? codes = null, int? zero = null)
    {
        (string s, string z) = Parameters(scale, codes ?? _codes, zero);
        string q = Name("q");
        _graph.Add(new Node(q, "QuantizeLinear", [x, s, z], [q]));
        string d = to ?? Name("d");
        _graph.Add(new Node(Name("dq"), "DequantizeLinear", [q, s, z], [d]));
        return d;
    }

    public string Weight(long[] dims, ElementType? codes = null)
    {
        ElementType type = codes ?? ElementType.Int8;
        long count = dims.Aggregate(1L, (a, b) => a * b);
        byte[] bytes = [.. Enumerable.Range(0, (int)count).Select(i => (byte)(i % 17))];
        string w = Name("w");
        _graph.SetConstant(w, new Tensor(type, dims, bytes));
        (string s, string z) = Parameters(0.01f, type, zero: 0);
        string d = Name("wd");
        _graph.Add(new Node(Name("wdq"), "DequantizeLinear", [w, s, z], [d]));
        return d;
    }

    public string Bias(long channels)
    {
        string b = Name("b");
        _graph.SetConstant(b, Tensor.Of(new int[channels], channels));
        string s = Name("bs");
        _graph.SetConstant(s, Tensor.Scalar(0.0001f));
        string d = Name("bd");
        _graph.Add(new Node(Name("bdq"), "DequantizeLinear", [b, s], [d]));
        return d;
    }

    public string FloatConstant(params long[] dims)
    {
        string name = Name("c");
        _graph.SetConstant(name, Samples.Ramp(dims));
        return name;
    }

    public string Op(string name, string op, string[] inputs, string? output = null, Action<Node>? with = null)
    {
        string y = output ?? Name("t");
        var node = new Node(name, op, inputs, [y]);
        with?.Invoke(node);
        _graph.Add(node);
        return y;
    }

    private (string Scale, string Zero) Parameters(float scale, ElementType type, int? zero = null)
    {
        string s = Name("s");
        string z = Name("z");
        _graph.SetConstant(s, Tensor.Scalar(scale));
        _graph.SetConstant(z, type switch
        {
            ElementType.UInt8 => Tensor.Scalar((byte)(zero ?? 0)),
            ElementType.Int8 => Tensor.Scalar((sbyte)(zero ?? -128)),
            _ => Tensor.Scalar((ushort)(zero ?? 0)),
        });
        return (s, z);
    }

    private string Name(string like) => $"{like}{_count++}";
}

internal static class Samples
{
    /// <summary>0, 0.01, 0.02, ... up to 2.5, over and over.</summary>
    public static Tensor Ramp(params long[] dims) =>
        Tensor.Of([.. Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(i => i % 251 * 0.01f)], dims);

    /// <summary>y = Relu(x W + b), with [2, 3] by [3, 2].</summary>
    public static Model Linear()
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [null, 3])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.SetConstant("w", Tensor.Of([1f, 2f, 3f, 4f, 5f, 6f], 3, 2));
        model.Graph.SetConstant("b", Tensor.Of([-10f, 10f], 2));
        model.Graph.Add(new Node("product", "MatMul", ["x", "w"], ["p"]));
        model.Graph.Add(new Node("sum", "Add", ["p", "b"], ["s"]));
        model.Graph.Add(new Node("relu", "Relu", ["s"], ["y"]));
        return model;
    }

    /// <summary>Inputs of a model of the development data, open lengths taken as 1.</summary>
    public static Dictionary<string, Tensor> For(OrtSession session) =>
        session.Inputs.ToDictionary(i => i.Name, i => i.Type switch
        {
            ElementType.Float => Ramp([.. i.Dims!.Select(d => d ?? 1)]),
            ElementType.Int64 => Tensor.Of(new long[i.Dims!.Aggregate(1L, (a, d) => a * (d ?? 1))], [.. i.Dims!.Select(d => d ?? 1)]),
            _ => throw new NotSupportedException(i.Type.OnnxName()),
        });
}
