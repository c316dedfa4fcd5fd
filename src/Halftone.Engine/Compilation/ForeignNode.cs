using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A node that another runtime takes, as a model of its own.</summary>
/// <param name="Runner">What runs it.</param>
/// <param name="Inputs">The values it reads that are not known before a run, those its subgraphs capture included.</param>
internal sealed record ForeignNode(IModelRunner Runner, ImmutableArray<string> Inputs)
{
    /// <summary>Makes the model and has it loaded; one run on zeros tells the types of its outputs.</summary>
    /// <param name="node">The node.</param>
    /// <param name="model">The model it belongs to.</param>
    /// <param name="type">Types of values.</param>
    /// <param name="constant">Values that are known, or null.</param>
    /// <param name="load">Loads a model into the other runtime.</param>
    /// <param name="outputs">Types of the outputs.</param>
    /// <exception cref="ModelException">The other runtime does not take the node either.</exception>
    public static ForeignNode Load(
        Node node, Model model, Func<string, TensorType> type, Func<string, Tensor?> constant, Func<Model, IModelRunner> load, out ImmutableArray<TensorType> outputs)
    {
        string[] read = [.. node.Inputs.Concat(node.CapturedNames).Where(n => n.Length > 0).Distinct()];
        ImmutableArray<string> inputs = [.. read.Where(n => constant(n) is null)];
        string[] made = [.. node.Outputs.Where(n => n.Length > 0)];
        Model single = Model.Create(
            model.Opset,
            inputs.Select(n => new ValueInfo(n, type(n).Element, [.. type(n).Dims.Select(d => (long?)d)])),
            made.Select(n => new ValueInfo(n, ElementType.Undefined, null)));
        single.IrVersion = model.IrVersion;
        foreach (string domain in model.Domains)
        {
            single.SetOpset(domain, model.OpsetOf(domain));
        }

        foreach (string name in read.Except(inputs))
        {
            single.Graph.SetConstant(name, constant(name)!);
        }

        single.Graph.Add(new Node(node.Name, node.Op, node.Inputs, node.Outputs, node.Domain).WithAttributesOf(node));
        IModelRunner runner = load(single);
        try
        {
            IReadOnlyDictionary<string, Tensor> values = runner.Run(inputs.ToDictionary(n => n, n => Zeros(type(n))), made);
            outputs = [.. node.Outputs.Select(n => n.Length == 0 ? default : TypeOf(values[n]))];
            return new ForeignNode(runner, inputs);
        }
        catch
        {
            runner.Dispose();
            throw;
        }
    }

    /// <summary>The type of a tensor.</summary>
    public static TensorType TypeOf(Tensor tensor) => new(tensor.Type, [.. tensor.Dims.Select(d => checked((int)d))]);

    private static Tensor Zeros(TensorType type) => new(type.Element, [.. type.Dims.Select(d => (long)d)], new byte[type.Bytes]);
}
