using System.Runtime.InteropServices;
using Halftone.Engine.Dense;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Functions of one code: whatever element-wise nodes lie between one DequantizeLinear and a QuantizeLinear, with constants beside them.</summary>
internal sealed partial class Matcher
{
    private const int MostNodes = 32;

    private static readonly HashSet<string> s_elementwise =
    [
        "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Selu", "Celu", "Gelu", "Erf", "Exp", "Log", "Sqrt", "Reciprocal", "Neg", "Abs",
        "Softplus", "Softsign", "Mish", "ThresholdedRelu", "Floor", "Ceil", "Round", "Sign", "Identity", "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max",
    ];

    private TableUnit? Table(Node quantize, QuantizedRange range)
    {
        if (Chain(quantize.Input(0)) is not { } chain)
        {
            return null;
        }

        Node named = chain.Nodes[^1];
        byte[] table = Evaluate(chain.Nodes, chain.Source, chain.Values, quantize.Input(0), range);
        return new() { Node = named, Input = chain.Source.Codes, Output = quantize.Output(0), Form = FormOf(chain.Source.Codes), Table = table };
    }

    /// <summary>The nodes that make a value out of one activation and constants of one element, in order; null where there are others, or none.</summary>
    private (List<Node> Nodes, Activation Source, List<string> Values)? Chain(string value)
    {
        HashSet<Node> seen = [];
        List<string> sources = [];
        Activation? source = null;
        Queue<string> open = new([value]);
        while (open.TryDequeue(out string? name))
        {
            if (typed.Constant(name) is { Count: 1, Type: ElementType.Float } || name.Length == 0)
            {
                continue;
            }

            if (_view.Activation(name) is { } activation)
            {
                if (source is not null && source != activation)
                {
                    return null;
                }

                (source, _) = (activation, 0);
                sources.Add(name);
                continue;
            }

            if (Graph.Producer(name) is not { Domain.Length: 0 } node || !s_elementwise.Contains(node.Op) || node.Outputs.Count != 1 || seen.Count == MostNodes)
            {
                return null;
            }

            if (seen.Add(node))
            {
                foreach (string input in node.Inputs)
                {
                    open.Enqueue(input);
                }
            }
        }

        if (source is not { } one || seen.Count == 0 || !typed.Type(value).Dims.SequenceEqual(typed.Type(one.Codes).Dims)
            || seen.Any(n => typed.Type(n.Output(0)).Dims is var d && !d.SequenceEqual(typed.Type(one.Codes).Dims)))
        {
            return null;
        }

        return ([.. Graph.Nodes.Where(seen.Contains)], one, sources);
    }

    private byte[] Evaluate(List<Node> nodes, Activation source, List<string> sources, string result, QuantizedRange range)
    {
        float[] numbers = [.. Enumerable.Range(0, 256).Select(code => (code - source.Range.ZeroPoint) * source.Range.Scale)];
        Dictionary<string, Tensor> values = sources.Distinct().ToDictionary(n => n, _ => Tensor.Of(numbers, 256));
        foreach (Node node in nodes)
        {
            Tensor?[] inputs = [.. node.Inputs.Select(n => n.Length == 0 ? null : values.TryGetValue(n, out Tensor? v) ? v : typed.Constant(n)!.Reshape())];
            values[node.Output(0)] = DenseRun.Compute(node, typed.Model.Opset, inputs)[0];
        }

        byte[] table = new byte[256];
        ReadOnlySpan<float> y = MemoryMarshal.Cast<byte, float>(values[result].Bytes);
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = float.IsNaN(y[i]) ? (byte)0 : (byte)Math.Clamp(MathF.Round(y[i] / range.Scale) + range.ZeroPoint, 0, 255);
        }

        return table;
    }
}
