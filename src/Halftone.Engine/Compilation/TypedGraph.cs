using System.Collections.Immutable;
using Halftone.Engine.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A graph for inputs of known lengths: the type of every value, and the values that are known before any run.</summary>
/// <remarks>Types come from making every node ready without its large constants, so that nothing is packed or computed that no step will need.</remarks>
internal sealed class TypedGraph
{
    /// <summary>Elements up to which values are computed here: shapes, axes and the like; larger ones when a step needs them.</summary>
    private const int Small = 4096;

    private readonly Dictionary<string, TensorType> _types = [];
    private readonly Dictionary<string, Tensor> _constants = [];

    private TypedGraph(Model model) => (Graph, Model) = (model.Graph, model);

    /// <summary>The graph.</summary>
    public Graph Graph { get; }

    /// <summary>The model it belongs to.</summary>
    public Model Model { get; }

    /// <summary>Gives every value its type.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="inputs">Lengths of every input.</param>
    /// <exception cref="ModelException">A node is unknown to the engine, or does not fit its inputs; the message names it.</exception>
    public static TypedGraph Infer(Model model, IReadOnlyDictionary<string, ImmutableArray<int>> inputs)
    {
        var typed = new TypedGraph(model);
        foreach ((string name, Tensor value) in model.Graph.Initializers)
        {
            typed._types[name] = new(value.Type, Lengths(name, value));
            typed._constants[name] = value;
        }

        foreach (ValueInfo input in model.Graph.Inputs)
        {
            typed._types[input.Name] = new(input.Type, inputs[input.Name]);
        }

        foreach (Node node in model.Graph.Nodes)
        {
            typed.Infer(node);
        }

        foreach (ValueInfo output in model.Graph.Outputs)
        {
            typed.Type(output.Name);
        }

        return typed;
    }

    /// <summary>The type of a value.</summary>
    /// <exception cref="ModelException">Nothing makes it.</exception>
    public TensorType Type(string name) => _types.TryGetValue(name, out TensorType type) ? type : throw new ModelException($"Nothing in the model makes the value '{name}'.");

    /// <summary>A value known before any run, or null.</summary>
    public Tensor? Constant(string name) => _constants.GetValueOrDefault(name);

    /// <summary>A node as its operator sees it, with all constants.</summary>
    public DenseRequest Request(Node node) => Request(node, long.MaxValue);

    /// <summary>The operator of a node.</summary>
    /// <exception cref="ModelException">The engine does not know it.</exception>
    public static Func<DenseRequest, DensePlan> Operator(Node node)
    {
        string key = node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}";
        return DenseOperators.All.TryGetValue(key, out Func<DenseRequest, DensePlan>? make)
            ? make
            : throw new ModelException($"The engine does not know the operator {key} of node '{node.Name}'.");
    }

    private void Infer(Node node)
    {
        Func<DenseRequest, DensePlan> make = Operator(node);
        foreach (string name in node.Inputs.Where(n => n.Length > 0))
        {
            Type(name);
        }

        bool known = node.Inputs.All(n => n.Length == 0 || (_constants.TryGetValue(n, out Tensor? value) && value.Count <= Small));
        ImmutableArray<TensorType> outputs = Checked(node, () => make(Request(node, Small)).Outputs);
        for (int i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i].Length > 0)
            {
                _types[node.Outputs[i]] = i < outputs.Length ? outputs[i] : throw new ModelException($"Node '{node.Name}' ({node.Op}) has no output {i}.");
            }
        }

        // the length of a value is known even where the value is not
        if ((known || node.Is("Shape") || node.Is("Size")) && outputs.All(o => o.Count <= Small))
        {
            Tensor[] values = Checked(node, () => DenseRun.Compute(make(Request(node, Small)), [.. node.Inputs.Select(n => n.Length == 0 ? null : _constants.GetValueOrDefault(n))]));
            for (int i = 0; i < node.Outputs.Count; i++)
            {
                _constants[node.Outputs[i]] = values[i];
            }
        }
    }

    private DenseRequest Request(Node node, long most) =>
        new(
            node,
            node.Domain.Length == 0 ? Model.Opset : (int)Model.OpsetOf(node.Domain),
            [.. node.Inputs.Select(n => n.Length == 0 ? null : (TensorType?)Type(n))],
            [.. node.Inputs.Select(n => n.Length > 0 && _constants.TryGetValue(n, out Tensor? value) && value.Count <= most ? value : null)]);

    private static T Checked<T>(Node node, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception error) when (error is ArgumentException or OverflowException or NotSupportedException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new ModelException($"Node '{node.Name}' ({node.Op}) cannot run in the engine: {error.Message}", error);
        }
    }

    private static ImmutableArray<int> Lengths(string name, Tensor value) =>
        value.Dims.All(d => d <= int.MaxValue) ? [.. value.Dims.Select(d => (int)d)] : throw new ModelException($"The constant '{name}' is too large for the engine.");
}
