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

    private readonly Dictionary<Node, ForeignNode> _foreign = [];
    private readonly long _maxMemory;
    private readonly Func<Model, IModelRunner>? _fallback;
    private long _computed;

    private TypedGraph(Model model, EngineOptions options) => (Graph, Model, _maxMemory, _fallback) = (model.Graph, model, options.MaxMemory, options.Fallback);

    /// <summary>The graph.</summary>
    public Graph Graph { get; }

    /// <summary>The model it belongs to.</summary>
    public Model Model { get; }

    /// <summary>Gives every value its type.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="inputs">Lengths of every input.</param>
    /// <param name="options">What the constants computed here may take, and what runs nodes that the engine does not know.</param>
    /// <exception cref="ModelException">A node is unknown to the engine, or does not fit its inputs; the message names it.</exception>
    public static TypedGraph Infer(Model model, IReadOnlyDictionary<string, ImmutableArray<int>> inputs, EngineOptions options)
    {
        var typed = new TypedGraph(model, options);
        foreach ((string name, Tensor value) in model.Graph.Initializers)
        {
            Tensor bytes = value.Widened(); // codes of fewer than 8 bits, one a byte, as everything here holds them
            typed._types[name] = new(bytes.Type, Lengths(name, bytes));
            typed._constants[name] = bytes;
        }

        foreach (ValueInfo input in model.Graph.Inputs)
        {
            typed._types[input.Name] = new(input.Type, inputs[input.Name]);
        }

        try
        {
            foreach (Node node in model.Graph.Nodes)
            {
                typed.Infer(node);
            }

            foreach (ValueInfo output in model.Graph.Outputs)
            {
                typed.Type(output.Name);
            }
        }
        catch
        {
            foreach (IModelRunner runner in typed.Runners)
            {
                runner.Dispose();
            }

            throw;
        }

        return typed;
    }

    /// <summary>The type of a value.</summary>
    /// <exception cref="ModelException">Nothing makes it.</exception>
    public TensorType Type(string name) => _types.TryGetValue(name, out TensorType type) ? type : throw new ModelException($"Nothing in the model makes the value '{name}'.");

    /// <summary>A value known before any run, or null.</summary>
    public Tensor? Constant(string name) => _constants.GetValueOrDefault(name);

    /// <summary>What runs the nodes that another runtime takes.</summary>
    public IEnumerable<IModelRunner> Runners => _foreign.Values.Select(f => f.Runner);

    /// <summary>A node that another runtime takes, or null.</summary>
    public ForeignNode? Foreign(Node node) => _foreign.GetValueOrDefault(node);

    /// <summary>Makes a node ready, with all constants.</summary>
    /// <exception cref="ModelException">It does not fit its inputs.</exception>
    public DensePlan Prepare(Node node) => Checked(node, () => Operator(node)(Request(node, long.MaxValue)));

    /// <summary>Makes a node ready to work on codes instead of numbers.</summary>
    /// <param name="node">The node.</param>
    /// <param name="codes">The inputs that are codes, of unsigned bytes.</param>
    /// <param name="replaced">Constants that take inputs' places.</param>
    /// <exception cref="ModelException">It does not fit its inputs.</exception>
    public DensePlan Prepare(Node node, IReadOnlyCollection<int> codes, IReadOnlyDictionary<int, Tensor> replaced) => Checked(node, () => Operator(node)(new(
        node,
        Model.Opset,
        [.. node.Inputs.Select((n, i) => n.Length == 0 ? null : codes.Contains(i) || replaced.ContainsKey(i) ? (TensorType?)new TensorType(ElementType.UInt8, Type(n).Dims) : Type(n))],
        [.. node.Inputs.Select((n, i) => n.Length == 0 || codes.Contains(i) ? null : replaced.TryGetValue(i, out Tensor? value) ? value : Constant(n))])));

    /// <summary>Computes a node whose inputs are all known; what it makes is known from then on.</summary>
    /// <returns>Whether all inputs are.</returns>
    public bool Compute(Node node)
    {
        if (!node.Inputs.All(n => n.Length == 0 || _constants.ContainsKey(n)))
        {
            return false;
        }

        _computed += node.Outputs.Where(o => o.Length > 0).Sum(o => Type(o).Bytes);
        if (_computed > _maxMemory)
        {
            throw new ModelException($"Node '{node.Name}' ({node.Op}) computes constants beyond the {_maxMemory} bytes allowed.");
        }

        Tensor?[] inputs = [.. node.Inputs.Select(n => n.Length == 0 ? null : _constants[n])];
        Keep(node, Checked(node, () => DenseRun.Compute(node, OpsetOf(node), inputs)));
        return true;
    }

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
        foreach (string name in node.Inputs.Where(n => n.Length > 0))
        {
            Type(name);
        }

        try
        {
            InferHere(node);
        }
        catch (ModelException) when (_fallback is not null && node.Outputs.All(o => !_constants.ContainsKey(o)))
        {
            _foreign[node] = ForeignNode.Load(node, Model, Type, Constant, _fallback, out ImmutableArray<TensorType> outputs);
            SetTypes(node, outputs);
        }
    }

    private void InferHere(Node node)
    {
        Func<DenseRequest, DensePlan> make = Operator(node);

        bool known = node.Inputs.All(n => n.Length == 0 || (_constants.TryGetValue(n, out Tensor? value) && value.Count <= Small));
        ImmutableArray<TensorType> outputs = Checked(node, () => make(Request(node, Small)).Outputs);
        SetTypes(node, outputs);
        if (node.Is("Shape") || node.Is("Size"))
        {
            Keep(node, [Lengths(node, Type(node.Input(0)))]); // known even where the value is not
        }
        else if (known && outputs.All(o => o.Count <= Small))
        {
            Compute(node);
        }
    }

    private void SetTypes(Node node, ImmutableArray<TensorType> outputs)
    {
        for (int i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i].Length > 0)
            {
                _types[node.Outputs[i]] = i < outputs.Length ? outputs[i] : throw new ModelException($"Node '{node.Name}' ({node.Op}) has no output {i}.");
            }
        }
    }

    private static Tensor Lengths(Node node, TensorType type)
    {
        if (node.Op == "Size")
        {
            return Tensor.Scalar(type.Count);
        }

        int Place(string attribute, int missing) => (int)Math.Clamp(node.Int(attribute, missing) is var p && p < 0 ? p + type.Rank : p, 0, type.Rank);
        (int start, int end) = (Place("start", 0), Place("end", type.Rank));
        long[] lengths = [.. type.Dims.Skip(start).Take(Math.Max(end - start, 0)).Select(d => (long)d)];
        return Tensor.Of(lengths, lengths.Length);
    }

    private void Keep(Node node, Tensor[] values)
    {
        for (int i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i].Length > 0)
            {
                _constants[node.Outputs[i]] = values[i];
            }
        }
    }

    private int OpsetOf(Node node) => node.Domain.Length == 0 ? Model.Opset : (int)Model.OpsetOf(node.Domain);

    private DenseRequest Request(Node node, long most) =>
        new(
            node,
            OpsetOf(node),
            [.. node.Inputs.Select(n => n.Length == 0 ? null : (TensorType?)Type(n))],
            [.. node.Inputs.Select(n => n.Length > 0 && _constants.TryGetValue(n, out Tensor? value) && value.Count <= most ? value : null)]);

    /// <summary>Does something for a node; what a model can bring about is told in its name.</summary>
    /// <exception cref="ModelException">It does not fit the node.</exception>
    public static T Checked<T>(Node node, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception error) when (error is ArgumentException or ArithmeticException or NotSupportedException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new ModelException($"Node '{node.Name}' ({node.Op}) cannot run in the engine: {error.Message}", error);
        }
    }

    private static ImmutableArray<int> Lengths(string name, Tensor value) =>
        Dense.Lengths.Fit(value.Type, value.Dims.AsSpan()) ? [.. value.Dims.Select(d => (int)d)] : throw new ModelException($"The constant '{name}' is too large for the engine.");
}
