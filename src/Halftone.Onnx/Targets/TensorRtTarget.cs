using System.Collections.Immutable;
using Halftone.Numerics;
using static Halftone.Onnx.Targets.OperatorRole;

namespace Halftone.Onnx.Targets;

/// <summary>TensorRT's explicit quantization.</summary>
/// <remarks>Zero points are 0, biases float, and quantizers stand at inputs alone: TensorRT moves them about and fuses what is between.</remarks>
public static class TensorRtTarget
{
    /// <summary>Its operators: those that NVIDIA's modelopt quantizes, and those that commute with quantizers.</summary>
    internal static readonly ImmutableDictionary<string, OperatorRole> Operators = OperatorRoles.Of(
        (Weighted, "Conv ConvTranspose Gemm MatMul"),
        (Arithmetic, "Add Mul AveragePool GlobalAveragePool Concat"),
        (SameParameters, "MaxPool Reshape Flatten Transpose Squeeze Unsqueeze Slice Gather"),
        (Absorbed, "Relu Clip"));

    /// <summary>8 bits.</summary>
    public static Target Int8 { get; } = new()
    {
        Id = "tensorrt",
        Title = "NVIDIA TensorRT, explicit 8-bit quantization",
        ActivationCodes = IntegerGrid.Int8,
        SymmetricActivations = true,
        WeightCodes = IntegerGrid.Int8.Narrow,
        ChannelWeights = ["Conv", "ConvTranspose", "Gemm", "MatMul"],
        Bias = BiasForm.Float,
        Operators = Operators,
        QuantizesOutputs = false,
        WeightBits = [8, 4],
        Source = "TensorRT developer guide, Working with quantized types; NVIDIA modelopt, onnx/quantization; onnxruntime issue 14229 (int32 bias refused)",
    };
}
