using Halftone.Weights;

namespace Halftone.Onnx.Passes;

/// <summary>A rewrite of a graph that preserves what it computes.</summary>
public interface IGraphPass
{
    /// <summary>Rewrites every match.</summary>
    /// <returns>Whether anything changed; a second run right after returns false.</returns>
    bool Apply(Graph graph, PassContext context);
}

/// <summary>When a rewrite runs.</summary>
public enum RewriteStage
{
    /// <summary>On the model as it came, before normalization is folded.</summary>
    Original,

    /// <summary>After <see cref="StandardPasses"/>, before the recipe's passes.</summary>
    BeforePasses,

    /// <summary>After the recipe's passes.</summary>
    AfterPasses,
}

/// <summary>A rewrite that changes what a graph computes, declared lossy, which the report measures.</summary>
public interface ILayerRewrite
{
    /// <summary>When it runs; rewrites of one stage run in the recipe's order.</summary>
    RewriteStage Stage => RewriteStage.BeforePasses;

    /// <summary>Rewrites every match.</summary>
    /// <returns>Whether anything changed.</returns>
    bool Apply(Graph graph, PassContext context);
}

/// <summary>What passes know besides the graph, and what they leave for later ones.</summary>
public sealed class PassContext
{
    private long? _constantBytesLeft; // null before the first is asked for

    /// <summary>Batch normalization that was folded into a node: by node name, for methods that need the moments of its output. Passes that scale or shift that output change them along.</summary>
    public Dictionary<string, BatchNormMoments> BatchNorm { get; init; } = [];

    /// <summary>Learns the ranges of channels of values from samples, by value, for passes that need it; null where there are none.</summary>
    public Func<IReadOnlyCollection<ChannelAxis>, Dictionary<string, ChannelRanges>>? ChannelRanges { get; init; }

    /// <summary>Learns the second moments of the inputs of layers from samples, by the place of the weight; null where there are none.</summary>
    public Func<IReadOnlyCollection<InputSite>, IReadOnlyDictionary<InputSite, LayerStatistics>>? LayerInputs { get; init; }

    /// <summary>Lengths of a value with one sample; null where they are not known.</summary>
    public Func<string, IReadOnlyList<long>?> Lengths { get; init; } = _ => null;

    /// <summary>How the weight of a node (at an input) will be quantized; null where it is not known.</summary>
    public Func<InputSite, WeightTarget?> WeightTarget { get; init; } = _ => null;

    /// <summary>What was done, one line each, for the report.</summary>
    public List<string> Log { get; } = [];

    /// <summary>Whether a computed constant of so many bytes still fits: in all 64 MB, and four times the constants that the graph had. A small file must not become a huge one.</summary>
    internal bool HasRoom(Graph graph, long bytes)
    {
        _constantBytesLeft ??= (64L << 20) + (4 * graph.Initializers.Values.Sum(t => t.ByteLength));
        return bytes <= Math.Min(_constantBytesLeft.Value, Array.MaxLength);
    }

    /// <summary>Takes that room.</summary>
    internal void TakeRoom(long bytes) => _constantBytesLeft -= bytes;
}

/// <summary>An axis of a value whose indices are channels.</summary>
/// <param name="Value">The value.</param>
/// <param name="Axis">The axis; negative from the end.</param>
public readonly record struct ChannelAxis(string Value, int Axis);

/// <summary>What samples show of each channel of a value.</summary>
/// <param name="Min">Least value.</param>
/// <param name="Max">Greatest value.</param>
/// <param name="MeanMagnitude">Mean of |x|.</param>
public sealed record ChannelRanges(float[] Min, float[] Max, float[] MeanMagnitude)
{
    /// <summary>max|x|.</summary>
    public float[] Magnitude => [.. Min.Zip(Max, (a, b) => Math.Max(-a, b))];
}

/// <summary>Mean and standard deviation of a normalized output: beta and |gamma| for each channel.</summary>
/// <param name="Mean">beta.</param>
/// <param name="Deviation">|gamma|.</param>
public sealed record BatchNormMoments(float[] Mean, float[] Deviation);
