using System.Collections.Immutable;
using Halftone.Numerics;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>14xx: single operators.</summary>
internal static class OperatorRules
{
    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1406", Severity.Warning, "Gemm with alpha, beta or a transposed input") { Find = Gemm },
        new("HT1408", Severity.Warning, "quantized ConvTranspose without an integer kernel") { Find = ConvTranspose },
        new("HT1409", Severity.Warning, "parameters of Softmax, Sigmoid and Tanh") { Find = Fixed },
        new("HT1410", Severity.Warning, "batch normalization that is not folded") { Find = BatchNorm },
        new("HT1411", Severity.Warning, "a weight that is computed") { Find = DynamicWeight },
        new("HT1412", Severity.Info, "Flatten between quantizers") { Find = Flatten },
        new("HT1413", Severity.Warning, "Pad between quantizers") { Find = Pad },
        new("HT1414", Severity.Info, "Concat of different scales") { Find = Concat },
        new("HT1415", Severity.Warning, "Resize that interpolates between quantizers") { Find = Resize },
    ];

    /// <summary>Quantized Flattens that are a Reshape whatever the shape.</summary>
    public static bool IsReshape(Node node) => node.Is("Flatten") && node.Int("axis", 1) is 0 or 1;

    private static bool IsOnnxRuntime(Target target) => target.Operators.ContainsKey("Where") || target.Id == "portable";

    private static bool Quantized(QdqView view, Node node) => node.Outputs.Any(o => view.QuantizersOf(o).Length > 0);

    private static IEnumerable<Finding> Gemm(QdqView view, Target target) =>
        from node in view.Units
        where node.Is("Gemm") && target.Operators.ContainsKey("Gemm")
        let what = node.Int("transA", 0) != 0 ? "transA is set" : node.Input(2).Length > 0 && node.Float("beta", 1) != 1 ? $"beta is {node.Float("beta", 1):g6}" : node.Float("alpha", 1) != 1 ? $"alpha is {node.Float("alpha", 1):g6}" : null
        where what is not null
        select new Finding(node.Name, $"{what}, which integer kernels do not take: fold it into weight and bias before quantizing.");

    private static IEnumerable<Finding> ConvTranspose(QdqView view, Target target) =>
        from node in view.Units
        where node.Is("ConvTranspose") && !target.Operators.ContainsKey("ConvTranspose")
        select new Finding(node.Name, $"{target.Id} has no integer ConvTranspose, so its quantizers only cost time and accuracy: leave it in floats, or quantize its weight alone.");

    private static IEnumerable<Finding> Fixed(QdqView view, Target target)
    {
        foreach (Node node in view.Units)
        {
            if (node.Domain.Length > 0 || view.QuantizersOf(node.Outputs[0]) is not [{ } quantizer, ..] || view.Parameters(quantizer) is not { } p)
            {
                continue;
            }

            if (target.FixedOutputs.TryGetValue(node.Op, out AffineParameters wanted) && (p.Scales[0] != wanted.Scale || p.Zeros[0] != wanted.ZeroPoint))
            {
                yield return new(node.Name, $"Its output has scale {p.Scales[0]:g6} and zero point {p.Zeros[0]}; {target.Id} fixes {wanted.Scale:g6} and {wanted.ZeroPoint}.", Severity: Severity.Error);
            }
            else if (node.Is("Softmax") && target.SymmetricActivations && p.Scales[0] > 1.01f / 127)
            {
                yield return new(node.Name, $"Its output scale {p.Scales[0]:g6} is wider than 1/127, which holds all it can give: pin it to that.");
            }
            else if (node.Is("Softmax") && IsOnnxRuntime(target))
            {
                yield return new(node.Name, "Probabilities in eight bits tie below 1/256; leave Softmax in floats unless its result is only multiplied on.", Severity: Severity.Info);
            }
        }
    }

    private static IEnumerable<Finding> BatchNorm(QdqView view, Target target)
    {
        foreach (Node node in view.Graph.Nodes.Where(n => n.Is("BatchNormalization")))
        {
            Node? producer = view.Graph.Producer(node.Input(0));
            if (producer is not null && QdqView.IsDequantizer(producer) && view.Graph.Producer(producer.Input(0)) is { } q && QdqView.IsQuantizer(q))
            {
                producer = view.Graph.Producer(q.Input(0));
            }

            if (producer is not null && QdqView.IsWeighted(producer))
            {
                yield return new(node.Name, $"It follows {producer.Op} '{producer.Name}' and keeps that in floats: fold it into the weight before quantizing.");
            }
        }
    }

    private static IEnumerable<Finding> DynamicWeight(QdqView view, Target target) =>
        from node in view.Units
        where (node.Is("Conv") || node.Is("ConvTranspose") || node.Is("Gemm")) && target.Operators.ContainsKey(node.Op)
        let d = view.Dequantizer(node, 1)
        where d is null ? view.Graph.Constant(node.Input(1)) is null : !view.IsConstant(d)
        select new Finding(node.Name, $"Its weight is computed while the model runs; integer kernels of {node.Op} need it constant: leave it in floats.");

    private static IEnumerable<Finding> Flatten(QdqView view, Target target) =>
        from node in view.Units
        where node.Is("Flatten") && IsOnnxRuntime(target) && Quantized(view, node)
        select new Finding(node.Name, "ONNX Runtime 1.31 runs Flatten on codes, older versions in floats: Reshape runs on codes in all.", IsReshape(node));

    private static IEnumerable<Finding> Pad(QdqView view, Target target) =>
        from node in view.Units
        where node.Is("Pad") && !target.Operators.ContainsKey("Pad") && Quantized(view, node)
        select new Finding(node.Name, $"{target.Id} has no integer Pad: fold it into the pads of the Conv or pool behind it before quantizing.");

    private static IEnumerable<Finding> Concat(QdqView view, Target target)
    {
        foreach (Node node in view.Units.Where(n => n.Is("Concat") && Quantized(view, n)))
        {
            Linear[] all = [.. Enumerable.Range(0, node.Inputs.Count).Select(i => view.Dequantizer(node, i)).Append(view.QuantizersOf(node.Outputs[0])[0]).OfType<Node>().Select(view.Parameters).OfType<Linear>()];
            if (all.Length > 0 && all.Any(p => !p.Same(all[0])))
            {
                Severity? severity = target.ConcatSharesScale ? Severity.Error : target.QuantizesOutputs ? null : Severity.Warning;
                yield return new(node.Name, $"Its inputs and output have scales from {all.Min(p => p.Scales[0]):g6} to {all.Max(p => p.Scales[0]):g6}: with one scale for all, {target.Id} only copies.", Severity: severity);
            }
        }
    }

    private static IEnumerable<Finding> Resize(QdqView view, Target target) =>
        from node in view.Units
        where node.Is("Resize") && IsOnnxRuntime(target) && node.Text("mode", "nearest") != "nearest" && Quantized(view, node)
        select new Finding(node.Name, $"ONNX Runtime 1.31 runs Resize on codes with mode nearest alone, not {node.Text("mode", "nearest")}: it stays in floats.");
}
