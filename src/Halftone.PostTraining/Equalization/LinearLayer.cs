using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.Weights;

namespace Halftone.PostTraining.Equalization;

/// <summary>A layer y = W x + b with a constant weight of its own: Conv, ConvTranspose, Gemm, or MatMul with a matrix.</summary>
/// <param name="Node">The node.</param>
/// <param name="Weight">Its weight.</param>
/// <param name="Axes">The weight's axes.</param>
internal sealed record LinearLayer(Node Node, Tensor Weight, WeightAxes Axes)
{
    /// <summary>Output channels.</summary>
    public int Outputs => (int)Weight.Dims[Axes.Output] * (Axes.Kind is WeightKind.ConvTranspose ? Axes.Groups : 1);

    /// <summary>Input channels.</summary>
    public int Inputs => (int)Weight.Dims[Axes.Input] * (Axes.Kind is WeightKind.Conv ? Axes.Groups : 1);

    /// <summary>Whether each channel is a group.</summary>
    public bool IsDepthwise => Axes.Groups > 1 && Inputs == Axes.Groups && Outputs == Axes.Groups;

    /// <summary>Whether its input has channels on that axis; -1 is the last of a value of unknown rank.</summary>
    public bool ReadsAxis(int axis, int rank) => Node.Op is "MatMul" ? axis == -1 || axis == rank - 1 : axis == 1 && (rank == -1 || rank == (Node.Op is "Gemm" ? 2 : Weight.Dims.Length));

    /// <summary>The layer at a node, or null where its weight is no float constant that it alone reads.</summary>
    public static LinearLayer? Of(Graph graph, Node node) => Owns(graph, node, 1) ? Any(graph, node) : null;

    /// <summary>The same, whoever else reads the weight.</summary>
    public static LinearLayer? Any(Graph graph, Node node)
    {
        if (node.Domain.Length > 0 || node.Op is not ("Conv" or "ConvTranspose" or "Gemm" or "MatMul") || graph.Constant(node.Input(1)) is not { Type: ElementType.Float } weight)
        {
            return null;
        }

        long groups = node.Op is "Conv" or "ConvTranspose" ? node.Int("group", 1) : 1;
        return weight.Count is > 0 and <= int.MaxValue && groups >= 1 && (node.Op is "Gemm" or "MatMul" ? weight.Dims.Length == 2 : weight.Dims.Length >= 3 && weight.Dims[0] % groups == 0)
            ? new(node, weight, WeightViews.Axes(node, weight.Dims.Length))
            : null;
    }

    /// <summary>Whether a float constant at an input is read by that node alone.</summary>
    public static bool Owns(Graph graph, Node node, int place) =>
        graph.Constant(node.Input(place)) is { Type: ElementType.Float } && graph.Consumers(node.Input(place)).Count == 1
        && node.Inputs.Count(i => i == node.Input(place)) == 1 && !graph.IsOutput(node.Input(place));

    /// <summary>Whether there is no bias, or one number for each output that this layer alone reads.</summary>
    public bool OwnsBias(Graph graph) => Node.Input(2).Length == 0 || (Owns(graph, Node, 2) && graph.Constant(Node.Input(2)) is { Dims: [.., var last] } bias && last == Outputs && bias.Count == Outputs);

    /// <summary>Its weight by output channels.</summary>
    public ChannelSite OutputSite(int[] ids) => ChannelSite.On(Node, Node.Input(1), ChannelRole.Weight, Weight, Axes.Output, Axes.Kind is WeightKind.ConvTranspose ? Axes.Groups : 1, ids);

    /// <summary>Its weight by input channels.</summary>
    public ChannelSite InputSite(int[] ids) => ChannelSite.On(Node, Node.Input(1), ChannelRole.Weight, Weight, Axes.Input, Axes.Kind is WeightKind.Conv ? Axes.Groups : 1, ids);

    /// <summary>W x for inputs that are the same at every place, the bias apart: one number for each output.</summary>
    public double[] Apply(ReadOnlySpan<double> inputs) => Apply(Weight.ToFloats(), inputs);

    /// <summary>The same with other weights.</summary>
    public double[] Apply(ReadOnlySpan<float> weight, ReadOnlySpan<double> inputs)
    {
        ChannelSite made = OutputSite([]);
        ChannelSite read = InputSite([]);
        var sums = new double[Outputs];
        for (int i = 0; i < weight.Length; i++)
        {
            sums[made.Channel(i)] += weight[i] * inputs[read.Channel(i)];
        }

        return sums;
    }

    /// <summary>Adds to its bias, which it gets where it has none. Not for MatMul, which takes none.</summary>
    public void AddToBias(Graph graph, ReadOnlySpan<double> more)
    {
        float[] bias = graph.Constant(Node.Input(2))?.ToFloats() ?? new float[Outputs];
        for (int i = 0; i < bias.Length; i++)
        {
            bias[i] = (float)(bias[i] + more[i]);
        }

        if (Node.Input(2).Length == 0)
        {
            graph.SetInput(Node, 2, graph.AddConstant($"{Node.Name}_bias", Tensor.Of(bias, bias.Length)));
        }
        else
        {
            graph.SetConstant(Node.Input(2), Tensor.Of(bias, graph.Constant(Node.Input(2))!.Dims.AsSpan()));
        }
    }
}
