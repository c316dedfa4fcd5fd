using Halftone.Onnx;

namespace Halftone.PostTraining.Equalization;

/// <summary>What a constant does with channels.</summary>
internal enum ChannelRole
{
    /// <summary>It weighs the inputs of a layer, or makes its outputs.</summary>
    Weight,

    /// <summary>It is multiplied with a normalized value.</summary>
    Norm,

    /// <summary>It is added, or bounds: it goes with the scale of its channel.</summary>
    Shift,
}

/// <summary>A constant whose elements belong to channels.</summary>
/// <remarks>Element i belongs to channel i / Inner % Length + i / PerGroup * Length: the index on one axis, and the group of a convolution.</remarks>
/// <param name="Node">Who reads the constant.</param>
/// <param name="Constant">Its name.</param>
/// <param name="Role">What it does.</param>
/// <param name="Inner">Elements from an index of the channels' axis to the next.</param>
/// <param name="Length">Length of that axis.</param>
/// <param name="PerGroup">Elements of a group; all where there are no groups.</param>
/// <param name="Ids">The channel of the <see cref="ChannelMap"/> by channel of the constant.</param>
internal sealed record ChannelSite(Node Node, string Constant, ChannelRole Role, int Inner, int Length, int PerGroup, int[] Ids)
{
    /// <summary>The channel of an element.</summary>
    public int Channel(int element) => (element / Inner % Length) + (element / PerGroup * Length);

    /// <summary>Channels on an axis of a tensor, by groups of its first axis where that is another.</summary>
    public static ChannelSite On(Node node, string constant, ChannelRole role, Tensor tensor, int axis, int groups, int[] ids)
    {
        int inner = 1;
        for (int i = axis + 1; i < tensor.Dims.Length; i++)
        {
            inner *= (int)tensor.Dims[i];
        }

        return new(node, constant, role, inner, (int)tensor.Dims[axis], (int)tensor.Count / groups, ids);
    }

    /// <summary>Multiplies each element by the factor of its channel.</summary>
    public void Scale(Graph graph, Func<int, double> factorOfId)
    {
        Tensor tensor = graph.Constant(Constant)!;
        float[] values = tensor.ToFloats();
        double[] factors = Array.ConvertAll(Ids, id => factorOfId(id));
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(values[i] * factors[Channel(i)]);
        }

        graph.SetConstant(Constant, Tensor.Of(values, tensor.Dims.AsSpan()));
    }
}
