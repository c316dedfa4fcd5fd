using Halftone.Engine.Kernels.Products;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Engines;

/// <summary>A model of one node, named "node", whose inputs are fed or constant.</summary>
internal sealed record OneNode(Model Model, IReadOnlyDictionary<string, Tensor> Feed)
{
    /// <summary>Names of the tiers that this machine runs.</summary>
    public static TheoryData<string> Tiers => [.. ProductTiers.All.Where(t => t.IsSupported()).Select(t => t.Name)];

    /// <summary>Makes one.</summary>
    /// <param name="node">Operator, domain and attributes.</param>
    /// <param name="output">Type of the output.</param>
    /// <param name="values">The inputs, in order; null for one left out.</param>
    /// <param name="fed">Which of them are fed.</param>
    public static OneNode Of(Node node, ElementType output, Tensor?[] values, params int[] fed)
    {
        string[] names = [.. values.Select((v, i) => v is null ? "" : $"x{i}")];
        var feed = fed.ToDictionary(i => names[i], i => values[i]!);
        Model model = Model.Create(21, feed.Select(f => new ValueInfo(f.Key, f.Value.Type, [.. f.Value.Dims.Select(d => (long?)d)])), [new ValueInfo("y", output, null)]);
        if (node.Domain.Length > 0)
        {
            model.SetOpset(node.Domain, 1);
        }

        foreach (int i in Enumerable.Range(0, values.Length).Except(fed).Where(i => values[i] is not null))
        {
            model.Graph.SetConstant(names[i], values[i]!);
        }

        model.Graph.Add(new Node("node", node.Op, names, ["y"], node.Domain).WithAttributesOf(node));
        return new(model, feed);
    }

    /// <summary>MatMul of codes behind DequantizeLinear of scale 1: its output is the sums themselves, as floats.</summary>
    public static OneNode Sums(Tensor a, Tensor aZero, Tensor b, Tensor bZero)
    {
        Model model = Model.Create(21, [new("a", a.Type, [.. a.Dims.Select(d => (long?)d)])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.SetConstant("az", aZero);
        model.Graph.SetConstant("b", b);
        model.Graph.SetConstant("bz", bZero);
        model.Graph.SetConstant("one", Tensor.Scalar(1f));
        model.Graph.SetConstant("ones", bZero.Count == 1 ? Tensor.Scalar(1f) : Tensor.Of([.. Enumerable.Repeat(1f, (int)bZero.Count)], bZero.Count));
        model.Graph.Add(new Node("da", "DequantizeLinear", ["a", "one", "az"], ["af"]));
        model.Graph.Add(new Node("db", "DequantizeLinear", ["b", "ones", "bz"], ["bf"]).With("axis", 1));
        model.Graph.Add(new Node("node", "MatMul", ["af", "bf"], ["y"]));
        return new(model, new Dictionary<string, Tensor> { ["a"] = a });
    }

    /// <summary>Runs it in the engine.</summary>
    public Tensor Run(EngineOptions? options = null)
    {
        using EngineSession session = EngineSession.Load(Model, options);
        return session.Run(Feed)["y"];
    }
}
