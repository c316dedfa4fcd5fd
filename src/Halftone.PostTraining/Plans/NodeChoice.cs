using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Plans;

/// <summary>Decides which nodes run in integers, and says of every other node with numbers to compute why it does not.</summary>
internal sealed class NodeChoice(Graph graph, Target target, Recipe recipe, IReadOnlyDictionary<string, ObservedValue> values)
{
    /// <summary>Chosen nodes, by name, with their role.</summary>
    public SortedDictionary<string, OperatorRole> Nodes { get; } = new(StringComparer.Ordinal);

    /// <summary>The others, and why.</summary>
    public SortedDictionary<string, string> KeptFloat { get; } = new(StringComparer.Ordinal);

    /// <summary>Constants to quantize as weights, those of nodes that were dropped again included.</summary>
    public List<InputSite> Weights { get; } = [];

    /// <summary>Nodes that have weights, in order, chosen or not.</summary>
    public Node[] Weighted { get; private set; } = [];

    /// <summary>Chooses.</summary>
    public void Choose()
    {
        Node[] weighted = Weighted = [.. graph.Nodes.Where(n => Role(n) is OperatorRole.Weighted)];
        foreach (Node node in graph.Nodes)
        {
            if (Role(node) is not { } role)
            {
                if (Computes(node))
                {
                    KeptFloat[node.Name] = ReasonWithoutRole(node);
                }

                continue;
            }

            if (ReasonForFloat(node, role, weighted) is { } reason)
            {
                KeptFloat[node.Name] = reason;
                continue;
            }

            Nodes[node.Name] = role;
            if (role is OperatorRole.Weighted && graph.Constant(node.Input(Products.WeightPlace(node))) is not null)
            {
                Weights.Add(new(node.Name, Products.WeightPlace(node)));
            }
        }

        if (recipe.Mode is RecipeMode.Static)
        {
            DropIsolated();
        }
    }

    private OperatorRole? Role(Node node)
    {
        if (node.Domain.Length > 0)
        {
            return null;
        }

        // without a dynamic integer form the weight is stored in codes and restored before use, where the recipe means all operators
        bool stored = recipe.Mode is RecipeMode.WeightOnly || (recipe.Mode is RecipeMode.Dynamic && recipe.Operators.IsEmpty);
        if (stored && ((node.Is("Gather") && graph.Constant(node.Input(0)) is { Dims.Length: >= 2, Type: ElementType.Float }) || node.Is("ConvTranspose")))
        {
            return OperatorRole.Weighted;
        }

        return target.Operators.TryGetValue(node.Op, out OperatorRole role) && (recipe.Mode is RecipeMode.Static || role is OperatorRole.Weighted) ? role : null;
    }

    // when activations are quantized, every node that gives floats; else those with weights
    private bool Computes(Node node) => recipe.Mode is RecipeMode.Static
        ? node.Domain.Length > 0 || IsFloat(node.Outputs.FirstOrDefault(o => o.Length > 0) ?? "")
        : Products.Has(graph, node);

    private string ReasonWithoutRole(Node node) =>
        node.InnerNodes.Any() ? "it has subgraphs, which are left as they are"
        : recipe.Mode is RecipeMode.Static ? $"{target.Id} has no integer {node.Op}"
        : !recipe.Operators.IsEmpty ? $"recipe '{recipe.Name}' does not quantize {node.Op}"
        : $"there is no dynamic integer {node.Op}";

    private string? ReasonForFloat(Node node, OperatorRole role, Node[] weighted)
    {
        if (recipe.KeepFloat.FirstOrDefault(k => k.Fits(node, weighted)) is { } keep)
        {
            return keep.Reason;
        }

        if (!recipe.Operators.IsEmpty && role is OperatorRole.Weighted or OperatorRole.Arithmetic && !recipe.Operators.Contains(node.Op))
        {
            return $"recipe '{recipe.Name}' does not quantize {node.Op}";
        }

        if (!IsFloat(node.Op is "Gather" or "Where" ? node.Outputs[0] : node.Input(0)))
        {
            return "it does not compute in 32-bit floats";
        }

        return role is OperatorRole.Weighted ? ReasonOfWeight(node) : role is OperatorRole.Arithmetic ? ReasonOfOperands(node) : null;
    }

    private string? ReasonOfWeight(Node node)
    {
        Tensor? weight = graph.Constant(node.Input(Products.WeightPlace(node)));
        if (weight is null)
        {
            return node.Is("MatMul") && recipe.Mode is RecipeMode.Static && IsFloat(node.Input(1)) ? null : "its weight is no constant";
        }

        if (weight.Type is not ElementType.Float)
        {
            return $"its weight is {weight.Type.OnnxName()}";
        }

        if (weight.Count < recipe.Weights.MinimumElements)
        {
            return $"its weight has {weight.Count} elements, fewer than {recipe.Weights.MinimumElements}";
        }

        if (weight.Dims.Length < 2)
        {
            return "its weight is a vector";
        }

        if (recipe.Mode is RecipeMode.Dynamic && !recipe.Operators.IsEmpty && !DynamicExport.Fits(node))
        {
            return "its form (transposed input, alpha or beta) has no dynamic integer operator";
        }

        return recipe.Mode is RecipeMode.Static && node.Is("Gemm") && node.Int("transA", 0) != 0 ? "its input is transposed" : null;
    }

    private string? ReasonOfOperands(Node node)
    {
        foreach (string input in node.Inputs.Skip(EdgeChoice.FirstData(node)).Where(i => i.Length > 0))
        {
            if (graph.Constant(input) is { } constant)
            {
                if (constant.Type is ElementType.Float && constant.ToFloats().Any(v => !float.IsFinite(v)))
                {
                    return $"its constant '{input}' is not finite";
                }
            }
            else if (!IsFloat(input))
            {
                return "it does not compute in 32-bit floats";
            }
        }

        return node.Is("Concat") && target.ConcatSharesScale && node.Inputs.Any(HasFixedScale) ? $"its inputs and output must share a scale, and {target.Id} fixes another one for an input" : null;
    }

    private bool HasFixedScale(string value)
    {
        while (graph.Producer(value) is { } producer)
        {
            if (target.FixedOutputs.ContainsKey(producer.Op))
            {
                return true;
            }

            if (!target.Operators.TryGetValue(producer.Op, out OperatorRole role) || role is not OperatorRole.SameParameters)
            {
                return false;
            }

            value = producer.Input(0);
        }

        return false;
    }

    /// <summary>
    /// Nodes that only move or combine values are worth codes only between nodes that multiply: those no weighted node is connected to
    /// through such nodes stay float, or rounding would be added for nothing.
    /// </summary>
    private void DropIsolated()
    {
        for (bool changed = true; changed;)
        {
            changed = false;
            foreach (Node node in graph.Nodes)
            {
                if (Nodes.TryGetValue(node.Name, out OperatorRole role) && ReasonToDrop(node, role) is { } reason)
                {
                    Nodes.Remove(node.Name);
                    KeptFloat[node.Name] = reason;
                    changed = true;
                }
            }
        }
    }

    private string? ReasonToDrop(Node node, OperatorRole role) => role switch
    {
        OperatorRole.Absorbed when !AbsorbedInto(node) => "no integer node before it takes it in",
        OperatorRole.SameParameters when !ComesInCodes(node.Input(0)) => "its input is not in codes",
        OperatorRole.Arithmetic when !node.Inputs.Any(ComesInCodes) && !graph.Consumers(node.Outputs[0]).Any(c => Nodes.GetValueOrDefault(c.Name, OperatorRole.Absorbed) is OperatorRole.Weighted) => "no integer node is next to it",
        _ => null,
    };

    private bool ComesInCodes(string value) => graph.Producer(value) is { } producer && Nodes.ContainsKey(producer.Name);

    // directly behind an integer node that nobody else reads
    private bool AbsorbedInto(Node node) =>
        graph.Producer(node.Input(0)) is { } producer
        && Nodes.TryGetValue(producer.Name, out OperatorRole role)
        && role is OperatorRole.Weighted or OperatorRole.Arithmetic
        && producer.Outputs.Count == 1
        && graph.Consumers(node.Input(0)).Count == 1
        && !graph.IsOutput(node.Input(0));

    private bool IsFloat(string value) =>
        graph.Constant(value) is { } constant ? constant.Type is ElementType.Float
        : values.TryGetValue(value, out ObservedValue? seen) && seen.Type is ElementType.Float;
}

/// <summary>Nodes that multiply by weights, whether or not these can be quantized.</summary>
internal static class Products
{
    /// <summary>Where a node has its weight: the table of a Gather is its first input.</summary>
    public static int WeightPlace(Node node) => node.Is("Gather") ? 0 : 1;

    /// <summary>Whether a node multiplies by weights, looks them up, or holds nodes that do.</summary>
    public static bool Has(Graph graph, Node node) =>
        Multiplies(node)
        || node.Inputs.Any(i => graph.Constant(i) is { Type: ElementType.Float, Dims.Length: >= 2 } && node.Op is "Gather" or "Einsum")
        || node.InnerNodes.Any(Multiplies);

    private static bool Multiplies(Node node) => node.Op is "Conv" or "ConvTranspose" or "Gemm" or "MatMul" or "LSTM" or "GRU" or "RNN" or "Attention";
}
