using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining;

/// <summary>How a quantization ended.</summary>
public enum OutcomeStatus
{
    /// <summary>The result holds what it should.</summary>
    Good,

    /// <summary>A goal (accuracy, speed) was missed; the model was written all the same.</summary>
    GoalMissed,

    /// <summary>The result does not load, or its outputs have collapsed; it was set aside.</summary>
    Failed,
}

/// <summary>Everything that is known of one quantization: what the report shows and the JSON holds. Sizes in bytes, times in milliseconds, shares from 0 to 1.</summary>
public sealed record Outcome
{
    /// <summary>How it ended.</summary>
    public required OutcomeStatus Status { get; init; }

    /// <summary>Why, in one sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>What to mind: slower than float, a preprocess that may not fit, saturated layers.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>What to try next, most promising first.</summary>
    public ImmutableArray<string> NextActions { get; init; } = [];

    /// <summary>The float model: file name, bytes, nodes.</summary>
    public required ModelFacts Float { get; init; }

    /// <summary>The result.</summary>
    public required ModelFacts Quantized { get; init; }

    /// <summary>The recipe, complete.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>Id of the target.</summary>
    public required string Target { get; init; }

    /// <summary>Id of the range method that was used; empty without calibration.</summary>
    public string RangeMethod { get; init; } = "";

    /// <summary>Range methods that were tried, with the output SQNR each gave.</summary>
    public ImmutableArray<RangeTrial> RangeTrials { get; init; } = [];

    /// <summary>Bytes of the result as an archive ('halftone pack'), from which the ONNX file comes back bit by bit; null where it is too large for one file.</summary>
    public long? CodedBytes { get; init; }

    /// <summary>Where the bytes went.</summary>
    public ImmutableArray<SizeEntry> Sizes { get; init; } = [];

    /// <summary>Labels' verdict, one for each metric; empty without labels.</summary>
    public ImmutableArray<AccuracyEntry> Accuracy { get; init; } = [];

    /// <summary>How near the outputs are to the float model's.</summary>
    public Agreement? Agreement { get; init; }

    /// <summary>The same for plain min/max, which any other choice must not fall far behind.</summary>
    public Agreement? Canary { get; init; }

    /// <summary>Float and quantized in turns.</summary>
    public LatencyEntry? Latency { get; init; }

    /// <summary>The result in Halftone's engine; null where it was not tried.</summary>
    public EngineEntry? Engine { get; init; }

    /// <summary>Time by operator type, before and after.</summary>
    public ImmutableArray<OperatorTime> OperatorTimes { get; init; } = [];

    /// <summary>Nodes that became integer kernels, and those that did not.</summary>
    public ImmutableArray<FusionEntry> Fusion { get; init; } = [];

    /// <summary>Share of the nodes that can fuse that did.</summary>
    public double FusedNodes { get; init; }

    /// <summary>The same by multiply-accumulates.</summary>
    public double FusedMacs { get; init; }

    /// <summary>Error along the graph.</summary>
    public ImmutableArray<LayerEntry> Layers { get; init; } = [];

    /// <summary>Values with their histograms and clips.</summary>
    public ImmutableArray<EdgeEntry> Edges { get; init; } = [];

    /// <summary>Nodes left in float, and why.</summary>
    public ImmutableSortedDictionary<string, string> KeptFloat { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>What was calibrated; null without.</summary>
    public CalibrationEntry? Calibration { get; init; }

    /// <summary>What the passes did.</summary>
    public ImmutableArray<string> Passes { get; init; } = [];

    /// <summary>Machine and versions.</summary>
    public ImmutableSortedDictionary<string, string> Environment { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>How it is written as JSON.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };
}

/// <summary>A model file.</summary>
/// <param name="File">Name.</param>
/// <param name="Bytes">With external data.</param>
/// <param name="Opset">Of ONNX's own operators.</param>
/// <param name="Nodes">In the main graph.</param>
/// <param name="Parameters">Elements of constants.</param>
/// <param name="Macs">Multiply-accumulates for one sample; 0 where unknown.</param>
/// <param name="Sha256">Of the file.</param>
public sealed record ModelFacts(string File, long Bytes, int Opset, int Nodes, long Parameters, long Macs, string Sha256);

/// <summary>A range method tried.</summary>
/// <param name="Method">Its id.</param>
/// <param name="Sqnr">Of the outputs, dB.</param>
/// <param name="ArgmaxAgreement">With the float model; null where it says nothing.</param>
public sealed record RangeTrial(string Method, double Sqnr, double? ArgmaxAgreement);

/// <summary>Bytes of a class of constants.</summary>
/// <param name="What">Weights of Conv, biases, ...</param>
/// <param name="Before">In the float model.</param>
/// <param name="After">In the result.</param>
/// <param name="Coded">In the archive of the result; null where there is none.</param>
/// <param name="Why">Of what is left.</param>
public sealed record SizeEntry(string What, long Before, long After, long? Coded, string Why);

/// <summary>A metric on labelled samples.</summary>
/// <param name="Metric">top-1, perplexity, ...</param>
/// <param name="Float">Of the float model.</param>
/// <param name="FloatLow">95 % interval.</param>
/// <param name="FloatHigh">95 % interval.</param>
/// <param name="Quantized">Of the result.</param>
/// <param name="QuantizedLow">95 % interval.</param>
/// <param name="QuantizedHigh">95 % interval.</param>
/// <param name="Difference">Quantized less float, on the same samples.</param>
/// <param name="StandardError">Of the difference.</param>
/// <param name="Samples">Number of samples.</param>
/// <param name="HigherIsBetter">Whether more is better.</param>
public sealed record AccuracyEntry(
    string Metric, double Float, double FloatLow, double FloatHigh, double Quantized, double QuantizedLow, double QuantizedHigh, double Difference, double StandardError, int Samples, bool HigherIsBetter);

/// <summary>Outputs of two models compared.</summary>
/// <param name="Sqnr">dB, over all outputs; the worst output's.</param>
/// <param name="Cosine">The worst output's.</param>
/// <param name="ArgmaxAgreement">Share of samples with the same argmax; null where there are several outputs, or one without a class axis.</param>
/// <param name="Samples">Number of samples.</param>
public sealed record Agreement(double Sqnr, double Cosine, double? ArgmaxAgreement, int Samples);

/// <summary>Two models timed in turns.</summary>
/// <param name="Float">Median, ms.</param>
/// <param name="Quantized">Median, ms.</param>
/// <param name="Ratio">Median of the paired ratios float / quantized: above 1 is faster.</param>
/// <param name="RatioLow">90 % interval.</param>
/// <param name="RatioHigh">90 % interval.</param>
/// <param name="Rounds">Pairs.</param>
/// <param name="Threads">Of the runtime.</param>
public sealed record LatencyEntry(double Float, double Quantized, double Ratio, double RatioLow, double RatioHigh, int Rounds, int Threads);

/// <summary>The result in Halftone's engine, beside ONNX Runtime.</summary>
/// <param name="Obstacle">Why the engine does not run it; empty where it does.</param>
/// <param name="Tier">The engine's kernels.</param>
/// <param name="Latency">Both on the result, in turns; null where they were not timed.</param>
/// <param name="Outputs">How far the float outputs are from ONNX Runtime's.</param>
/// <param name="Samples">Number of samples.</param>
public sealed record EngineEntry(string Obstacle, string Tier, EngineLatency? Latency, ImmutableArray<EngineDifference> Outputs, int Samples);

/// <summary>The result in two runtimes, timed in turns.</summary>
/// <param name="OnnxRuntime">Median, ms.</param>
/// <param name="Engine">Median, ms.</param>
/// <param name="Ratio">Median of the paired ratios ONNX Runtime / engine: above 1 the engine is faster.</param>
/// <param name="RatioLow">90 % interval.</param>
/// <param name="RatioHigh">90 % interval.</param>
/// <param name="Rounds">Pairs.</param>
/// <param name="Threads">Of each.</param>
public sealed record EngineLatency(double OnnxRuntime, double Engine, double Ratio, double RatioLow, double RatioHigh, int Rounds, int Threads);

/// <summary>An output of the engine against ONNX Runtime's.</summary>
/// <param name="Output">Its name.</param>
/// <param name="Largest">Largest difference.</param>
/// <param name="Relative">The same as a share of the largest value.</param>
/// <param name="Steps">The same in steps of the output's codes; null where it has none.</param>
/// <param name="ArgmaxAgreement">Share of rows with the same argmax; null without a class axis.</param>
public sealed record EngineDifference(string Output, double Largest, double Relative, double? Steps, double? ArgmaxAgreement);

/// <summary>Time of an operator type in one run.</summary>
/// <param name="Op">Operator type as the runtime names it.</param>
/// <param name="Float">ms in the float model; 0 where it has none.</param>
/// <param name="Quantized">ms in the result.</param>
public sealed record OperatorTime(string Op, double Float, double Quantized);

/// <summary>What the runtime made of a node.</summary>
/// <param name="Node">Name.</param>
/// <param name="Op">Operator type.</param>
/// <param name="Macs">Multiply-accumulates for one sample.</param>
/// <param name="Fused">Whether it runs in integers.</param>
/// <param name="Kernel">The runtime's operator.</param>
/// <param name="Why">Why it is not fused.</param>
public sealed record FusionEntry(string Node, string Op, long Macs, bool Fused, string Kernel, string Why);

/// <summary>Error of a value along the graph.</summary>
/// <param name="Node">That makes it.</param>
/// <param name="Op">Operator type.</param>
/// <param name="Value">Its name.</param>
/// <param name="Sqnr">dB against the float model, all errors before it included.</param>
public sealed record LayerEntry(string Node, string Op, string Value, double Sqnr);

/// <summary>A quantized value.</summary>
/// <param name="Value">Its name.</param>
/// <param name="BinWidth">Of the histogram.</param>
/// <param name="Lowest">Lower border of the first bin.</param>
/// <param name="Counts">Values in each bin.</param>
/// <param name="Scale">Chosen.</param>
/// <param name="ZeroPoint">Chosen.</param>
/// <param name="ClipLow">Lowest value with a code.</param>
/// <param name="ClipHigh">Highest value with a code.</param>
/// <param name="ClippedShare">Share of the values outside.</param>
/// <param name="Alternatives">Ranges other methods choose.</param>
public sealed record EdgeEntry(
    string Value, double BinWidth, double Lowest, ImmutableArray<long> Counts, float Scale, int ZeroPoint, double ClipLow, double ClipHigh, double ClippedShare, ImmutableArray<RangeEntry> Alternatives);

/// <summary>A range a method chooses.</summary>
/// <param name="Method">Its id.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public sealed record RangeEntry(string Method, double Low, double High);

/// <summary>How the calibration went.</summary>
/// <param name="Data">The data set.</param>
/// <param name="Samples">Samples.</param>
/// <param name="Batches">Batches.</param>
/// <param name="Groups">Runs needed for one batch; 1 where everything fits the memory.</param>
/// <param name="Milliseconds">Time.</param>
/// <param name="BytesPerSample">Bytes of all values gathered, for a sample.</param>
/// <param name="Skipped">Files that could not be read.</param>
public sealed record CalibrationEntry(string Data, int Samples, int Batches, int Groups, double Milliseconds, long BytesPerSample, ImmutableArray<string> Skipped);
