using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>The room a weight method has: what target and recipe allow.</summary>
/// <param name="Codes">The codes; for codebooks and bases their bits alone count.</param>
/// <param name="Symmetric">Whether zero points are the middle of the codes.</param>
/// <param name="Granularity">What shares a scale, axes resolved for the weight at hand.</param>
public sealed record WeightTarget(IntegerGrid Codes, bool Symmetric, Granularity Granularity)
{
    /// <summary>The bits, where a method takes so many.</summary>
    /// <exception cref="ArgumentException">It takes fewer or more.</exception>
    internal int BitsWithin(int least, int most, MethodInfo method) => Codes.Bits >= least && Codes.Bits <= most
        ? Codes.Bits
        : throw new ArgumentException($"'{method.Id}' takes weights of {least} to {most} bits, not {Codes.Bits}.");
}

/// <summary>What is known of the inputs of a layer; a method's <see cref="IWeightMethod.Needs"/> says which parts it reads, and only those are gathered.</summary>
public sealed record LayerStatistics
{
    /// <summary>Nothing known.</summary>
    public static LayerStatistics None { get; } = new();

    /// <summary>Mean of x x^T over samples and places, [groups, d, d] row-major; d is the inputs of one output (input channels of a group times kernel).</summary>
    public double[]? SecondMoment { get; init; }
}

/// <summary>The parts of <see cref="LayerStatistics"/> a method reads.</summary>
public enum LayerStatisticsNeeds
{
    /// <summary>None: the weight alone.</summary>
    None = 0,

    /// <summary><see cref="LayerStatistics.SecondMoment"/>.</summary>
    SecondMoment = 1,
}

/// <summary>Turns a weight into a format; pure, deterministic, safe to share between threads.</summary>
public interface IWeightMethod
{
    /// <summary>What it reads of the layer's inputs.</summary>
    LayerStatisticsNeeds Needs => LayerStatisticsNeeds.None;

    /// <summary>The weight in its format.</summary>
    /// <exception cref="OperationCanceledException">It was asked to stop.</exception>
    QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default);
}
