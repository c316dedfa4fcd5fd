using System.Collections.Frozen;

namespace Halftone.Onnx.Opsets;

/// <summary>The explicit list of what changed in ONNX's operators. Versions that only add types, outputs or attributes whose absence means the old behaviour need no entry.</summary>
internal static class OpsetChanges
{
    private static readonly FrozenDictionary<(string, int), OpsetChange> s_all = ((OpsetChange[])
    [
        .. AttributeToInput.Changes,
        .. SoftmaxAxis.Changes,
        .. ResizeChanges.Changes,
        .. RenamedAndDefaults.Changes,
        .. TrainingOutputs.Changes,
        .. Uncovered(),
    ]).ToFrozenDictionary(c => (c.Op, c.Since));

    /// <summary>Every operator of ONNX's own domain up to <see cref="OpsetUpgrade.Newest"/>.</summary>
    public static FrozenSet<string> Known { get; } = FrozenSet.ToFrozenSet(
    [
        "Abs", "Acos", "Acosh", "Add", "AffineGrid", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh", "Attention", "AveragePool",
        "BatchNormalization", "Bernoulli", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "BlackmanWindow",
        "Cast", "CastLike", "Ceil", "Celu", "CenterCropPad", "Clip", "Col2Im", "Compress", "Concat", "ConcatFromSequence", "Constant", "ConstantOfShape",
        "Conv", "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumSum", "DFT", "DeformConv", "DepthToSpace", "DequantizeLinear", "Det", "Div", "Dropout",
        "DynamicQuantizeLinear", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "GRU", "Gather", "GatherElements",
        "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "GridSample", "GroupNormalization",
        "HammingWindow", "HannWindow", "HardSigmoid", "HardSwish", "Hardmax", "Identity", "If", "ImageDecoder", "InstanceNormalization", "IsInf", "IsNaN",
        "LRN", "LSTM", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "Loop", "LpNormalization", "LpPool", "MatMul",
        "MatMulInteger", "Max", "MaxPool", "MaxRoiPool", "MaxUnpool", "Mean", "MeanVarianceNormalization", "MelWeightMatrix", "Min", "Mish", "Mod", "Mul",
        "Multinomial", "Neg", "NegativeLogLikelihoodLoss", "NonMaxSuppression", "NonZero", "Not", "OneHot", "Optional", "OptionalGetElement",
        "OptionalHasElement", "Or", "PRelu", "Pad", "Pow", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "RMSNormalization", "RNN", "RandomNormal",
        "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
        "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "RegexFullMatch", "Relu", "Reshape", "Resize",
        "ReverseSequence", "RoiAlign", "RotaryEmbedding", "Round", "STFT", "Scan", "Scatter", "ScatterElements", "ScatterND", "Selu", "SequenceAt",
        "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap", "Shape", "Shrink", "Sigmoid", "Sign",
        "Sin", "Sinh", "Size", "Slice", "Softmax", "SoftmaxCrossEntropyLoss", "Softplus", "Softsign", "SpaceToDepth", "Split", "SplitToSequence", "Sqrt",
        "Squeeze", "StringConcat", "StringNormalizer", "StringSplit", "Sub", "Sum", "Swish", "Tan", "Tanh", "TensorScatter", "TfIdfVectorizer",
        "ThresholdedRelu", "Tile", "TopK", "Transpose", "Trilu", "Unique", "Unsqueeze", "Upsample", "Where", "Xor",
    ]);

    /// <summary>The change that an operator set brought to an operator, or null.</summary>
    public static OpsetChange? Find(string op, int since) => s_all.GetValueOrDefault((op, since));

    /// <summary>The first change after one operator set, up to another, or null.</summary>
    public static OpsetChange? Between(string op, int from, int to) =>
        Enumerable.Range(from + 1, Math.Max(0, to - from)).Select(v => Find(op, v)).FirstOrDefault(c => c is not null);

    private static IEnumerable<OpsetChange> Uncovered() =>
    [
        // Scan 9 dropped the batch dimension; GroupNormalization 21 has a scale per channel instead of per group;
        // Attention 24 changed what its fourth output is.
        new("Scan", 9, null),
        new("GroupNormalization", 21, null),
        OpsetChange.InPlace("Attention", 24, (node, _) =>
        {
            if (node.Outputs.Count > 3)
            {
                throw OpsetUpgrade.Refused(node, 24, "its output of scores before softmax");
            }
        }),
        .. BeforeSeven(),
    ];

    // Operator sets 2 to 7 brought today's broadcasting and dropped consumed_inputs; models that old are not rewritten.
    private static IEnumerable<OpsetChange> BeforeSeven()
    {
        string[] six =
        [
            "Abs", "Add", "BatchNormalization", "Cast", "Ceil", "Clip", "Div", "Dropout", "Elu", "Exp", "Floor", "Gemm", "HardSigmoid",
            "InstanceNormalization", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sqrt", "Sub",
            "Sum", "Tanh", "Tile",
        ];
        string[] seven =
        [
            "Add", "And", "AveragePool", "BatchNormalization", "Div", "Dropout", "Equal", "GRU", "Gemm", "Greater", "LSTM", "Less", "Mul", "Or", "PRelu", "Pow",
            "RNN", "Sub", "Upsample", "Xor",
        ];
        return [.. six.Select(op => new OpsetChange(op, 6, null)), .. seven.Select(op => new OpsetChange(op, 7, null)),
            new("Split", 2, null), new("Pad", 2, null), new("LpPool", 2, null), new("GlobalLpPool", 2, null), new("GRU", 3, null), new("Concat", 4, null), new("Reshape", 5, null)];
    }
}
