using System.Text.RegularExpressions;
using Halftone.Engine.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>ONNX's own tests of operators, every one whose nodes are all in the list: each with all of its inputs known, and with only those known that the engine must know.</summary>
public sealed class NodeTests
{
    /// <summary>Cases that are refused, a pattern of their names, and why.</summary>
    private static readonly (string Pattern, string Reason)[] s_refused =
    [
        ("^[^/]+/test_cast(like)?_.*(FLOAT8|FLOAT4|INT4|INT2)", "only QuantizeLinear and DequantizeLinear make or take elements of less than 8 bits and 8-bit floats"),
        ("STRING", "strings are no numbers"),
        ("identity_opt", "an optional is no tensor"),
        ("identity_sequence", "a sequence is no tensor"),
        ("training_dropout(?!.*zero_ratio)", "it is random"),
        ("batchnorm_.*training_mode", "it trains"),
        ("attention_4d_fp16_expanded", "products of float16"),
        ("resize_.*antialias", "antialias"),
        ("maxpool_with_argmax_2d_precomputed_strides", "storage_order"),
    ];

    /// <summary>Cases whose data contradict the definition, and how; ONNX Runtime's outputs are taken instead.</summary>
    private static readonly (string Pattern, string Reason)[] s_wrong =
    [
        ("qlinearmatmul_[23]D_int8", "codes wrap instead of saturating"),
        ("l2normalization_axis_0", "0 / 0, where those of p = 1 make 0"),
        ("^node/.*window_.*expanded", "another pi than the model's"),
    ];

    /// <summary>Operators that are in no case here; the other tests of this folder have them.</summary>
    private static readonly string[] s_untested = ["BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "GlobalLpPool", "Swish"];

    /// <summary>Operators of floats whose outputs are exact.</summary>
    private static readonly string[] s_exact =
    [
        "DequantizeLinear", "MaxPool", "GlobalMaxPool", "Relu", "Max", "Min", "Clip", "Where", "Abs", "Neg", "Floor", "Ceil", "Round", "Add", "Sub", "Mul", "Div", "Sqrt", "ReduceMax", "ReduceMin",
        "Concat", "Transpose", "Slice", "Split", "Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "Pad", "Tile", "Expand", "Reshape",
    ];

    /// <summary>Inputs that must be known before any run, and the first of them.</summary>
    private static readonly Dictionary<string, int[]> s_known = new()
    {
        ["ConstantOfShape"] = [0],
        ["CumSum"] = [1],
        ["Dropout"] = [1, 2],
        ["Expand"] = [1],
        ["Pad"] = [1, 3],
        ["Range"] = [0, 1, 2],
        ["Reshape"] = [1],
        ["Resize"] = [1, 2, 3],
        ["Slice"] = [1, 2, 3, 4],
        ["Split"] = [1],
        ["Squeeze"] = [1],
        ["Tile"] = [1, 2],
        ["Trilu"] = [1],
        ["Unsqueeze"] = [1],
        ["Upsample"] = [1],
    };

    [Fact]
    public void Every_case_gives_the_outputs_of_ONNX()
    {
        List<string> failures = [];
        Dictionary<string, int> passed = [];
        foreach (NodeModel node in Claimed().Where(n => !Matches(s_refused, n.Name)))
        {
            try
            {
                Tensor[] expected = Matches(s_wrong, node.Name) ? OfOnnxRuntime(node) : node.Outputs();
                Assert.NotEmpty(expected);
                Check(node, expected, Run(node, known: true));
                if (!IsSmall(node))
                {
                    Check(node, expected, Run(node, known: false));
                }

                node.Model.Graph.Nodes.ToList().ForEach(n => passed[n.Op] = passed.GetValueOrDefault(n.Op) + 1);
            }
            catch (Exception error)
            {
                failures.Add($"{node.Name}: {error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")}");
            }
        }

        Assert.True(failures.Count == 0, $"{failures.Count} cases:\n{string.Join("\n", failures)}");
        string[] untested = [.. DenseOperators.All.Keys.Where(k => !k.Contains('.', StringComparison.Ordinal) && !passed.ContainsKey(k)).Order(StringComparer.Ordinal)];
        Assert.True(untested.SequenceEqual(s_untested), $"other operators than listed are in no case: {string.Join(", ", untested)}");
    }

    [Fact]
    public void What_is_left_out_is_refused_in_a_sentence()
    {
        NodeModel[] left = [.. Claimed().Where(n => Matches(s_refused, n.Name))];
        Assert.All(s_refused, r => Assert.Contains(left, n => Regex.IsMatch(n.Name, r.Pattern)));
        Assert.All(left, n => Assert.Throws<ModelException>(() => Run(n, known: true)));
        Assert.All(left, n => Assert.Throws<ModelException>(() => Run(n, known: false)));
    }

    /// <summary>Elements of less than 8 bits and 8-bit floats are computed where everything is known before any run, and refused otherwise.</summary>
    [Fact]
    public void Small_elements_are_refused_at_run_time()
    {
        NodeModel[] small = [.. Claimed().Where(n => !Matches(s_refused, n.Name) && IsSmall(n))];
        Assert.NotEmpty(small);
        Assert.All(small, n => Assert.Throws<ModelException>(() => Run(n, known: false)));
    }

    private static IEnumerable<NodeModel> Claimed() =>
        NodeModel.All.Where(n => n.Model.Graph.Nodes is { Count: > 0 } nodes && nodes.All(x => x.Domain.Length == 0 && DenseOperators.All.ContainsKey(x.Op)));

    private static bool Matches((string Pattern, string Reason)[] list, string name) => list.Any(e => Regex.IsMatch(name, e.Pattern));

    private static bool IsSmall(NodeModel node) =>
        node.Outputs().Concat(node.Inputs().Values).Any(t => t.Type.Bits() < 8 || t.Type is >= ElementType.Float8E4M3FN and <= ElementType.Float8E5M2FNUZ);

    private static Tensor[] Run(NodeModel node, bool known)
    {
        Dictionary<string, Tensor> values = node.Inputs();
        HashSet<string> constants = known ? [.. values.Keys] : [];
        foreach ((string name, Tensor value) in node.Model.Graph.Initializers)
        {
            values[name] = value;
            constants.Add(name);
        }

        foreach (Node x in node.Model.Graph.Nodes)
        {
            Tensor?[] inputs = [.. x.Inputs.Select(i => i.Length == 0 ? null : values[i])];
            bool all = x.Inputs.All(i => i.Length == 0 || constants.Contains(i));
            DensePlan plan = PlanRun.Ready(x, node.Model.Opset, inputs, i => constants.Contains(x.Inputs[i]) || IsKnown(x, i));
            Tensor[] outputs = PlanRun.Run(plan, inputs);
            for (int i = 0; i < x.Outputs.Count; i++)
            {
                values[x.Outputs[i]] = outputs[i];
                _ = all && constants.Add(x.Outputs[i]);
            }
        }

        return [.. node.Model.Graph.Outputs.Select(o => values[o.Name])];
    }

    private static bool IsKnown(Node node, int input) =>
        s_known.TryGetValue(node.Op, out int[]? known) ? known.Contains(input) : node.Op.StartsWith("Reduce", StringComparison.Ordinal) && input == 1;

    private static Tensor[] OfOnnxRuntime(NodeModel node)
    {
        using Halftone.OnnxRuntime.OrtSession session = Halftone.OnnxRuntime.OrtSession.Load(node.Model, new() { Optimize = false });
        IReadOnlyDictionary<string, Tensor> outputs = session.Run(node.Inputs());
        return [.. node.Model.Graph.Outputs.Select(o => outputs[o.Name])];
    }

    private static void Check(NodeModel node, Tensor[] expected, Tensor[] actual)
    {
        bool exact = node.Model.Graph.Nodes is [var only] && s_exact.Contains(only.Op);
        Assert.Equal(expected.Length, actual.Length);
        for (int o = 0; o < expected.Length; o++)
        {
            Near.Check(expected[o], actual[o], exact ? 0 : expected[o].Type is ElementType.BFloat16 ? 1 / 256.0 : 1e-5);
            Assert.All(IsFloat(expected[o]) ? expected[o].ToFloats().Zip(actual[o].ToFloats()) : [], p => Assert.True(IsClose(expected[o].Type, p.First, p.Second), $"{p.Second:R} in place of {p.First:R}"));
        }
    }

    private static bool IsFloat(Tensor tensor) => tensor.Type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;

    /// <summary>The tolerance of ONNX's own runner; but a rounding more or less of bfloat16 is above it.</summary>
    private static bool IsClose(ElementType type, float x, float y) =>
        x.Equals(y) || Math.Abs((double)x - y) <= 1e-7 + ((type is ElementType.BFloat16 ? 1 / 128.0 : 1e-3) * Math.Abs((double)x));
}
