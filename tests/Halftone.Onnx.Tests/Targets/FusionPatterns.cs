namespace Halftone.Onnx.Tests.Targets;

/// <summary>One operator each between quantizers, as a model holds it: what ONNX Runtime makes of these decides the roles in its targets.</summary>
internal static class FusionPatterns
{
    public static IReadOnlyDictionary<string, Func<bool, Model>> All { get; } = new Dictionary<string, Func<bool, Model>>
    {
        ["Conv"] = s => Weighted(s, "Conv", [1, 4, 5, 5], [8, 4, 3, 3], 8, 0),
        ["Conv, no bias"] = s => Weighted(s, "Conv", [1, 4, 5, 5], [8, 4, 3, 3], 0, 0),
        ["Conv, float bias"] = s => Weighted(s, "Conv", [1, 4, 5, 5], [8, 4, 3, 3], 8, 0, floatBias: true),
        ["Conv, float output"] = s => Weighted(s, "Conv", [1, 4, 5, 5], [8, 4, 3, 3], 8, 0, quantizeOutput: false),
        ["Conv 1-D"] = s => Weighted(s, "Conv", [1, 4, 5], [8, 4, 3], 8, 0),
        ["Conv depthwise"] = s => Weighted(s, "Conv", [1, 8, 5, 5], [8, 1, 3, 3], 8, 0, n => n.With("group", 8)),
        ["ConvTranspose"] = s => Weighted(s, "ConvTranspose", [1, 4, 5, 5], [4, 8, 3, 3], 8, 1),
        ["Gemm transB"] = s => Weighted(s, "Gemm", [2, 16], [8, 16], 8, 0, n => n.With("transB", 1)),
        ["Gemm"] = s => Weighted(s, "Gemm", [2, 16], [16, 8], 8, 1),
        ["Gemm beta 2"] = s => Weighted(s, "Gemm", [2, 16], [16, 8], 8, 1, n => n.With("beta", 2f)),
        ["Gemm float bias"] = s => Weighted(s, "Gemm", [2, 16], [16, 8], 8, 1, floatBias: true),
        ["Gemm, float output"] = s => Weighted(s, "Gemm", [2, 16], [16, 8], 8, 1, quantizeOutput: false),
        ["MatMul"] = s => Weighted(s, "MatMul", [2, 16], [16, 8], 0, 1),
        ["MatMul, float output"] = s => Weighted(s, "MatMul", [2, 16], [16, 8], 0, 1, quantizeOutput: false),
        ["MatMul of activations"] = s => Binary(s, "MatMul", [4, 4]),
        ["Conv Relu, zp min"] = s => Activated(s, "Relu", -128),
        ["Conv Relu, zp middle"] = s => Activated(s, "Relu", 0),
        ["Conv Clip 0..6, inside"] = s => Activated(s, "Clip", -128),
        ["Conv Clip 0..6, range wider"] = s => Activated(s, "Clip", 0),
        ["Conv LeakyRelu unquantized between"] = s => Activated(s, "LeakyRelu", 0),
        ["Add"] = s => Binary(s, "Add"),
        ["Add Relu, zp min"] = s => Binary(s, "Add", relu: true),
        ["Add constant"] = s => BinaryConstant(s, "Add"),
        ["Mul"] = s => Binary(s, "Mul"),
        ["Mul constant"] = s => BinaryConstant(s, "Mul"),
        ["Sub"] = s => Binary(s, "Sub"),
        ["Div"] = s => Binary(s, "Div"),
        ["Concat same"] = s => Concat(s, [0.05f, 0.05f], 0.05f),
        ["Concat different"] = s => Concat(s, [0.05f, 0.07f], 0.07f),
        ["AveragePool"] = s => Unary(s, "AveragePool", [1, 4, 6, 6], n => n.With("kernel_shape", [2L, 2])),
        ["GlobalAveragePool"] = s => Unary(s, "GlobalAveragePool", [1, 4, 6, 6]),
        ["LeakyRelu"] = s => Unary(s, "LeakyRelu", [1, 4, 6, 6]),
        ["Sigmoid"] = s => Unary(s, "Sigmoid", [1, 4, 6, 6]),
        ["Softmax"] = s => Unary(s, "Softmax", [1, 16]),
        ["Softmax axis 1 of 4"] = s => Unary(s, "Softmax", [1, 4, 6, 6], n => n.With("axis", 1)),
        ["Tanh"] = s => Unary(s, "Tanh", [1, 16]),
        ["HardSigmoid"] = s => Unary(s, "HardSigmoid", [1, 16]),
        ["HardSwish opset 14"] = s => Unary(s, "HardSwish", [1, 16], opset: 14),
        ["PRelu"] = s => BinaryConstant(s, "PRelu"),
        ["ReduceMean"] = s => Unary(s, "ReduceMean", [1, 4, 6, 6], n => n.With("axes", [2L, 3])),
        ["Relu alone, zp min"] = s => Unary(s, "Relu", [1, 4, 6, 6], shift: -128),
        ["MaxPool"] = s => Unary(s, "MaxPool", [1, 4, 6, 6], n => n.With("kernel_shape", [2L, 2])),
        ["MaxPool, other scale"] = s => Unary(s, "MaxPool", [1, 4, 6, 6], n => n.With("kernel_shape", [2L, 2]), outputScale: 0.07f),
        ["MaxPool opset 11"] = s => Unary(s, "MaxPool", [1, 4, 6, 6], n => n.With("kernel_shape", [2L, 2]), opset: 11),
        ["GlobalMaxPool"] = s => Unary(s, "GlobalMaxPool", [1, 4, 6, 6]),
        ["Reshape"] = s => Unary(s, "Reshape", [1, 4, 6, 6], more: [Tensor.Of([1L, 144], 2)]),
        ["Reshape, other scale"] = s => Unary(s, "Reshape", [1, 4, 6, 6], more: [Tensor.Of([1L, 144], 2)], outputScale: 0.07f),
        ["Flatten"] = s => Unary(s, "Flatten", [1, 4, 6, 6]),
        ["Transpose"] = s => Unary(s, "Transpose", [1, 4, 6, 6], n => n.With("perm", [0L, 2, 3, 1])),
        ["Squeeze"] = s => Unary(s, "Squeeze", [1, 4, 6, 6], more: [Tensor.Of([0L], 1)]),
        ["Unsqueeze"] = s => Unary(s, "Unsqueeze", [4, 6, 6], more: [Tensor.Of([0L], 1)]),
        ["Gather"] = s => Unary(s, "Gather", [4, 6], more: [Tensor.Of([0L, 2], 2)]),
        ["GatherElements"] = s => Unary(s, "GatherElements", [4, 6], more: [Tensor.Of([0L, 2, 1, 1, 0, 3], 1, 6)]),
        ["Split"] = Split,
        ["Slice"] = s => Unary(s, "Slice", [4, 6], more: [Tensor.Of([0L], 1), Tensor.Of([2L], 1)]),
        ["Expand"] = s => Unary(s, "Expand", [1, 6], more: [Tensor.Of([4L, 6], 2)]),
        ["Tile"] = s => Unary(s, "Tile", [4, 6], more: [Tensor.Of([2L, 1], 2)]),
        ["Pad"] = s => Unary(s, "Pad", [4, 6], more: [Tensor.Of([0L, 1, 0, 1], 4)]),
        ["Resize nearest"] = s => Unary(s, "Resize", [1, 4, 6, 6], n => n.With("mode", "nearest"), more: [Tensor.Of<float>([], 0), Tensor.Of([1f, 1, 2, 2], 4)]),
        ["Resize linear"] = s => Unary(s, "Resize", [1, 4, 6, 6], n => n.With("mode", "linear"), more: [Tensor.Of<float>([], 0), Tensor.Of([1f, 1, 2, 2], 4)]),
        ["DepthToSpace"] = s => Unary(s, "DepthToSpace", [1, 4, 6, 6], n => n.With("blocksize", 2)),
        ["SpaceToDepth"] = s => Unary(s, "SpaceToDepth", [1, 4, 6, 6], n => n.With("blocksize", 2)),
        ["Identity"] = s => Unary(s, "Identity", [1, 4, 6, 6]),
        ["Where"] = Where,
        ["Clip alone inside"] = s => Unary(s, "Clip", [4, 6], more: [Tensor.Scalar(-100f), Tensor.Scalar(100f)]),
        ["Max"] = s => Binary(s, "Max"),
        ["Min"] = s => Binary(s, "Min"),
        ["ReduceMax"] = s => Unary(s, "ReduceMax", [1, 4, 6, 6], n => n.With("axes", [2L, 3])),
        ["InstanceNormalization"] = s => Unary(s, "InstanceNormalization", [1, 4, 6, 6], more: [Tensor.Of([1f, 1, 1, 1], 4), Tensor.Of([0f, 0, 0, 0], 4)]),
        ["ArgMax"] = s => Unary(s, "ArgMax", [4, 6], outputScale: 0),
    };

    private static long?[] Nullable(long[] dims) => [.. dims.Select(d => (long?)d)];

    private static Model Weighted(bool signed, string op, long[] x, long[] w, int bias, int axis, Action<Node>? attributes = null, bool floatBias = false, bool quantizeOutput = true)
    {
        QdqModel m = new(signed, Nullable(x));
        float[] scales = [.. Enumerable.Range(0, (int)w[axis]).Select(i => 0.01f + (0.001f * i))];
        string weight = m.Weight(QdqModel.Codes((int)w.Aggregate((a, b) => a * b), 1), w, scales, axis);
        List<string> inputs = [m.Pair("x"), weight];
        if (floatBias)
        {
            inputs.Add(m.Constant("bias", Tensor.Of(new float[bias], bias)));
        }
        else if (bias > 0)
        {
            inputs.Add(m.Bias([.. Enumerable.Range(1, bias)], [.. scales.Select(s => s * 0.05f)]));
        }

        string y = m.Op(op, [.. inputs], attributes, quantizeOutput ? null : "y");
        if (quantizeOutput)
        {
            m.Pair(y, output: "y");
        }

        return m.Model;
    }

    private static Model Activated(bool signed, string op, int shift)
    {
        QdqModel m = new(signed, [1, 4, 5, 5]);
        string conv = m.Op("Conv", [m.Pair("x"), m.Weight(QdqModel.Codes(32, 1), [8, 4, 1, 1], [0.01f]), m.Bias(new int[8], [0.01f * 0.05f])]);
        string y = m.Op(op, op == "Clip" ? [conv, m.Constant("lo", Tensor.Scalar(0f)), m.Constant("hi", Tensor.Scalar(6f))] : [conv]);
        m.Pair(y, op == "Clip" ? 6f / 255 : 0.05f, shift, "y");
        return m.Model;
    }

    private static Model Unary(bool signed, string op, long[] x, Action<Node>? attributes = null, int opset = 13, Tensor[]? more = null, float outputScale = 0.05f, int shift = 0)
    {
        QdqModel m = new(signed, Nullable(x), opset);
        string[] constants = [.. (more ?? []).Select(t => m.Constant("c", t))];
        string y = m.Op(op, [m.Pair("x", shift: shift), .. constants], attributes, outputScale == 0 ? "y" : null);
        if (outputScale != 0)
        {
            m.Pair(y, outputScale, shift, "y");
        }

        return m.Model;
    }

    private static Model Binary(bool signed, string op, long[]? x = null, bool relu = false)
    {
        QdqModel m = new(signed, Nullable(x ?? [4, 6]));
        string y = m.Op(op, [m.Pair("x"), m.Pair("x", 0.07f, 3)]);
        if (relu)
        {
            y = m.Op("Relu", [y]);
        }

        m.Pair(y, 0.09f, relu ? -128 : 0, "y");
        return m.Model;
    }

    private static Model BinaryConstant(bool signed, string op)
    {
        QdqModel m = new(signed, [4, 6]);
        Tensor codes = signed ? Tensor.Of<sbyte>([1, 2, 3, 4, 5, 6], 6) : Tensor.Of<byte>([1, 2, 3, 4, 5, 6], 6);
        string constant = m.Dequantize(m.Constant("c", codes));
        m.Pair(m.Op(op, [m.Pair("x"), constant]), 0.09f, 0, "y");
        return m.Model;
    }

    private static Model Concat(bool signed, float[] scales, float scale)
    {
        QdqModel m = new(signed, [4, 6]);
        string[] inputs = [.. scales.Select(s => m.Pair("x", s))];
        m.Pair(m.Op("Concat", inputs, n => n.With("axis", 1)), scale, 0, "y");
        return m.Model;
    }

    private static Model Split(bool signed)
    {
        QdqModel m = new(signed, [4, 6], outputs: ["y", "z"]);
        m.Graph.Add(new Node("Split", "Split", [m.Pair("x")], ["a", "b"]).With("axis", 1));
        m.Pair("a", output: "y");
        m.Pair("b", output: "z");
        return m.Model;
    }

    private static Model Where(bool signed)
    {
        QdqModel m = new(signed, [4, 6]);
        string condition = m.Op("Greater", ["x", m.Constant("t", Tensor.Scalar(0f))]);
        m.Pair(m.Op("Where", [condition, m.Pair("x"), m.Pair("x", 0.07f)]), 0.07f, 0, "y");
        return m.Model;
    }
}
