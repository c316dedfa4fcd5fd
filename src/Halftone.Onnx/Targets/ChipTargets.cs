using Halftone.Numerics;

namespace Halftone.Onnx.Targets;

/// <summary>The chips the survey names: the types their integer units take. Their tools, not ONNX, place quantizers, so operators and placement are Halftone's choice: TensorRT's operators, and for chips that compute in integers throughout, quantized outputs and integer biases.</summary>
public static class ChipTargets
{
    /// <summary>Turing's tensor cores at 8 bits.</summary>
    public static Target TuringInt8 { get; } = TensorRtTarget.Int8 with
    {
        Id = "turing-int8",
        Title = "NVIDIA Turing tensor cores, INT8",
        WeightBits = [8],
        Source = "NVIDIA Turing GPU architecture whitepaper WP-09183: INT8, INT4 and INT1 tensor core modes, 32-bit accumulation",
    };

    /// <summary>Turing's tensor cores at 4 bits: both operands.</summary>
    public static Target TuringInt4 { get; } = TuringInt8 with
    {
        Id = "turing-int4",
        Title = "NVIDIA Turing tensor cores, INT4",
        ActivationCodes = new(4, signed: true),
        WeightCodes = new IntegerGrid(4, signed: true).Narrow,
        WeightBits = [4],
        ActivationBits = [4],
        Source = "NVIDIA Turing GPU architecture whitepaper WP-09183; PTX ISA, mma.m8n8k32 with .s4 and .u4 operands",
    };

    /// <summary>Turing's tensor cores at 1 bit: exclusive or and count, so codes stand for -1 and +1.</summary>
    public static Target TuringInt1 { get; } = TuringInt8 with
    {
        Id = "turing-int1",
        Title = "NVIDIA Turing tensor cores, INT1",
        ActivationCodes = new(1, signed: true),
        WeightCodes = new(1, signed: true),
        WeightBits = [1],
        ActivationBits = [1],
        Source = "NVIDIA Turing GPU architecture whitepaper WP-09183; PTX ISA, mma.m8n8k128 with .b1 operands, .xor.popc",
    };

    /// <summary>PowerVR Series2NX: every layer its own widths, 4 bits the least.</summary>
    public static Target Imagination { get; } = TensorRtTarget.Int8 with
    {
        Id = "imagination-nna",
        Title = "Imagination PowerVR Series2NX",
        SymmetricActivations = false,
        QuantizesOutputs = true,
        Bias = BiasForm.Int32,
        WeightBits = [4, 5, 6, 7, 8, 10, 12, 16],
        ActivationBits = [4, 5, 6, 7, 8, 10, 12, 16],
        Source = "Imagination's announcement of the PowerVR 2NX, September 2017 (AnandTech, PC Perspective): 16, 12, 10, 8, 7, 6, 5 and 4 bits, by layer",
    };

    /// <summary>Apple's Neural Engine, A17 Pro and M4 on: int8 times int8.</summary>
    public static Target AppleNeuralEngine { get; } = TensorRtTarget.Int8 with
    {
        Id = "apple-neural-engine",
        Title = "Apple Neural Engine, A17 Pro and M4 on",
        WeightBits = [8, 4],
        Source = "Core ML Tools guide, Optimization: W8A8 is accelerated on the Neural Engine of A17 Pro and M4, symmetric activations per tensor; 4-bit weights from iOS 18",
    };

    /// <summary>Tesla's FSD: 8 bits times 8 bits, added in 32.</summary>
    public static Target TeslaFsd { get; } = TensorRtTarget.Int8 with
    {
        Id = "tesla-fsd",
        Title = "Tesla FSD neural processor",
        SymmetricActivations = false,
        QuantizesOutputs = true,
        Bias = BiasForm.Int32,
        WeightBits = [8],
        Source = "WikiChip, FSD Chip, and Hot Chips 31: 96 x 96 units of 8-bit by 8-bit integer multiplication and 32-bit addition",
    };
}
