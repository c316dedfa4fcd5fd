using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Export;

namespace Halftone.PostTraining.Proofs;

/// <summary>Where the bytes of a model went: constants by what reads them, in the ONNX file (deployed) and in its archive (coded).</summary>
internal static class SizeLedger
{
    /// <summary>A model as an archive; null where it is too large for one file.</summary>
    public static PackedModel? Pack(Model model, CancellationToken cancel = default)
    {
        byte[] file;
        try
        {
            file = model.ToBytes();
        }
        catch (ModelException)
        {
            return null;
        }

        return ModelArchive.Pack(file, cancel: cancel);
    }

    /// <summary>The rows of the ledger.</summary>
    /// <param name="original">The float model.</param>
    /// <param name="quantized">The result.</param>
    /// <param name="packed">Its archive.</param>
    /// <param name="plan">What was done to which weight.</param>
    /// <param name="prepared">The float graph that the plan is for.</param>
    public static ImmutableArray<SizeEntry> Of(Model original, Model quantized, PackedModel? packed, QuantizationPlan plan, Graph prepared)
    {
        Dictionary<string, long> before = ByReader(original.Graph, (_, t) => t.ByteLength);
        Dictionary<string, long> after = ByReader(quantized.Graph, (_, t) => t.ByteLength);
        Dictionary<string, long> tensors = packed?.Tensors.GroupBy(t => t.Name).ToDictionary(g => g.Key, g => g.Sum(t => t.CodedBytes)) ?? [];

        // the smallest tensors lie in the archive's frame, and count as they are
        Dictionary<string, long> coded = ByReader(quantized.Graph, (name, t) => tensors.TryGetValue(name, out long bytes) ? bytes : t.ByteLength);
        ILookup<string, QuantizedTensor> weights = prepared.Nodes.SelectMany(n => n.Inputs.Select((name, i) => (Node: n, Site: new InputSite(n.Name, i), name)))
            .Where(s => plan.Weights.ContainsKey(s.Site) && !plan.DynamicNodes.Contains(s.Node.Name)).DistinctBy(s => (s.name, plan.Weights[s.Site]))
            .ToLookup(s => Describe(s.Node.Op, s.Site.Input), s => plan.Weights[s.Site]);
        HashSet<string> floatOps = [.. prepared.Nodes.Where(n => plan.KeptFloat.ContainsKey(n.Name)).Select(n => n.Op)];
        return
        [
            .. before.Keys.Union(after.Keys).OrderByDescending(k => before.GetValueOrDefault(k) + after.GetValueOrDefault(k)).Select(what => new SizeEntry(
                what, before.GetValueOrDefault(what), after.GetValueOrDefault(what), packed is null ? null : coded.GetValueOrDefault(what),
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

    private static Dictionary<string, long> ByReader(Graph graph, Func<string, Tensor, long> length)
    {
        Dictionary<string, long> bytes = [];
        HashSet<string> restored = Restored(graph);
        void Add(string name, Tensor tensor)
        {
            string what = What(graph, name, restored);
            bytes[what] = bytes.GetValueOrDefault(what) + length(name, tensor);
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

    // what reads a constant: past the nodes that only restore it from codes, masks and codebooks, since these read constants alone
    private static string What(Graph graph, string name, HashSet<string> restored)
    {
        while (graph.Consumers(name) is [Node reader, ..])
        {
            int place = reader.Inputs.ToList().IndexOf(name);
            if (reader.Op is "DequantizeLinear" or "QuantizeLinear" && place > 0)
            {
                return Scales;
            }

            if (reader.Outputs.Count == 0 || !restored.Contains(reader.Outputs[0]))
            {
                return Describe(reader.Op, place);
            }

            name = reader.Outputs[0];
        }

        return Others;
    }

    // outputs of nodes that read constants alone
    private static HashSet<string> Restored(Graph graph)
    {
        HashSet<string> restored = [];
        foreach (Node node in graph.Nodes.Where(n => n.Is("Constant") || (n.Inputs.Count > 0 && n.Inputs.All(i => i.Length == 0 || graph.Constant(i) is not null || restored.Contains(i)))))
        {
            restored.UnionWith(node.Outputs);
        }

        return restored;
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
