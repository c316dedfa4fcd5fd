using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.PostTraining.Proofs;

/// <summary>Where the bytes of a model went: constants by what reads them.</summary>
internal static class SizeLedger
{
    public static ImmutableArray<SizeEntry> Of(Model original, Model quantized, QuantizationPlan plan, Graph prepared)
    {
        Dictionary<string, long> before = ByReader(original.Graph);
        Dictionary<string, long> after = ByReader(quantized.Graph);
        HashSet<string> floatOps = [.. prepared.Nodes.Where(n => plan.KeptFloat.ContainsKey(n.Name)).Select(n => n.Op)];
        return
        [
            .. before.Keys.Union(after.Keys).OrderByDescending(k => before.GetValueOrDefault(k) + after.GetValueOrDefault(k)).Select(what => new SizeEntry(
                what, before.GetValueOrDefault(what), after.GetValueOrDefault(what), null, Why(what, before.GetValueOrDefault(what), after.GetValueOrDefault(what), floatOps))),
        ];
    }

    private static string Why(string what, long before, long after, HashSet<string> floatOps) =>
        what == Scales ? "new with quantization"
        : after == 0 ? "folded into other constants"
        : after >= before && floatOps.Any(op => what.StartsWith(op + " ", StringComparison.Ordinal)) ? "stays float" : "";

    private const string Scales = "scales and zero points";
    private const string Others = "other constants";

    private static Dictionary<string, long> ByReader(Graph graph)
    {
        Dictionary<string, long> bytes = [];
        void Add(string name, long length)
        {
            string what = What(graph, name);
            bytes[what] = bytes.GetValueOrDefault(what) + length;
        }

        foreach ((string name, Tensor tensor) in graph.Initializers)
        {
            Add(name, tensor.ByteLength);
        }

        foreach (Node constant in graph.Nodes.Where(n => n.Is("Constant")))
        {
            Add(constant.Outputs[0], constant.TensorAttribute("value")?.ByteLength ?? 0);
        }

        return bytes;
    }

    private static string What(Graph graph, string name)
    {
        if (graph.Consumers(name) is not [Node reader, ..])
        {
            return Others;
        }

        int place = reader.Inputs.ToList().IndexOf(name);
        if (reader.Op is "DequantizeLinear" or "QuantizeLinear" or "Cast")
        {
            return reader.Op is not "Cast" && place > 0 ? Scales : graph.Consumers(reader.Outputs[0]) is [Node behind, ..] ? Describe(behind.Op, behind.Inputs.ToList().IndexOf(reader.Outputs[0])) : Others;
        }

        return Describe(reader.Op, place);
    }

    // by the float operator that a quantized one stands for, so that before and after meet in one row
    private static string Describe(string op, int place) => (op, place) switch
    {
        ("Conv" or "ConvTranspose" or "Gemm", 2) => $"{op} biases",
        ("Conv" or "ConvTranspose" or "Gemm" or "MatMul" or "Gather", _) => $"{op} weights",
        ("QLinearConv", 3) or ("ConvInteger", 1) => "Conv weights",
        ("QLinearConv", 8) => "Conv biases",
        ("QGemm", 3) => "Gemm weights",
        ("QGemm", 6) => "Gemm biases",
        ("QLinearMatMul", 3) or ("MatMulInteger" or "MatMulNBits", 1) => "MatMul weights",
        ("ConvInteger" or "MatMulInteger" or "MatMulNBits", 2 or 3) => Scales,
        ("LSTM" or "GRU" or "RNN", 1 or 2) => $"{op} weights",
        ("LSTM" or "GRU" or "RNN", 3) => $"{op} biases",
        ("BatchNormalization", _) => "batch normalization",
        _ when op.StartsWith("QLinear", StringComparison.Ordinal) || op == "QGemm" => Scales,
        _ => Others,
    };
}
