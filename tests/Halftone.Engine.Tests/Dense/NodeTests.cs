using Halftone.Engine.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>ONNX's own tests of operators, every one whose nodes are all in the list, held to the tolerance of ONNX's own runner.</summary>
public sealed class NodeTests
{
    // what the engine refuses: a part of the name, and why
    private static readonly (string Part, string Reason)[] s_refused =
    [
        ("FLOAT8", "8-bit floats are stored, not computed with"),
        ("FLOAT4E2M1", "elements of less than 8 bits are packed"),
        ("INT4", "elements of less than 8 bits are packed"),
        ("INT2", "elements of less than 8 bits are packed"),
        ("STRING", "strings are no numbers"),
        ("identity_opt", "an optional is no tensor"),
        ("identity_sequence", "a sequence is no tensor"),
        ("training_dropout", "it is random"),
    ];

    [Fact]
    public void Every_case_gives_the_outputs_of_ONNX()
    {
        List<string> failures = [];
        int passed = 0;
        foreach (NodeModel node in Claimed().Where(n => !IsRefused(n.Name)))
        {
            try
            {
                string? difference = Difference(node.Outputs(), Run(node));
                passed += difference is null ? 1 : 0;
                failures.AddRange(difference is null ? [] : [$"{node.Name}: {difference}"]);
            }
            catch (Exception error)
            {
                failures.Add($"{node.Name}: {error.GetType().Name}: {error.Message}");
            }
        }

        Assert.True(failures.Count == 0, $"{failures.Count} of {failures.Count + passed} cases:\n{string.Join("\n", failures)}");
        TestContext.Current.SendDiagnosticMessage("{0} cases pass", passed);
    }

    [Fact]
    public void What_is_left_out_is_refused_in_a_sentence()
    {
        NodeModel[] left = [.. Claimed().Where(n => IsRefused(n.Name))];
        Assert.NotEmpty(left);
        Assert.All(left, n => Assert.Throws<ModelException>(() => Run(n)));
    }

    private static IEnumerable<NodeModel> Claimed() =>
        NodeModel.All.Where(n => n.Model.Graph.Nodes.All(x => x.Domain.Length == 0 && DenseOperators.All.ContainsKey(x.Op)));

    private static bool IsRefused(string name) => s_refused.Any(r => name.Contains(r.Part, StringComparison.Ordinal)) && !name.Contains("zero_ratio", StringComparison.Ordinal);

    private static Tensor[] Run(NodeModel node)
    {
        Dictionary<string, Tensor> values = node.Inputs();
        foreach ((string name, Tensor value) in node.Model.Graph.Initializers)
        {
            values[name] = value;
        }

        foreach (Node x in node.Model.Graph.Nodes)
        {
            Tensor[] outputs = DenseRun.Compute(x, node.Model.Opset, [.. x.Inputs.Select(i => i.Length == 0 ? null : values[i])]);
            for (int i = 0; i < outputs.Length; i++)
            {
                values[x.Outputs[i]] = outputs[i];
            }
        }

        return [.. node.Model.Graph.Outputs.Select(o => values[o.Name])];
    }

    private static string? Difference(Tensor[] expected, Tensor[] actual)
    {
        if (expected.Length != actual.Length || expected.Length == 0)
        {
            return $"{actual.Length} outputs in place of {expected.Length}";
        }

        for (int o = 0; o < expected.Length; o++)
        {
            (Tensor e, Tensor a) = (expected[o], actual[o]);
            if (e.Type != a.Type || !e.Dims.SequenceEqual(a.Dims))
            {
                return $"{a.Type}[{string.Join(",", a.Dims)}] in place of {e.Type}[{string.Join(",", e.Dims)}]";
            }

            if (Different(e, a) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    private static string? Different(Tensor e, Tensor a)
    {
        if (e.Type is not (ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16))
        {
            return e.Bytes.SequenceEqual(a.Bytes) ? null : "other integers";
        }

        // a rounding more or less of bfloat16 is above the tolerance, which was made for wider floats
        double relative = e.Type is ElementType.BFloat16 ? 1 / 128.0 : 1e-3;
        (float[] x, float[] y) = (e.ToFloats(), a.ToFloats());
        int at = -1;
        for (int i = 0; i < x.Length && at < 0; i++)
        {
            bool close = x[i] == y[i] || (float.IsNaN(x[i]) && float.IsNaN(y[i])) || Math.Abs((double)x[i] - y[i]) <= 1e-7 + (relative * Math.Abs((double)x[i]));
            at = close ? -1 : i;
        }

        return at < 0 ? null : $"{y[at]:R} in place of {x[at]:R} at {at}";
    }
}
