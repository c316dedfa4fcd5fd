using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>The groups of a weight and its output channels.</summary>
internal static class OutputChannels
{
    /// <summary>One group for each output channel; the tensor where it has no axes.</summary>
    public static Granularity Of(WeightView weight) => weight.Shape.IsEmpty ? Granularity.Tensor : Granularity.Channel(weight.OutputAxis);

    /// <summary>Whether no group holds values of two output channels.</summary>
    public static bool OwnGroups(Granularity granularity, WeightView weight) => granularity.Kind switch
    {
        GranularityKind.Channel => granularity.Axis == weight.OutputAxis,
        GranularityKind.Block => granularity.Axis != weight.OutputAxis || granularity.BlockSize == 1,
        _ => weight.Shape.IsEmpty || weight.Shape[weight.OutputAxis] == 1,
    };
}
