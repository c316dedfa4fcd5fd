using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Tests.Pointwise;

/// <summary>One operator in ONNX Runtime.</summary>
internal static class Ort
{
    public static Tensor Bytes(byte[] values, params long[] dims) => Tensor.Of(values, dims);

    public static IEnumerable<Tensor> Constants(QuantizedRange range) => [Tensor.Scalar(range.Scale), Tensor.Scalar(range.ZeroPoint)];

    /// <summary>Runs a node whose inputs are fed or constant, in the order given; a null is left out.</summary>
    public static Tensor Run(Node node, Tensor?[] values, ElementType output, Predicate<int> isFed, int opset = 19)
    {
        string[] names = [.. values.Select((v, i) => v is null ? "" : $"x{i}")];
        var fed = Enumerable.Range(0, values.Length).Where(i => isFed(i)).ToDictionary(i => names[i], i => values[i]!);
        Model model = Model.Create(
            opset, fed.Select(f => new ValueInfo(f.Key, f.Value.Type, [.. f.Value.Dims.Select(d => (long?)d)])), [new ValueInfo("y", output, null)]);
        if (node.Domain.Length > 0)
        {
            model.SetOpset(node.Domain, 1);
        }

        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] is { } value && !isFed(i))
            {
                model.Graph.SetConstant(names[i], value);
            }
        }

        model.Graph.Add(new Node("node", node.Op, names, ["y"], node.Domain).WithAttributesOf(node));
        using OrtSession session = OrtSession.Load(model, new OrtOptions { Optimize = false });
        return session.Run(fed)["y"];
    }

    public static byte[] Binary(string op, QuantizedBinary range, Tensor a, Tensor b)
    {
        Tensor?[] inputs = [a, .. Constants(range.A), b, .. Constants(range.B), .. Constants(range.Y)];
        return Run(Microsoft("QLinear" + op), inputs, ElementType.UInt8, i => i is 0 or 3).Bytes.ToArray();
    }

    public static Node Microsoft(string op) => new("node", op, [], [], "com.microsoft");

    public static Node Plain(string op) => new("node", op, [], []);
}
