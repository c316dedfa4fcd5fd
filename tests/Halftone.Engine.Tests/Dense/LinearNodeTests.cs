using Halftone.Engine.Dense;
using Halftone.Onnx;
using Halftone.Onnx.Tests;

namespace Halftone.Engine.Tests.Dense;

/// <summary>ONNX's own tests of the linear, pooling, normalization and quantized operators.</summary>
public sealed class LinearNodeTests
{
    private static readonly string[] s_exact = ["QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MaxPool"];

    /// <summary>Cases that are refused, and why; the refusal is tested.</summary>
    private static readonly (string Part, string Why)[] s_refused =
    [
        ("training_mode", "BatchNormalization trains"),
        ("antialias", "antialias"),
        ("maxpool_with_argmax_2d_precomputed_strides", "storage_order"),
    ];

    /// <summary>Cases whose data contradict the definition, and how; ONNX Runtime's outputs are taken instead.</summary>
    private static readonly (string Part, string Why)[] s_wrong =
    [
        ("qlinearmatmul_2D_int8", "codes wrap instead of saturating"),
        ("qlinearmatmul_3D_int8", "codes wrap instead of saturating"),
        ("l2normalization_axis_0", "0 / 0, where those of p = 1 make 0"),
    ];

    [Fact]
    public void Every_case_of_these_operators_agrees()
    {
        List<string> failures = [];
        Dictionary<string, int> passed = [];
        foreach (NodeCase node in NodeCases.All.Where(c => c.Feed is not null && Claimed(c)))
        {
            if (s_refused.Any(r => node.Name.Contains(r.Part, StringComparison.Ordinal)))
            {
                continue;
            }

            try
            {
                string op = Run(node);
                passed[op] = passed.GetValueOrDefault(op) + 1;
            }
            catch (Exception error) when (error is ModelException or Xunit.Sdk.XunitException)
            {
                failures.Add($"{node.Name}: {error.Message.ReplaceLineEndings(" ")}");
            }
        }

        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(", ", passed.OrderBy(p => p.Key).Select(p => $"{p.Key} {p.Value}")));
        Assert.True(failures.Count == 0, string.Join(Environment.NewLine, failures));
        Assert.All(LinearFamilies.All.Keys.Where(k => !k.StartsWith("com.microsoft", StringComparison.Ordinal) && k is not "GlobalLpPool"), k => Assert.Contains(k, passed.Keys));
    }

    [Fact]
    public void What_is_left_out_is_refused()
    {
        int refused = 0;
        foreach (NodeCase node in NodeCases.All.Where(c => c.Feed is not null && Claimed(c) && s_refused.Any(r => c.Name.Contains(r.Part, StringComparison.Ordinal))))
        {
            Assert.Throws<ModelException>(() => Run(node));
            refused++;
        }

        Assert.True(refused > 0);
    }

    /// <summary>Codes below 8 bits and small floats are computed where everything is known before any run, and refused otherwise.</summary>
    [Fact]
    public void Small_elements_are_refused_at_run_time()
    {
        int refused = 0;
        foreach (NodeCase node in NodeCases.All.Where(c => c.Feed is not null && Claimed(c) && Small(c)))
        {
            Assert.Throws<ModelException>(() => Run(node, constants: false));
            refused++;
        }

        Assert.True(refused > 0);
    }

    private static bool Claimed(NodeCase node) =>
        Model.Parse(node.Bytes).Graph.Nodes is { Count: > 0 } nodes && nodes.All(n => LinearFamilies.All.ContainsKey(Key(n)) || n.Is("Constant")) && !nodes.All(n => n.Is("Constant"));

    private static string Key(Node node) => node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}";

    private static bool Small(NodeCase node) => Expected(node).Concat(node.Feed!.Values).Any(t => t.Type.Bits() < 8 || t.Type is >= ElementType.Float8E4M3FN and <= ElementType.Float8E5M2FNUZ);

    private static string Run(NodeCase node, bool constants = true)
    {
        Model model = Model.Parse(node.Bytes);
        Dictionary<string, Tensor> values = new(node.Feed!);
        HashSet<string> known = [.. model.Graph.Initializers.Keys];
        foreach ((string name, Tensor value) in model.Graph.Initializers)
        {
            values[name] = value;
        }

        bool all = constants && Small(node);
        string op = "";
        foreach (Node n in model.Graph.Nodes)
        {
            if (n.Is("Constant"))
            {
                values[n.Outputs[0]] = n.TensorAttribute("value")!;
                known.Add(n.Outputs[0]);
                continue;
            }

            op = n.Op;
            Tensor?[] inputs = [.. n.Inputs.Select(i => i.Length == 0 ? null : values[i])];

            // shapes are known before any run in the models that the engine takes
            bool Constant(int i) => all || known.Contains(n.Inputs[i]) || (op is "Resize" or "Upsample" && i > 0);
            DensePlan plan = PlanRun.Ready(LinearFamilies.All[Key(n)], n, model.Opset, inputs, Constant);
            Tensor[] outputs = PlanRun.Run(plan, inputs);
            for (int i = 0; i < outputs.Length; i++)
            {
                values[n.Output(i)] = outputs[i];
            }
        }

        Tensor[] expected = s_wrong.Any(w => node.Name.Contains(w.Part, StringComparison.Ordinal)) ? node.Expected! : Expected(node);
        for (int i = 0; i < expected.Length; i++)
        {
            Near.Check(expected[i], values[model.Graph.Outputs[i].Name], s_exact.Contains(op) ? 0 : 1e-5);
        }

        return op;
    }

    private static Tensor[] Expected(NodeCase node)
    {
        string folder = node.Name.Split('/')[1];
        string? root = new[] { Paths.SharedOrNull("data/onnx-node-tests"), $"/usr/share/libonnx-testdata/data/{node.Name.Split('/')[0]}" }
            .FirstOrDefault(r => r is not null && Path.GetFileName(r) == node.Name.Split('/')[0] && Directory.Exists(Path.Combine(r, folder)));
        string data = Path.Combine(root!, folder, "test_data_set_0");
        int count = Directory.GetFiles(data, "output_*.pb").Length;
        return [.. Enumerable.Range(0, count).Select(i => TensorFile.Read(Path.Combine(data, $"output_{i}.pb")))];
    }
}
