namespace Halftone.PostTraining.Proofs;

/// <summary>What the proof does and asks for.</summary>
public sealed record ProofOptions
{
    /// <summary>Time for the latency comparison; zero leaves it out.</summary>
    public TimeSpan LatencyBudget { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Whether a result that is surely slower than float misses its goal: only when the whole 90 % interval of the paired ratio says so.</summary>
    public bool RequireFaster { get; init; }

    /// <summary>How much of the metric may be lost; null asks for nothing.</summary>
    public double? MaxDrop { get; init; }

    /// <summary>Id of the metric on labelled samples; null takes the one that fits the data.</summary>
    public string? Metric { get; init; }

    /// <summary>Whether the result runs in Halftone's engine, too, beside ONNX Runtime.</summary>
    public bool Engine { get; init; } = true;

    /// <summary>Whether the error along the graph and the histograms are gathered for the report.</summary>
    public bool Details { get; init; } = true;
}
