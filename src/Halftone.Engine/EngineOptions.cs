using Halftone.Onnx;

namespace Halftone.Engine;

/// <summary>How sums of products become codes.</summary>
public enum Requantization
{
    /// <summary>ONNX's and ONNX Runtime's: times a 32-bit float scale, rounded with ties to even.</summary>
    Float,

    /// <summary>gemmlowp's and TensorFlow Lite's reference: a 31-bit multiplier and a shift, rounded twice.</summary>
    DoubleRounding,

    /// <summary>TensorFlow Lite's single rounding, and FBGEMM's fixed point: 64-bit product, rounded once, ties upwards.</summary>
    SingleRounding,

    /// <summary>QNNPACK's: a multiplier read off the bits of the 32-bit scale. Scales of 1 and more are refused.</summary>
    Q31,
}

/// <summary>How products of codes are summed, where their weights are constant. Depthwise convolutions and products of 4-bit weights are exact in every form, as they are in the engines modelled.</summary>
public enum Accumulation
{
    /// <summary>Exactly, in 32 bits.</summary>
    Int32,

    /// <summary>
    /// FBGEMM's acc16: vpmaddubsw and saturating additions of 16 bits along 256 of depth, then 32 bits; weights of more than <see cref="EngineOptions.MainWeightBits"/> bits,
    /// the outliers, are kept apart in sparse columns and summed exactly. <see cref="EngineSession.NarrowProducts"/> tells how many there are and which results are exact all the same.
    /// </summary>
    /// <remarks>Weights of unsigned bytes are taken 128 lower, since FBGEMM's are signed.</remarks>
    Int16WithOutliers,

    /// <summary>
    /// What ONNX Runtime and FBGEMM's acc32 compute on a machine with AVX2 and nothing later: vpmaddubsw, which saturates sums of two products to 16 bits, then exact sums in 32.
    /// </summary>
    /// <remarks>Weights of unsigned bytes do not saturate: ONNX Runtime widens them first.</remarks>
    PairSaturating,
}

/// <summary>How a model is compiled and run.</summary>
public sealed record EngineOptions
{
    /// <summary>The defaults: one thread, the best kernels of this machine, ONNX's arithmetic.</summary>
    public static EngineOptions Default { get; } = new();

    /// <summary>Threads of a run, the caller's included; 1 or more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int Threads
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }

    = 1;

    /// <summary>Kernels by name: reference, avx2, avxvnni, avx512vnni, advsimd. Null takes the environment variable HALFTONE_ENGINE_TIER, or the best there are.</summary>
    public string? Tier { get; init; }

    /// <summary>How sums of products become codes.</summary>
    public Requantization Requantization { get; init; }

    /// <summary>How products of codes are summed.</summary>
    public Accumulation Accumulation { get; init; }

    /// <summary>With <see cref="Accumulation.Int16WithOutliers"/>, weights below 2^(bits - 1) in magnitude are no outliers; 1 to 8.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 8.</exception>
    public int MainWeightBits
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 8);
            field = value;
        }
    }

    = 7;

    /// <summary>Bytes that constants, or the values of a run, may take; a model that needs more is refused. 4 GiB unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public long MaxMemory
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    = 4L << 30;

    /// <summary>Loads a node that the engine does not know, as a model of its own, into another runtime, which then runs it; null refuses such models.</summary>
    /// <remarks>The lengths of what the node makes may not depend on values. Values are copied there and back, and such a run allocates.</remarks>
    public Func<Model, IModelRunner>? Fallback { get; init; }

    internal string? ChosenTier => Tier ?? Environment.GetEnvironmentVariable("HALFTONE_ENGINE_TIER");
}
