using System.Collections.Immutable;
using Halftone.Coding;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Export;

namespace Halftone.PostTraining.Proofs;

/// <summary>Where the bytes of a model went: constants by what reads them, and what an archive with entropy coding would take for those that hold codes.</summary>
internal static class SizeLedger
{
    public static ImmutableArray<SizeEntry> Of(Model original, Model quantized, QuantizationPlan plan, Graph prepared)
    {
        Dictionary<string, long> before = ByReader(original.Graph, t => t.ByteLength);
        Dictionary<string, long> after = ByReader(quantized.Graph, t => t.ByteLength);
        Dictionary<string, long> coded = ByReader(quantized.Graph, CodedBytes);
        ILookup<string, QuantizedTensor> weights = prepared.Nodes.SelectMany(n => n.Inputs.Select((name, i) => (Node: n, Site: new InputSite(n.Name, i), name)))
            .Where(s => plan.Weights.ContainsKey(s.Site) && !plan.DynamicNodes.Contains(s.Node.Name)).DistinctBy(s => (s.name, plan.Weights[s.Site]))
            .ToLookup(s => Describe(s.Node.Op, s.Site.Input), s => plan.Weights[s.Site]);
        HashSet<string> floatOps = [.. prepared.Nodes.Where(n => plan.KeptFloat.ContainsKey(n.Name)).Select(n => n.Op)];
        return
        [
            .. before.Keys.Union(after.Keys).OrderByDescending(k => before.GetValueOrDefault(k) + after.GetValueOrDefault(k)).Select(what => new SizeEntry(
                what, before.GetValueOrDefault(what), after.GetValueOrDefault(what), coded.GetValueOrDefault(what) < after.GetValueOrDefault(what) ? coded[what] : null,
                weights.Contains(what) ? string.Join("; ", weights[what].Select(w => QdqExport.Storage(w, quantized.Opset)).Distinct())
                    : Why(what, before.GetValueOrDefault(what), after.GetValueOrDefault(what), floatOps))),
        ];
    }

    private static string Why(string what, long before, long after, HashSet<string> floatOps) =>
        what == Scales ? "new with quantization"
        : after == 0 ? what == "batch normalization" ? "folded into the weights before it" : "folded into other constants"
        : after >= before && floatOps.Any(op => what.StartsWith(op + " ", StringComparison.Ordinal)) ? "stays float" : "";

    private const string Scales = "scales and zero points";
    private const string Others = "other constants";

    // a Huffman code of its own for each tensor of codes, over bytes, so that 4-bit codes go in pairs; what does not gain stays as it is
    private static long CodedBytes(Tensor tensor)
    {
        if (tensor.Type is not (ElementType.Int8 or ElementType.UInt8 or ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2))
        {
            return tensor.ByteLength;
        }

        Span<long> counts = stackalloc long[256];
        foreach (byte value in tensor.Bytes)
        {
            counts[value]++;
        }

        return Math.Min(tensor.ByteLength, (Huffman.MessageBits(counts) + 7) / 8);
    }

    private static Dictionary<string, long> ByReader(Graph graph, Func<Tensor, long> length)
    {
        Dictionary<string, long> bytes = [];
        void Add(string name, Tensor tensor)
        {
            string what = What(graph, name);
            bytes[what] = bytes.GetValueOrDefault(what) + length(tensor);
        }

        foreach ((string name, Tensor tensor) in graph.Initializers)
        {
            Add(name, tensor);
        }

        foreach (Node constant in graph.Nodes.Where(n => n.Is("Constant")))
        {
            if (constant.TensorAttribute("value") is { } value)
            {
                Add(constant.Outputs[0], value);
            }
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
