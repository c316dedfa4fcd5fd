using System.Collections.Immutable;
using Halftone.Numerics;

namespace Halftone.Onnx.Targets;

/// <summary>What quantization means for an operator on a target.</summary>
public enum OperatorRole
{
    /// <summary>Multiplies by a weight and accumulates in 32 bits: Conv, Gemm, MatMul.</summary>
    Weighted,

    /// <summary>Computes on codes, each input and the output with its own scale: Add, Mul, AveragePool, Concat, Sigmoid.</summary>
    Arithmetic,

    /// <summary>Moves codes about, so that input and output share scale and zero point: Reshape, Transpose, MaxPool.</summary>
    SameParameters,

    /// <summary>Becomes part of its producer's rounding and saturation: Relu, Clip.</summary>
    Absorbed,
}

/// <summary>How a bias is stored.</summary>
public enum BiasForm
{
    /// <summary>int32 with scale = input scale times weight scale.</summary>
    Int32,

    /// <summary>As it is.</summary>
    Float,
}

/// <summary>A runtime or chip: the types it takes, where it wants quantizers, and what runs in integers there.</summary>
/// <remarks>Targets are data; the rules that check a model against one are in the same folder.</remarks>
public sealed record Target
{
    /// <summary>Kebab case.</summary>
    public required string Id { get; init; }

    /// <summary>What it is, in a few words.</summary>
    public required string Title { get; init; }

    /// <summary>Codes of activations.</summary>
    public IntegerGrid ActivationCodes { get; init; } = IntegerGrid.UInt8;

    /// <summary>Whether activation zero points must be the middle of the codes.</summary>
    public bool SymmetricActivations { get; init; }

    /// <summary>Codes of weights.</summary>
    public IntegerGrid WeightCodes { get; init; } = IntegerGrid.Int8.Narrow;

    /// <summary>Operators whose weights take one scale a channel; others take one a tensor.</summary>
    public ImmutableHashSet<string> ChannelWeights { get; init; } = [];

    /// <summary>How biases are stored.</summary>
    public BiasForm Bias { get; init; } = BiasForm.Int32;

    /// <summary>What runs in integers, by operator type. Others stay float.</summary>
    public required ImmutableDictionary<string, OperatorRole> Operators { get; init; }

    /// <summary>Whether the output of a quantized operator is quantized too. TensorRT wants quantizers at inputs alone.</summary>
    public bool QuantizesOutputs { get; init; } = true;

    /// <summary>Whether kernels add two u8 x s8 products in saturating 16 bits (x64 without VNNI), so that weights must be kept from overflowing them.</summary>
    public bool SaturatesPairs { get; init; }

    /// <summary>A floor of activation scales; 0 for none.</summary>
    public double SmallestScale { get; init; }

    /// <summary>Output scale and zero point that are fixed, by operator, whatever the values; empty for most.</summary>
    public ImmutableDictionary<string, AffineParameters> FixedOutputs { get; init; } = ImmutableDictionary<string, AffineParameters>.Empty;

    /// <summary>Whether the inputs and the output of a Concat must have one scale, because it only copies codes.</summary>
    public bool ConcatSharesScale { get; init; }

    /// <summary>Bit widths its integer units take, for weights.</summary>
    public ImmutableArray<int> WeightBits { get; init; } = [8];

    /// <summary>Bit widths its integer units take, for activations.</summary>
    public ImmutableArray<int> ActivationBits { get; init; } = [8];

    /// <summary>Where the facts come from.</summary>
    public required string Source { get; init; }
}
