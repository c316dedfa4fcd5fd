using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Cuts a QDQ network at its codes.</summary>
internal static class Regions
{
    /// <summary>The codes that nodes make.</summary>
    public static string[] Codes(Model model) => [.. model.Graph.Nodes.Where(n => n.Is("QuantizeLinear")).Select(n => n.Output(0))];

    /// <summary>The network with every DequantizeLinear reading codes that are fed: each operator between codes computes from what it is given, not from what the one before it made.</summary>
    /// <param name="model">Stays as it is.</param>
    /// <param name="codes">Codes of a run, by name.</param>
    public static Model Cut(Model model, IReadOnlyDictionary<string, Tensor> codes)
    {
        string[] read = [.. model.Graph.Nodes.Where(n => n.Is("DequantizeLinear") && codes.ContainsKey(n.Input(0))).Select(n => n.Input(0)).Distinct()];
        Model cut = Model.Create(
            model.Opset,
            [.. model.Graph.Inputs, .. read.Select(r => new ValueInfo(Fed(r), codes[r].Type, [.. codes[r].Dims.Select(d => (long?)d)]))],
            model.Graph.Outputs.Select(o => o.Name).Union(Codes(model)).Select(o => new ValueInfo(o, ElementType.Undefined, null)));
        foreach ((string name, Tensor value) in model.Graph.Initializers)
        {
            cut.Graph.SetConstant(name, value);
        }

        foreach (Node node in model.Graph.Nodes)
        {
            bool fed = node.Is("DequantizeLinear") && read.Contains(node.Input(0));
            cut.Graph.Add(new Node(node.Name, node.Op, fed ? [Fed(node.Input(0)), .. node.Inputs.Skip(1)] : node.Inputs, node.Outputs, node.Domain).WithAttributesOf(node));
        }

        return cut;
    }

    /// <summary>What to feed it.</summary>
    public static Dictionary<string, Tensor> Feed(Model cut, IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyDictionary<string, Tensor> codes) =>
        cut.Graph.Inputs.ToDictionary(i => i.Name, i => inputs.TryGetValue(i.Name, out Tensor? value) ? value : codes[i.Name[..^4]]);

    private static string Fed(string codes) => codes + ".fed";
}
