using System.Collections.Immutable;

namespace Halftone.PostTraining.Leaderboards;

/// <summary>What became of a candidate.</summary>
public enum LeaderboardStatus
{
    /// <summary>It was measured; a model whose outputs have collapsed, too.</summary>
    Measured,

    /// <summary>It does not go with the model or the bits, or gives the model of another row.</summary>
    Skipped,

    /// <summary>It broke.</summary>
    Failed,
}

/// <summary>A line of a leaderboard. Sizes in bytes; numbers are null where nothing was measured.</summary>
public sealed record LeaderboardRow
{
    /// <summary>The candidate's name; a row's own in its leaderboard.</summary>
    public required string Name { get; init; }

    /// <summary>The recipe's.</summary>
    public required string Recipe { get; init; }

    /// <summary>What became of it.</summary>
    public required LeaderboardStatus Status { get; init; }

    /// <summary>Why it was skipped or failed, or what to mind.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Bits of weights that were asked for.</summary>
    public int? WeightBits { get; init; }

    /// <summary>Bits that a quantized weight takes on average in its format, with scales, codebooks and masks; some methods take no heed of what is asked for. Null where none is quantized.</summary>
    public double? StoredBits { get; init; }

    /// <summary>Bits of activations; null where they stay float.</summary>
    public int? ActivationBits { get; init; }

    /// <summary>The metric, in its unit.</summary>
    public double? Metric { get; init; }

    /// <summary>Less float's, on the same samples.</summary>
    public double? Difference { get; init; }

    /// <summary>Of the difference, by pairs of samples.</summary>
    public double? StandardError { get; init; }

    /// <summary>dB, of the outputs against float's.</summary>
    public double? Sqnr { get; init; }

    /// <summary>Of the ONNX file.</summary>
    public long? DeployedBytes { get; init; }

    /// <summary>Of its archive.</summary>
    public long? CodedBytes { get; init; }

    /// <summary>Share of the multiply-accumulates in integer kernels.</summary>
    public double? FusedMacs { get; init; }

    /// <summary>Float time over quantized time; null where it was not timed.</summary>
    public double? Speed { get; init; }

    /// <summary>Its 90 % interval.</summary>
    public double? SpeedLow { get; init; }

    /// <summary>Its 90 % interval.</summary>
    public double? SpeedHigh { get; init; }

    /// <summary>Share of samples with the same largest output in Halftone's engine as in ONNX Runtime; null where outputs have no classes or the engine does not run the model.</summary>
    public double? EngineAgreement { get; init; }

    /// <summary>Largest difference between the engine's outputs and ONNX Runtime's, as a share of the largest value; null where it does not run the model.</summary>
    public double? EngineDifference { get; init; }

    /// <summary>ONNX Runtime's time over the engine's; null where they were not timed.</summary>
    public double? EngineSpeed { get; init; }

    /// <summary>Why the engine does not run the model; empty where it does.</summary>
    public string EngineObstacle { get; init; } = "";

    /// <summary>That choosing and quantizing took, apart from the calibration all share, and from measuring.</summary>
    public double? Seconds { get; init; }

    /// <summary>SHA-256 of the ONNX file.</summary>
    public string Sha256 { get; init; } = "";
}

/// <summary>Many recipes on one model.</summary>
public sealed record LeaderboardResult
{
    /// <summary>File name of the float model.</summary>
    public required string Model { get; init; }

    /// <summary>Bytes of its ONNX file.</summary>
    public required long DeployedBytes { get; init; }

    /// <summary>Bytes of its archive; null where it is too large for one file.</summary>
    public required long? CodedBytes { get; init; }

    /// <summary>What calibrated.</summary>
    public required string Calibrated { get; init; }

    /// <summary>What was measured; empty where there are no labels or targets.</summary>
    public string Measured { get; init; } = "";

    /// <summary>Number of measured samples.</summary>
    public int Samples { get; init; }

    /// <summary>The metric; empty where there is none.</summary>
    public string Metric { get; init; } = "";

    /// <summary>Its unit.</summary>
    public string Unit { get; init; } = "";

    /// <summary>Whether more is better.</summary>
    public bool HigherIsBetter { get; init; } = true;

    /// <summary>Of the float model; null where the metric compares two models.</summary>
    public double? Float { get; init; }

    /// <summary>95 % interval.</summary>
    public double? FloatLow { get; init; }

    /// <summary>95 % interval.</summary>
    public double? FloatHigh { get; init; }

    /// <summary>Machine and versions.</summary>
    public ImmutableSortedDictionary<string, string> Environment { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Candidates in all; those without a row yet are still to come.</summary>
    public int Candidates { get; init; }

    /// <summary>The rows, the best first; those without numbers last.</summary>
    public ImmutableArray<LeaderboardRow> Rows { get; init; } = [];
}
