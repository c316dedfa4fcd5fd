using Halftone.Engine.Bench.Networks;

namespace Halftone.Engine.Bench.Harness;

/// <summary>What a ratio must reach.</summary>
/// <param name="Least">Below it, the benchmark fails.</param>
/// <param name="Goal">What to aim at.</param>
internal sealed record Bar(double Least, double Goal);

/// <summary>The bars that the engine is held against.</summary>
internal static class Bars
{
    /// <summary>Against ONNX Runtime on its own default quantized form, which leaves many convolutions in float.</summary>
    public static Bar OrtSigned { get; } = new(3.0, 3.0);

    /// <summary>Against ONNX Runtime in float, one thread.</summary>
    public static Bar OrtFloat { get; } = new(4.0, 4.4);

    /// <summary>Any convolution or matrix product against oneDNN.</summary>
    public static Bar OneDnn { get; } = new(0.95, 1.0);

    /// <summary>Depthwise 3 x 3 against ONNX Runtime.</summary>
    public static Bar Depthwise { get; } = new(2.8, 4.0);

    /// <summary>Share of the measured peak that matrix products of depth 256 or more reach.</summary>
    public static Bar Peak { get; } = new(0.90, 0.96);

    /// <summary>int4 matrix by vector against MatMulNBits, weights in the cache.</summary>
    public static Bar Int4Hot { get; } = new(1.3, 1.5);

    /// <summary>int4 matrix by vector against MatMulNBits, weights in memory.</summary>
    public static Bar Int4Cold { get; } = new(1.25, 1.4);

    /// <summary>Milliseconds that the second load of ResNet-18 may take.</summary>
    public const double LoadMilliseconds = 100;

    /// <summary>Managed bytes that a run may allocate.</summary>
    public const double AllocatedBytes = 0;

    /// <summary>A network against ONNX Runtime on uint8 activations; null for other numbers of threads.</summary>
    public static Bar? OrtUnsigned(Network network, int threads) => (network.Id, threads) switch
    {
        ("r18", 1) => new(1.22, 1.38),
        ("r18", 2) => new(1.32, 1.45),
        ("r20", 1) => new(1.9, 2.4),
        ("r20", 2) => new(2.1, 3.0),
        ("mbv2", 1) => new(1.75, 2.6),
        ("mbv2", 2) => new(1.9, 2.8),
        _ => null,
    };

    /// <summary>A network on intrinsics alone, without kernels assembled at run time, against ONNX Runtime; one thread.</summary>
    public static Bar Intrinsics(Network network) => network.Id switch
    {
        "r18" => new(0.5, 0.5),
        "mbv2" => new(0.8, 0.8),
        _ => new(0.9, 0.9),
    };
}
