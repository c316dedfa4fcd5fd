namespace Halftone.Onnx.Passes;

/// <summary>A rewrite of a graph that preserves what it computes.</summary>
public interface IGraphPass
{
    /// <summary>Rewrites every match.</summary>
    /// <returns>Whether anything changed; a second run right after returns false.</returns>
    bool Apply(Graph graph, PassContext context);
}

/// <summary>A rewrite that changes what a graph computes, declared lossy, which the report measures.</summary>
public interface ILayerRewrite
{
    /// <summary>Rewrites every match.</summary>
    /// <returns>Whether anything changed.</returns>
    bool Apply(Graph graph, PassContext context);
}

/// <summary>What passes know besides the graph, and what they leave for later ones.</summary>
public sealed class PassContext
{
    private long? _constantBytesLeft; // null before the first is asked for

    /// <summary>Batch normalization that was folded into a node: by node name, for methods that need the moments of its output.</summary>
    public Dictionary<string, BatchNormMoments> BatchNorm { get; } = [];

    /// <summary>Learns max|x| of each channel (axis 1) of values from samples, for passes that need it; null where there are none.</summary>
    public Func<IReadOnlyCollection<string>, Dictionary<string, float[]>>? ChannelMaxima { get; init; }

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

/// <summary>Mean and standard deviation of a normalized output: beta and |gamma| for each channel.</summary>
/// <param name="Mean">beta.</param>
/// <param name="Deviation">|gamma|.</param>
public sealed record BatchNormMoments(float[] Mean, float[] Deviation);
