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
    /// <summary>Batch normalization that was folded into a node: by node name, for methods that need the moments of its output.</summary>
    public Dictionary<string, BatchNormMoments> BatchNorm { get; } = [];

    /// <summary>What was done, one line each, for the report.</summary>
    public List<string> Log { get; } = [];
}

/// <summary>Mean and standard deviation of a normalized output: beta and |gamma| for each channel.</summary>
/// <param name="Mean">beta.</param>
/// <param name="Deviation">|gamma|.</param>
public sealed record BatchNormMoments(float[] Mean, float[] Deviation);
