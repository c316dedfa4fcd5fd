using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Export;

namespace Halftone.PostTraining.Proofs;

/// <summary>Where the bytes of a model went: constants by what reads them.</summary>
internal static class SizeLedger
{
    public static ImmutableArray<SizeEntry> Of(Model original, Model quantized, QuantizationPlan plan, Graph prepared)
    {
        Dictionary<string, long> before = ByReader(original.Graph);
        Dictionary<string, long> after = ByReader(quantized.Graph);
        ILookup<string, QuantizedTensor> weights = prepared.Nodes.SelectMany(n => n.Inputs.Select((name, i) => (Node: n, Site: new InputSite(n.Name, i), name)))
            .Where(s => plan.Weights.ContainsKey(s.Site) && !plan.DynamicNodes.Contains(s.Node.Name)).DistinctBy(s => (s.name, plan.Weights[s.Site]))
            .ToLookup(s => Describe(s.Node, s.Site.Input), s => plan.Weights[s.Site]);
        HashSet<string> floatOps = [.. prepared.Nodes.Where(n => plan.KeptFloat.ContainsKey(n.Name)).Select(n => n.Op)];
        return
        [
            .. before.Keys.Union(after.Keys).OrderByDescending(k => before.GetValueOrDefault(k) + after.GetValueOrDefault(k)).Select(what => new SizeEntry(
                what, before.GetValueOrDefault(what), after.GetValueOrDefault(what), null,
                weights.Contains(what) ? string.Join("; ", weights[what].Select(w => QdqExport.Storage(w, quantized.Opset)).Distinct())
                    : Why(what, before.GetValueOrDefault(what), after.GetValueOrDefault(what), floatOps))),
        ];
    }

    private static string Why(string what, long before, long after, HashSet<string> floatOps) =>
        what == Scales ? "new with quantization"
        : after == 0 ? "folded into other constants"
        : after >= before && floatOps.Any(op => what.StartsWith(op + " ", StringComparison.Ordinal)) ? "stays float" : "";

    private const string Scales = "scales and zero points";

    private static Dictionary<string, long> ByReader(Graph graph)
    {
        Dictionary<string, long> bytes = [];
        foreach ((string name, Tensor tensor) in graph.Initializers)
        {
            string what = What(graph, name);
            bytes[what] = bytes.GetValueOrDefault(what) + tensor.ByteLength;
        }

        return bytes;
    }

    private static string What(Graph graph, string name)
    {
        if (graph.Consumers(name) is not [Node reader, ..])
        {
            return "other constants";
        }

        int place = reader.Inputs.ToList().IndexOf(name);
        if (reader.Op is "DequantizeLinear" or "QuantizeLinear" or "Cast")
        {
            return reader.Op is not "Cast" && place > 0 ? Scales : graph.Consumers(reader.Outputs[0]) is [Node behind, ..] ? Describe(behind, behind.Inputs.ToList().IndexOf(reader.Outputs[0])) : "other constants";
        }

        return Describe(reader, place);
    }

    private static string Describe(Node reader, int place) => reader.Op switch
    {
        "Conv" or "ConvTranspose" or "Gemm" => place == 2 ? $"{reader.Op} biases" : $"{reader.Op} weights",
        "ConvInteger" or "MatMul" or "MatMulInteger" or "MatMulNBits" or "LSTM" or "GRU" or "Gather" => $"{reader.Op} weights",
        "BatchNormalization" => "batch normalization",
        _ => "other constants",
    };
}
