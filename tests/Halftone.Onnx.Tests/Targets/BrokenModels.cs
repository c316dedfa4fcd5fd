using Halftone.Onnx.Targets;

namespace Halftone.Onnx.Tests.Targets;

/// <summary>For each rule a target and a small model that breaks it, and for each target a model that breaks none.</summary>
internal static class BrokenModels
{
    private static readonly Tensor s_shape = Tensor.Of([0L, -1], 2);

    public static IReadOnlyDictionary<string, (string Target, Func<Model> Make)> All { get; } = new Dictionary<string, (string, Func<Model>)>
    {
        ["HT1001"] = ("tensorrt", () => Clean("tensorrt", shift: 5)),
        ["HT1002"] = ("tensorrt", () => Clean("tensorrt", signed: false)),
        ["HT1003"] = ("ort-arm64", () => WithConv(true, m => m.Dequantize(m.Constant("w", Tensor.Of(new byte[32], 8, 4, 1, 1)), 0.01f, 128, type: ElementType.UInt8))),
        ["HT1004"] = ("ort-x64", () => Wrap("Sigmoid", opset: 21, type: ElementType.UInt16)),
        ["HT1005"] = ("ort-x64", () => WithConv(false, m => Codes(m, new Tensor(ElementType.Int4, [8, 4, 1, 1], Bytes(16)), new Tensor(ElementType.Int4, [], new byte[1])), opset: 21)),
        ["HT1006"] = ("ort-x64", () => WithConv(false, m => Codes(m, Int8Weight(), Tensor.Scalar((sbyte)3)))),
        ["HT1007"] = ("ort-x64", () => WithConv(false, m => Codes(m, Int8Weight(), Tensor.Of<sbyte>([0, 1, 0, 0, 0, 0, 0, 0], 8)))),
        ["HT1008"] = ("ort-x64", () => Edit(Wrap("Sigmoid", opset: 21), g => g.Nodes.First(n => n.Op == "QuantizeLinear").With("output_dtype", (long)ElementType.Int8))),
        ["HT1101"] = ("tensorrt", () => WithConv(true, m => m.Weight(Small(32), [8, 4, 1, 1], [0.01f]), m => m.Bias(new int[8], [0.0005f]))),
        ["HT1102"] = ("ort-x64", () => WithConv(false, m => m.Weight(Small(32), [8, 4, 1, 1], [0.01f]), m => m.Bias(new int[8], [0.0007f]))),
        ["HT1103"] = ("ort-x64", () => WithConv(false, m => m.Weight(Small(32), [8, 4, 1, 1], [1e-6f]), m => m.Constant("b", Tensor.Of([.. Enumerable.Repeat(1000f, 8)], 8)))),
        ["HT1104"] = ("ort-x64", () => WithConv(false, m => m.Weight(Small(32), [8, 4, 1, 1], [0.01f]), m => m.Constant("b", Tensor.Of(new float[8], 8)))),
        ["HT1201"] = ("ort-x64", () => Edit(WithConv(false, m => m.Weight(Small(32), [8, 4, 1, 1], Scales(8))), g => g.Nodes.Single(n => n.Has("axis")).Without("axis"))),
        ["HT1202"] = ("ort-x64", () => WithConv(false, m => m.Weight(Small(32), [8, 4, 1, 1], Scales(4), axis: 1))),
        ["HT1203"] = ("ort-x64", PerChannelActivations),
        ["HT1204"] = ("portable", () => WithGemm(m => m.Weight(Small(32), [4, 8], Scales(8), axis: 1))),
        ["HT1301"] = ("ort-x64", () => Two((m, d) => m.Op("Add", [d, d]))),
        ["HT1302"] = ("ort-x64", () => Edit(Wrap("Sigmoid"), g => g.SetInput(g.Nodes[0], 1, g.InsertBefore(g.Nodes[0], new Node("abs", "Abs", [g.Nodes[0].Input(1)], ["computed"])).Outputs[0]))),
        ["HT1303"] = ("ort-x64", () => Two((m, d) => m.Op("Sigmoid", [d], output: "s"), also: (m, s) => m.Op("Tanh", [s], output: "z"))),
        ["HT1304"] = ("ort-x64", () => Unquantized("Sigmoid", "y")),
        ["HT1305"] = ("ort-x64", () => Unquantized("Sigmoid", "s", (m, s) => m.Op("Tanh", [s], output: "y"))),
        ["HT1306"] = ("ort-x64", () => Two((m, d) => m.Op("Add", [d, "x"]))),
        ["HT1307"] = ("ort-x64", () => Wrap("Tanh")),
        ["HT1308"] = ("ort-x64", () => Wrap("MaxPool", n => n.With("kernel_shape", [1L, 1]), outputScale: 0.07f)),
        ["HT1309"] = ("ort-x64", () => Two((m, d) => d)),
        ["HT1310"] = ("ort-x64", () => Two((m, d) => m.Op("Relu", [m.Op("Conv", [d, m.Weight(Small(32), [8, 4, 1, 1], [0.01f])])]))),
        ["HT1311"] = ("tensorrt", () => Two((m, d) => m.Op("Relu", [m.Pair(m.Op("Conv", [d, m.Weight(Small(32), [8, 4, 1, 1], [0.01f])]))]), signed: true)),
        ["HT1312"] = ("tensorrt", () => Two((m, d) => m.Op("Add", [m.Pair(m.Op("Conv", [d, m.Weight(Small(16), [4, 4, 1, 1], [0.01f])])), m.Pair("x")]), signed: true)),
        ["HT1313"] = ("tensorrt", () => Two((m, d) => m.Op("Conv", [d, m.Weight(Small(32), [8, 4, 1, 1], [0.01f])]), signed: true)),
        ["HT1401"] = ("ort-x64", () => WithConv(false, m => m.Weight(Small(32), [8, 4, 1, 1], Scales(8)), opset: 12)),
        ["HT1402"] = ("ort-x64", () => Wrap("Sigmoid", opset: 20, type: ElementType.UInt16)),
        ["HT1403"] = ("ort-x64", () => WithConv(false, m => Codes(m, new Tensor(ElementType.Int2, [8, 4, 1, 1], Bytes(8)), new Tensor(ElementType.Int2, [], new byte[1])), opset: 21)),
        ["HT1404"] = ("ort-x64", () => WithConv(false, m => Codes(m, new Tensor(ElementType.Float8E4M3FN, [8, 4, 1, 1], Bytes(32)), new Tensor(ElementType.Float8E4M3FN, [], new byte[1])), opset: 18)),
        ["HT1405"] = ("ort-x64", () => { Model m = Clean("ort-x64"); m.IrVersion = 6; return m; }),
        ["HT1406"] = ("ort-x64", () => WithGemm(m => m.Weight(Small(32), [4, 8], [0.01f]), m => m.Bias(new int[8], [0.0005f]), n => n.With("beta", 2f))),
        ["HT1407"] = ("ort-x64", () => Wrap("MaxPool", n => n.With("kernel_shape", [1L, 1]), opset: 11)),
        ["HT1408"] = ("ort-x64", () => Two((m, d) => m.Op("ConvTranspose", [d, m.Weight(Small(32), [4, 8, 1, 1], [0.01f])]))),
        ["HT1409"] = ("tflite", () => Wrap("Softmax", signed: true)),
        ["HT1410"] = ("ort-x64", () => Two((m, d) => m.Op("BatchNormalization", [m.Op("Conv", [d, m.Weight(Small(16), [4, 4, 1, 1], [0.01f])]), .. Enumerable.Range(0, 4).Select(_ => m.Constant("bn", Tensor.Of([1f, 1, 1, 1], 4)))]))),
        ["HT1411"] = ("ort-x64", () => Two((m, d) => m.Op("Conv", [d, m.Pair("x")]))),
        ["HT1412"] = ("ort-x64", () => Wrap("Flatten")),
        ["HT1413"] = ("ort-x64", () => Two((m, d) => m.Op("Pad", [d, m.Constant("pads", Tensor.Of([0L, 0, 1, 1, 0, 0, 1, 1], 8))]))),
        ["HT1414"] = ("tflite", () => Two((m, d) => m.Op("Concat", [d, m.Pair("x", 0.2f)], n => n.With("axis", 1)), signed: true)),
        ["HT1415"] = ("ort-x64", () => Two((m, d) => m.Op("Resize", [d, "", m.Constant("scales", Tensor.Of([1f, 1, 2, 2], 4))], n => n.With("mode", "linear")))),
        ["HT1501"] = ("ort-x64", () => WithConv(false, m => m.Weight([.. Enumerable.Repeat((sbyte)100, 32)], [8, 4, 1, 1], [0.01f]))),
        ["HT1502"] = ("ort-x64", () => WithConv(false, m => m.Weight([.. new sbyte[4], .. Small(28)], [8, 4, 1, 1], [0.01f]))),
        ["HT1503"] = ("tflite", () => WithConv(true, m => m.Weight([-128, .. Small(31)], [8, 4, 1, 1], [0.01f]))),
    };

    /// <summary>Conv, Relu, MaxPool, Reshape, Gemm, quantized as the target wants.</summary>
    public static Model Clean(string id, int shift = 0, bool? signed = null)
    {
        Target target = TargetList.Find(id);
        QdqModel m = new(signed ?? target.ActivationCodes.Signed, [1, 4, 4, 4]);
        string After(string value, int zero = 0) => target.QuantizesOutputs ? m.Pair(value, 0.05f, zero) : value;
        float[] scales = Scales(8);
        bool integers = target.Bias is BiasForm.Int32;
        string x = m.Pair("x", shift: target.SymmetricActivations ? shift : 3);
        string bias = integers ? m.Bias([.. Enumerable.Range(1, 8)], [.. scales.Select(s => s * 0.05f)]) : m.Constant("b", Tensor.Of([1f, 2, 3, 4, 5, 6, 7, 8], 8));
        string conv = m.Op("Conv", [x, m.Weight(Small(32), [8, 4, 1, 1], scales), bias]);
        string relu = After(m.Op("Relu", [conv]), -128);
        string pool = After(m.Op("MaxPool", [relu], n => n.With("kernel_shape", [4L, 4])), -128);
        string flat = After(m.Op("Reshape", [pool, m.Constant("shape", s_shape)]), -128);
        if (!target.QuantizesOutputs)
        {
            flat = m.Pair(flat);
        }

        string gemm = m.Op("Gemm", [flat, m.Weight(Small(32), [8, 4], [0.01f])], output: target.QuantizesOutputs ? null : "y");
        if (target.QuantizesOutputs)
        {
            m.Pair(gemm, output: "y");
        }

        return m.Model;
    }

    private static sbyte[] Small(int count) => [.. QdqModel.Codes(count, 5, 60).Select(c => c == 0 ? (sbyte)1 : c)];

    private static float[] Scales(int count) => [.. Enumerable.Range(1, count).Select(i => 0.01f * i)];

    private static byte[] Bytes(int count) => [.. Enumerable.Repeat((byte)0x11, count)];

    private static Tensor Int8Weight() => Tensor.Of(Small(32), 8, 4, 1, 1);

    private static string Codes(QdqModel m, Tensor codes, Tensor zero)
    {
        Tensor scale = zero.Dims.Length == 0 ? Tensor.Scalar(0.01f) : Tensor.Of(Scales((int)zero.Count), zero.Count);
        m.Graph.Add(new Node("D_w", "DequantizeLinear", [m.Constant("w_codes", codes), m.Constant("w_scale", scale), m.Constant("w_zero", zero)], ["w"]).With("axis", 0));
        return "w";
    }

    private static Model WithConv(bool signed, Func<QdqModel, string> weight, Func<QdqModel, string>? bias = null, int opset = 13)
    {
        QdqModel m = new(signed, [1, 4, 4, 4], opset);
        m.Pair(m.Op("Conv", [m.Pair("x"), weight(m), .. bias is null ? (string[])[] : [bias(m)]]), output: "y");
        return m.Model;
    }

    private static Model WithGemm(Func<QdqModel, string> weight, Func<QdqModel, string>? bias = null, Action<Node>? attributes = null)
    {
        QdqModel m = new(signed: false, [2, 4]);
        m.Pair(m.Op("Gemm", [m.Pair("x"), weight(m), .. bias is null ? (string[])[] : [bias(m)]], attributes), output: "y");
        return m.Model;
    }

    private static Model Wrap(string op, Action<Node>? attributes = null, int opset = 13, ElementType? type = null, float outputScale = 0.05f, bool signed = false)
    {
        QdqModel m = new(signed, [1, 4, 4, 4], opset);
        m.Pair(m.Op(op, [m.Pair("x", type: type)], attributes), outputScale, output: "y", type: type);
        return m.Model;
    }

    private static Model Two(Func<QdqModel, string, string> middle, Action<QdqModel, string>? also = null, bool signed = false)
    {
        QdqModel m = new(signed, [1, 4, 4, 4], outputs: also is null ? ["y"] : ["y", "z"]);
        string value = middle(m, m.Pair("x"));
        m.Pair(value, output: "y");
        also?.Invoke(m, value);
        return m.Model;
    }

    private static Model Unquantized(string op, string output, Action<QdqModel, string>? then = null)
    {
        QdqModel m = new(signed: false, [1, 4, 4, 4]);
        m.Op(op, [m.Pair("x")], output: output);
        then?.Invoke(m, output);
        return m.Model;
    }

    private static Model PerChannelActivations()
    {
        QdqModel m = new(signed: false, [1, 4, 4, 4]);
        string scale = m.Constant("s", Tensor.Of(Scales(4), 4));
        string zero = m.Constant("z", Tensor.Of(new byte[4], 4));
        m.Graph.Add(new Node("Q", "QuantizeLinear", ["x", scale, zero], ["q"]));
        m.Graph.Add(new Node("D", "DequantizeLinear", ["q", scale, zero], ["d"]));
        m.Pair(m.Op("Sigmoid", ["d"]), output: "y");
        return m.Model;
    }

    private static Model Edit(Model model, Action<Graph> edit)
    {
        edit(model.Graph);
        return model;
    }
}
