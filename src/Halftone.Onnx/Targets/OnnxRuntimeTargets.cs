using System.Collections.Immutable;
using Halftone.Numerics;
using static Halftone.Onnx.Targets.OperatorRole;

namespace Halftone.Onnx.Targets;

/// <summary>ONNX Runtime's processors, and what any runtime that reads QuantizeLinear and DequantizeLinear takes.</summary>
/// <remarks>
/// The roles were tried out on version 1.31.1: FusionTableTests builds each operator between quantizers and looks at the optimized model.
/// ConvTranspose, Tanh, HardSigmoid, HardSwish, ReduceMean, PRelu, Pad and Sub do not fuse. Softmax does, but is left out: its output is read as
/// probabilities, which eight bits tie, and it costs next to nothing in floats.
/// </remarks>
public static class OnnxRuntimeTargets
{
    private const string Tried = "Fusions of ONNX Runtime 1.31.1, tried one by one";

    private static readonly ImmutableDictionary<string, OperatorRole> s_operators = OperatorRoles.Of(
        (Weighted, "Conv Gemm MatMul"),
        (Arithmetic, "Add Mul AveragePool GlobalAveragePool LeakyRelu Sigmoid Concat Where"),
        (SameParameters, "MaxPool Reshape Flatten Transpose Squeeze Unsqueeze Gather GatherElements Split Slice Expand Tile DepthToSpace ReduceMax Resize"),
        (Absorbed, "Relu Clip"));

    /// <summary>x64, any processor: without VNNI its kernels add pairs of products in saturating 16 bits.</summary>
    public static Target X64 { get; } = new()
    {
        Id = "ort-x64",
        Title = "ONNX Runtime on x64, any processor",
        ActivationCodes = IntegerGrid.UInt8,
        WeightCodes = IntegerGrid.Int8.Narrow,
        ChannelWeights = ["Conv", "Gemm", "MatMul"],
        Bias = BiasForm.Int32,
        Operators = s_operators,
        SaturatesPairs = true,
        Source = Tried + "; u8 activations because version 1.31.1 turns s8 into u8 at load on x64 and older ones keep such convolutions in float; vpmaddubsw saturates (Intel SDM)",
    };

    /// <summary>x64 with AVX-VNNI or AVX512-VNNI, which add four products in 32 bits.</summary>
    public static Target X64Vnni { get; } = X64 with
    {
        Id = "ort-x64-vnni",
        Title = "ONNX Runtime on x64 with VNNI",
        SaturatesPairs = false,
        Source = Tried + "; vpdpbusd adds in 32 bits (Intel SDM)",
    };

    /// <summary>ARM64: s8 is native.</summary>
    public static Target Arm64 { get; } = X64 with
    {
        Id = "ort-arm64",
        Title = "ONNX Runtime on ARM64",
        ActivationCodes = IntegerGrid.Int8,
        SaturatesPairs = false,
        Source = Tried + " with session.qdqisint8allowed = 1, its default on ARM64; sdot and smmla add in 32 bits (Arm ARM)",
    };

    /// <summary>
    /// Opset 13, u8 activations with one scale a tensor, s8 weights: what the oldest and plainest readers of QuantizeLinear take. u8 is the type that
    /// NNAPI, DirectML and ONNX Runtime on x64 started with; per-channel scales are asked of Conv alone; only operators that every version
    /// since 1.8 fuses are in integers; weights are kept from saturating pairs, since nobody says which processor will run the file.
    /// </summary>
    public static Target Portable { get; } = X64 with
    {
        Id = "portable",
        Title = "Any runtime that reads QuantizeLinear and DequantizeLinear of opset 13",
        ChannelWeights = ["Conv"],
        Operators = s_operators.RemoveRange(["Where", "Flatten", "GatherElements", "Slice", "Expand", "Tile", "DepthToSpace", "ReduceMax", "Split", "Resize", "LeakyRelu"]),
        Source = "ONNX operator changelog, opset 13; ONNX Runtime's QDQ selectors; Halftone's choice",
    };
}
