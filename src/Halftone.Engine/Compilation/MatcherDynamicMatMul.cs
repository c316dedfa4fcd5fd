using System.Collections.Immutable;
using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Products of two operands that are computed.</summary>
internal sealed partial class Matcher
{
    private DynamicMatMulUnit? DynamicMatMul(Node node, string output, OutputCodes? codes) =>
        node.Is("MatMul") && _view.Activation(node.Input(0)) is { } a && _view.Activation(node.Input(1)) is { } b
            ? DynamicMatMul(node, new(a.Codes, a.Range.Scale, a.Range.ZeroPoint, ""), new(b.Codes, b.Range.Scale, b.Range.ZeroPoint, ""), output, codes, toSums: false) : null;

    private DynamicMatMulUnit? DynamicQLinearMatMul(Node node) =>
        Codes(node, 0) is { } a && Codes(node, 3) is { } b && _view.Range(node.Output(0), node.Input(6), node.Input(7)) is { } range
            ? DynamicMatMul(
                node, new(a.Codes, a.Range.Scale, a.Range.ZeroPoint, ""), new(b.Codes, b.Range.Scale, b.Range.ZeroPoint, ""), node.Output(0), new(range, 0, 255), toSums: false)
            : null;

    private DynamicMatMulUnit? DynamicMatMulInteger(Node node) =>
        node.Is("MatMulInteger") && ZeroPoint(node.Input(0), node.Input(2)) is { } a && ZeroPoint(node.Input(1), node.Input(3)) is { } b
            ? DynamicMatMul(node, new(node.Input(0), 1, a.Code, a.Name), new(node.Input(1), 1, b.Code, b.Name), node.Output(0), null, toSums: true) : null;

    private DynamicMatMulUnit? DynamicMatMul(Node node, Operand a, Operand b, string output, OutputCodes? codes, bool toSums)
    {
        (ImmutableArray<int> x, ImmutableArray<int> w) = (typed.Type(a.Codes).Dims, typed.Type(b.Codes).Dims);
        ImmutableArray<int> y = typed.Type(node.Output(0)).Dims;
        if (x.Length < 2 || w.Length < 2 || y.Any(d => d == 0) || x[^1] == 0 || !typed.Type(output).Dims.SequenceEqual(y))
        {
            return null;
        }

        int[] batch = [.. y[..^2]];
        int batches = batch.Aggregate(1, (p, d) => p * d);
        return new()
        {
            Node = node,
            A = a,
            B = b,
            Shape = (x[^2], x[^1], w[^1]),
            Left = MatMulShape.Indices([.. x[..^2]], batch, batches),
            Right = MatMulShape.Indices([.. w[..^2]], batch, batches),
            Output = output,
            Codes = codes,
            ToSums = toSums,
        };
    }
}
