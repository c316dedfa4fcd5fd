using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>Makes inner values of a model readable.</summary>
public static class TensorTap
{
    /// <summary>A copy of a model whose outputs are the model's own, in their order, and then the values named.</summary>
    /// <param name="model">Stays as it is.</param>
    /// <param name="names">What nodes of the main graph make. Constants, inputs and names inside subgraphs cannot be exposed.</param>
    /// <exception cref="ModelException">A name is not made by a node of the main graph.</exception>
    public static Model Expose(Model model, IEnumerable<string> names)
    {
        Model copy = model.Clone();
        foreach (string name in names)
        {
            copy.Graph.ExposeOutput(name);
        }

        return copy;
    }

    /// <summary>A copy of a model that gives the values named alone: what they do not need is not run.</summary>
    /// <inheritdoc cref="Expose"/>
    public static Model Isolate(Model model, IReadOnlyCollection<string> names)
    {
        Model copy = Expose(model, names);
        copy.Graph.KeepOutputs(names.ToHashSet());
        return copy;
    }

    /// <summary>The values that <see cref="Expose"/> takes: every output of every node of the main graph, in order.</summary>
    public static IEnumerable<string> Exposable(Graph graph) => graph.Nodes.SelectMany(n => n.Outputs).Where(o => o.Length > 0);
}
