using System.Collections.Immutable;
using Halftone.Numerics;
using static Halftone.Onnx.Targets.OperatorRole;

namespace Halftone.Onnx.Targets;

/// <summary>TensorFlow Lite's 8-bit specification.</summary>
public static class TfLiteTarget
{
    /// <summary>int8.</summary>
    public static Target Int8 { get; } = new()
    {
        Id = "tflite",
        Title = "TensorFlow Lite, int8",
        ActivationCodes = IntegerGrid.Int8,
        WeightCodes = IntegerGrid.Int8.Narrow,
        ChannelWeights = ["Conv", "ConvTranspose"],
        Bias = BiasForm.Int32,
        Operators = OperatorRoles.Of(
            (Weighted, "Conv ConvTranspose Gemm MatMul"),
            (Arithmetic, "Add Sub Mul GlobalAveragePool ReduceMean LeakyRelu Sigmoid Tanh Softmax Concat"),
            (SameParameters, "AveragePool MaxPool Reshape Flatten Transpose Squeeze Unsqueeze Gather Split Slice Pad Resize"),
            (Absorbed, "Relu Clip")),
        FixedOutputs = new Dictionary<string, AffineParameters>
        {
            ["Softmax"] = new(1f / 256, -128),
            ["Sigmoid"] = new(1f / 256, -128),
            ["Tanh"] = new(1f / 128, 0),
        }.ToImmutableDictionary(),
        ConcatSharesScale = true,
        Source = "TensorFlow Lite 8-bit quantization specification (int8 operator specifications)",
    };
}
