using System.Collections.Immutable;

namespace Halftone.Onnx.Export;

/// <summary>One conversion on its way: the copy that is rewritten, and what is to be said about it.</summary>
internal sealed class Conversion(Model model, ModelFormat from, ModelFormat to, ConversionOptions options, CancellationToken cancel)
{
    private readonly ImmutableArray<string>.Builder _notes = ImmutableArray.CreateBuilder<string>();

    public Model Model { get; private set; } = model;

    public Graph Graph => Model.Graph;

    public ModelFormat To => to;

    public ConversionOptions Options => options;

    public CancellationToken Cancel => cancel;

    public void Note(string sentence) => _notes.Add(sentence);

    public ConversionResult Result() => new(Model, _notes.ToImmutable());

    /// <summary>Makes the graph anew from its message, after the types of inputs and outputs changed.</summary>
    public void Renew() => Model = Model.Clone();

    public ModelException Refuse(Node node, string why) => new($"Cannot convert from {from} to {to}: node '{node.Name}' ({node.Op}) {why}");

    /// <summary>Imports com.microsoft.</summary>
    public void ImportMicrosoft()
    {
        if (Model.OpsetOf(Codes.Microsoft) == 0)
        {
            Model.SetOpset(Codes.Microsoft, 1);
        }
    }
}

/// <summary>Constant nodes as initializers, so that one question finds every constant.</summary>
internal static class ConstantNodes
{
    public static void ToInitializers(Graph graph)
    {
        foreach (Node node in graph.Nodes.Where(n => n.Is("Constant")).ToArray())
        {
            Tensor? value = node.TensorAttribute("value")
                ?? (node.Has("value_float") ? Tensor.Scalar(node.Float("value_float", 0)) : null)
                ?? (node.Has("value_int") ? Tensor.Scalar(node.Int("value_int", 0)) : null)
                ?? (node.Floats("value_floats") is { } floats ? Tensor.Of(floats, floats.Length) : null)
                ?? (node.Ints("value_ints") is { } ints ? Tensor.Of(ints, ints.Length) : null);
            if (value is not null && !graph.IsOutput(node.Outputs[0]))
            {
                graph.Remove(node);
                graph.SetConstant(node.Outputs[0], value);
            }
        }
    }
}

/// <summary>What a conversion left without a reader.</summary>
internal static class Unused
{
    public static void Remove(Graph graph)
    {
        HashSet<string> needed = [.. graph.Outputs.Select(o => o.Name)];
        graph.Sort();
        HashSet<Node> dead = [];
        foreach (Node node in graph.Nodes.Reverse())
        {
            if (node.Outputs.Any(needed.Contains))
            {
                needed.UnionWith(node.Inputs);
                needed.UnionWith(node.CapturedNames);
            }
            else
            {
                dead.Add(node);
            }
        }

        graph.RemoveAll(dead.Contains);
        foreach (string name in graph.Initializers.Keys.Where(k => !needed.Contains(k)).ToArray())
        {
            graph.RemoveConstant(name);
        }
    }
}
