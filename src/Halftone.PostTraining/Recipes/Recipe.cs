using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Halftone.Onnx.Export;

namespace Halftone.PostTraining.Recipes;

/// <summary>When activations are quantized.</summary>
public enum RecipeMode
{
    /// <summary>With ranges found beforehand on calibration samples.</summary>
    Static,

    /// <summary>With the range of each run.</summary>
    Dynamic,

    /// <summary>Never: weights alone are stored in few bits.</summary>
    WeightOnly,

    /// <summary>Never: constants are stored as 16-bit floats.</summary>
    Float16,
}

/// <summary>What shares a scale, as recipes say it: axes follow from the weight.</summary>
public enum RecipeGranularity
{
    /// <summary>All weights of the network.</summary>
    Network,

    /// <summary>A weight.</summary>
    Tensor,

    /// <summary>An output channel.</summary>
    Channel,

    /// <summary>A run of inputs of an output channel.</summary>
    Block,
}

/// <summary>What ranges of activations are taken from.</summary>
public enum RecipeStatistics
{
    /// <summary>Values that samples give.</summary>
    Samples,

    /// <summary>The batch normalizations of the network, without samples.</summary>
    BatchNorm,
}

/// <summary>How a model is to be quantized: versioned, complete, a value. The published systems are recipes.</summary>
public sealed record Recipe
{
    /// <summary>Version of the schema.</summary>
    [JsonRequired]
    public int Schema { get; init; } = 1;

    /// <summary>Kebab case.</summary>
    [JsonRequired]
    public string Name { get; init; } = "";

    /// <summary>In a few words.</summary>
    public string Title { get; init; } = "";

    /// <summary>Paper or system, and where it says so.</summary>
    public string Source { get; init; } = "";

    /// <summary>When activations are quantized.</summary>
    public RecipeMode Mode { get; init; } = RecipeMode.Static;

    /// <summary>Id of the target; the command line may name another.</summary>
    public string Target { get; init; } = "ort-x64";

    /// <summary>How weights are quantized.</summary>
    public WeightRecipe Weights { get; init; } = new();

    /// <summary>How activations are quantized.</summary>
    public ActivationRecipe Activations { get; init; } = new();

    /// <summary>Operator types to quantize; empty for all that the target runs in integers.</summary>
    public ImmutableArray<string> Operators { get; init; } = [];

    /// <summary>Nodes that stay float.</summary>
    public ImmutableArray<KeepFloat> KeepFloat { get; init; } = [];

    /// <summary>A recipe that ships with Halftone, by name, or one from a file, by a path that ends in .json.</summary>
    /// <exception cref="ArgumentException">There is no such recipe, or it is not valid.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Recipe Find(string nameOrPath) => RecipeFile.Find(nameOrPath);

    /// <summary>Nodes with other bits than the rest; of several that fit a node, the last counts.</summary>
    public ImmutableArray<NodeBits> Bits { get; init; } = [];

    /// <summary>Names of nodes whose activations take 16 bits, between 8 bits and float in accuracy. ONNX Runtime computes them in float between their codes.</summary>
    public ImmutableArray<string> WideNodes { get; init; } = [];

    /// <summary>Rewrites that change what the model computes, in this order, before the passes; the report measures what they cost.</summary>
    public ImmutableArray<MethodStep> Rewrites { get; init; } = [];

    /// <summary>Passes that make the model easier to quantize and leave what it computes, in this order.</summary>
    public ImmutableArray<MethodStep> Passes { get; init; } = [];

    /// <summary>Plan methods that improve the plan, in this order.</summary>
    public ImmutableArray<MethodStep> Corrections { get; init; } = [];

    /// <summary>
    /// dB: where the outputs' SQNR stays below this and their largest value is another than the float model's on more than a tenth of the samples, the nodes
    /// that hurt most are kept float until it is reached. Null keeps none.
    /// </summary>
    public double? LeastSqnr { get; init; }

    /// <summary>Whether biases are quantized; null leaves it to the target.</summary>
    public bool? QuantizeBias { get; init; }

    /// <summary>The form the result is written in.</summary>
    public ModelFormat Format { get; init; } = ModelFormat.Qdq;
}

/// <summary>How weights are quantized.</summary>
public sealed record WeightRecipe
{
    /// <summary>Id of the weight method.</summary>
    public string Method { get; init; } = "round-to-nearest";

    /// <summary>Its options.</summary>
    public JsonElement? Options { get; init; }

    /// <summary>1 to 16; null for the target's.</summary>
    public int? Bits { get; init; }

    /// <summary>Null for the target's.</summary>
    public bool? Signed { get; init; }

    /// <summary>Whether zero points are the middle of the codes.</summary>
    public bool Symmetric { get; init; } = true;

    /// <summary>Restricted range: without the lowest code. Null for the target's.</summary>
    public bool? Narrow { get; init; }

    /// <summary>Whether codes are stored in the narrowest type there is, int4 from opset 21 and int2 from 25, though integer kernels want int8; null: where activations stay float.</summary>
    public bool? Packed { get; init; }

    /// <summary>One bit less of the range, for kernels that add in 16 bits.</summary>
    public bool ReduceRange { get; init; }

    /// <summary>What shares a scale; null for the finest the target takes.</summary>
    public RecipeGranularity? Granularity { get; init; }

    /// <summary>Elements of a block.</summary>
    public int BlockSize { get; init; } = 32;

    /// <summary>Weights with fewer elements stay float.</summary>
    public int MinimumElements { get; init; }
}

/// <summary>How activations are quantized.</summary>
public sealed record ActivationRecipe
{
    /// <summary>Id of the activation method; "affine" takes its range from <see cref="Range"/>.</summary>
    public string Method { get; init; } = "affine";

    /// <summary>Id of the range method, or "auto": of several, the one whose outputs are nearest to the float model's.</summary>
    public string Range { get; init; } = "auto";

    /// <summary>Options of the range method, or of the activation method where that is not "affine".</summary>
    public JsonElement? Options { get; init; }

    /// <summary>1 to 16; null for the target's.</summary>
    public int? Bits { get; init; }

    /// <summary>Null for the target's.</summary>
    public bool? Signed { get; init; }

    /// <summary>Null for the target's.</summary>
    public bool? Symmetric { get; init; }

    /// <summary>One bit less of the range.</summary>
    public bool ReduceRange { get; init; }

    /// <summary>What the ranges are taken from.</summary>
    public RecipeStatistics Statistics { get; init; }

    /// <summary>Least and greatest value of the model's float inputs, for ranges without samples; empty for those of the samples.</summary>
    public ImmutableArray<double> InputRange { get; init; } = [];

    /// <summary>A floor of scales; null for the target's.</summary>
    public double? SmallestScale { get; init; }
}

