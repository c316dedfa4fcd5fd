using Halftone.Onnx.Targets;

namespace Halftone.Onnx.Tests.Targets;

/// <summary>What ONNX Runtime 1.31.1 makes of each operator between quantizers. The roles in its targets stand on this.</summary>
public sealed class FusionTableTests
{
    // the operator in the optimized model; "=" stands for: still between DequantizeLinear and QuantizeLinear
    private static readonly Dictionary<string, string> s_expected = new()
    {
        ["Conv"] = "QLinearConv",
        ["Conv, no bias"] = "QLinearConv",
        ["Conv, float bias"] = "QLinearConv",
        ["Conv, float output"] = "=",
        ["Conv 1-D"] = "QLinearConv",
        ["Conv depthwise"] = "QLinearConv",
        ["ConvTranspose"] = "=",
        ["Gemm transB"] = "QGemm",
        ["Gemm"] = "QGemm",
        ["Gemm beta 2"] = "=",
        ["Gemm float bias"] = "QGemm",
        ["Gemm, float output"] = "QGemm",
        ["MatMul"] = "QLinearMatMul",
        ["MatMul, float output"] = "MatMulIntegerToFloat",
        ["MatMul of activations"] = "QLinearMatMul",
        ["Conv Relu, zp min"] = "QLinearConv",
        ["Conv Relu, zp middle"] = "=",
        ["Conv Clip 0..6, inside"] = "QLinearConv",
        ["Conv Clip 0..6, range wider"] = "=",
        ["Conv LeakyRelu unquantized between"] = "=",
        ["Add"] = "QLinearAdd",
        ["Add Relu, zp min"] = "QLinearAdd",
        ["Add constant"] = "QLinearAdd",
        ["Mul"] = "QLinearMul",
        ["Mul constant"] = "QLinearMul",
        ["Sub"] = "=",
        ["Div"] = "=",
        ["Concat same"] = "QLinearConcat",
        ["Concat different"] = "QLinearConcat",
        ["AveragePool"] = "QLinearAveragePool",
        ["GlobalAveragePool"] = "QLinearGlobalAveragePool",
        ["LeakyRelu"] = "QLinearLeakyRelu",
        ["Sigmoid"] = "QLinearSigmoid",
        ["Softmax"] = "QLinearSoftmax",
        ["Softmax axis 1 of 4"] = "QLinearSoftmax",
        ["Tanh"] = "=",
        ["HardSigmoid"] = "=",
        ["HardSwish opset 14"] = "=",
        ["PRelu"] = "=",
        ["ReduceMean"] = "=",
        ["Relu alone, zp min"] = "",
        ["MaxPool"] = "MaxPool",
        ["MaxPool, other scale"] = "=",
        ["MaxPool opset 11"] = "=",
        ["GlobalMaxPool"] = "=",
        ["Reshape"] = "Reshape",
        ["Reshape, other scale"] = "=",
        ["Flatten"] = "Flatten",
        ["Transpose"] = "Transpose",
        ["Squeeze"] = "Squeeze",
        ["Unsqueeze"] = "Unsqueeze",
        ["Gather"] = "Gather",
        ["GatherElements"] = "GatherElements",
        ["Split"] = "Split",
        ["Slice"] = "Slice",
        ["Expand"] = "Expand",
        ["Tile"] = "Tile",
        ["Pad"] = "=",
        ["Resize nearest"] = "Resize",
        ["Resize linear"] = "=",
        ["DepthToSpace"] = "DepthToSpace",
        ["SpaceToDepth"] = "=",
        ["Identity"] = "",
        ["Where"] = "QLinearWhere",
        ["Clip alone inside"] = "",
        ["Max"] = "=",
        ["Min"] = "=",
        ["ReduceMax"] = "ReduceMax",
        ["InstanceNormalization"] = "=",
        ["ArgMax"] = "ArgMax",
    };

    // s8 activations become u8 at load on x64, but a constant operand in s8 stays, and then nothing fits
    private static readonly string[] s_notAsU8 = ["Add constant", "Mul constant"];

    public static TheoryData<string, bool, bool> Rows => [.. from pattern in FusionPatterns.All.Keys
                                                             from mode in ((bool, bool)[])[(false, false), (true, false), (true, true)]
                                                             select (pattern, mode.Item1, mode.Item2)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void OnnxRuntime_fuses_what_its_targets_say(string pattern, bool signed, bool int8)
    {
        string[] operators = Ort.Optimized(FusionPatterns.All[pattern](signed), int8);
        string expected = signed && !int8 && s_notAsU8.Contains(pattern) ? "=" : s_expected[pattern];

        // an operator in codes has one quantizer an input before it, and one dequantizer an output behind it
        int quantizers = operators.Count(o => o == "QuantizeLinear");
        int first = Array.IndexOf(operators, "DequantizeLinear");
        int last = Array.LastIndexOf(operators, "QuantizeLinear");
        bool inCodes = first < 0 || first > last && operators[first..].All(o => o == "DequantizeLinear");
        Assert.True(quantizers > 0 && inCodes == (expected != "="), string.Join(" ", operators));
        if (expected is not ("=" or ""))
        {
            Assert.Contains(expected, operators);
        }
    }

    [Fact]
    public void Every_operator_of_the_x64_target_was_tried()
    {
        IEnumerable<string> tried = s_expected.Where(e => e.Value is not ("=" or "")).Select(e => e.Value.Replace("QLinear", "", StringComparison.Ordinal).Replace("QGemm", "Gemm", StringComparison.Ordinal)).Append("Relu").Append("Clip");
        Assert.Empty(TargetList.Find("ort-x64").Operators.Keys.Except(tried));
    }
}
