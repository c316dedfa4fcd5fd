using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>The operators of floats against ONNX Runtime.</summary>
public sealed class FloatAgreementTests
{
    private static readonly Gen<(int Seed, int A, int B, int C)> s_gen = Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 5], Gen.Int[1, 9], Gen.Int[5, 40]);

    [Fact]
    public void Convolutions() => s_gen.Sample(Convolution, iter: 60);

    [Fact]
    public void Depthwise_convolutions() => s_gen.Sample((seed, groups, _, width) => Convolution(seed, groups, 1, width), iter: 80);

    private static void Convolution(int seed, int groups, int channels, int width)
    {
        int axes = 1 + (seed % 3);
        int filters = groups * (1 + (seed % 13));
        long[] image = axes switch { 1 => [width], 2 => [7, width], _ => [4, 6, width] };
        long[] kernel = axes switch { 1 => [3], 2 => [2, 3], _ => [2, 1, 3] };
        Dictionary<string, Tensor> inputs = new()
        {
            ["x"] = RandomTensors.Floats(seed, [2, groups * channels, .. image]),
            ["cw"] = RandomTensors.Floats(seed + 1, [filters, channels, .. kernel]),
            ["bias"] = RandomTensors.Floats(seed + 2, filters),
        };
        Node node = Windowed(new Node("node", "Conv", inputs.Keys.Take(2 + (seed % 2)), ["y"]).With("group", groups), seed, axes, dilated: true);
        Oracle.Check(node, 22, Only(node, inputs), 1e-5);
    }

    [Fact]
    public void Transposed_convolutions() => s_gen.Sample((seed, groups, channels, width) =>
    {
        int axes = 1 + (seed % 2);
        int filters = 1 + (seed % 7);
        int stride = 1 + (seed % 3);
        long[] image = axes == 1 ? [width] : [3, width];
        long[] kernel = axes == 1 ? [3] : [4, 3];
        Dictionary<string, Tensor> inputs = new()
        {
            ["x"] = RandomTensors.Floats(seed, [2, groups * channels, .. image]),
            ["cw"] = RandomTensors.Floats(seed + 1, [groups * channels, filters, .. kernel]),
            ["bias"] = RandomTensors.Floats(seed + 2, groups * filters),
        };
        Node node = new Node("node", "ConvTranspose", inputs.Keys.Take(2 + (seed % 2)), ["y"]).With("group", groups).With("strides", Enumerable.Repeat((long)stride, axes));
        node = (seed / 7 % 4) switch
        {
            0 => node.With("auto_pad", "SAME_UPPER"),
            1 => node.With("auto_pad", "SAME_LOWER"),
            2 => node.With("pads", Enumerable.Repeat(1L, 2 * axes)).With("output_padding", Enumerable.Repeat(stride - 1L, axes)),
            _ => node.With("output_shape", image.Select(i => (i * stride) + (seed % 2))).With("dilations", Enumerable.Repeat(1L + (seed % 2), axes)),
        };
        Oracle.Check(node, 11, Only(node, inputs), 1e-5);
    }, iter: 60);

    [Fact]
    public void Products() => s_gen.Sample((seed, m, n, k) =>
    {
        (long[] a, long[] b) = (seed % 5) switch
        {
            0 => ((long[])[2, m, k], (long[])[k, n]),
            1 => ([k], [3, k, n]),
            2 => ([2, 1, m, k], [3, k, n]),
            3 => ([3, m, k], [k]),
            _ => ([m * 20, k], [k, n * 7]),
        };
        Dictionary<string, Tensor> inputs = new() { ["a"] = RandomTensors.Floats(seed, a), ["cb"] = RandomTensors.Floats(seed + 1, b) };
        Oracle.Check(new Node("node", "MatMul", inputs.Keys, ["y"]), 17, inputs, 1e-5);
        bool ta = seed % 2 == 0;
        bool tb = seed % 3 == 0;
        Dictionary<string, Tensor> fused = new() { ["a"] = RandomTensors.Floats(seed, ta ? [2, k, m] : [2, m, k]), ["cb"] = RandomTensors.Floats(seed + 1, tb ? [2, n, k] : [2, k, n]) };
        Oracle.Check(new Node("node", "FusedMatMul", fused.Keys, ["y"], "com.microsoft").With("transA", ta ? 1 : 0).With("transB", tb ? 1 : 0).With("alpha", 0.5f), 17, fused, 1e-5);
        long[] c = (seed % 5) switch { 0 => [], 1 => [n], 2 => [m, 1], 3 => [1, n], _ => [m, n] };
        Dictionary<string, Tensor> gemm = new() { ["a"] = RandomTensors.Floats(seed, ta ? [k, m] : [m, k]), ["cb"] = RandomTensors.Floats(seed + 1, tb ? [n, k] : [k, n]), ["addend"] = RandomTensors.Floats(seed + 2, c) };
        Oracle.Check(new Node("node", "Gemm", gemm.Keys, ["y"]).With("transA", ta ? 1 : 0).With("transB", tb ? 1 : 0).With("alpha", 0.5f).With("beta", 2f), 17, gemm, 1e-5);
    }, iter: 40);

    [Theory]
    [InlineData("MaxPool")]
    [InlineData("AveragePool")]
    [InlineData("LpPool")]
    public void Pools(string op) => s_gen.Sample((seed, n, c, width) =>
    {
        int axes = 1 + (seed % 3);
        long[] image = axes switch { 1 => [width], 2 => [7, width], _ => [4, 6, width] };
        Tensor x = op == "MaxPool" && seed % 4 == 0 ? RandomTensors.Codes(seed, seed % 8 == 0, [n, c, .. image]) : RandomTensors.Floats(seed, [n, c, .. image]);
        bool places = op == "MaxPool" && seed % 5 == 0;
        Node node = new("node", op, ["x"], places ? ["y", "places"] : ["y"]);
        node = Windowed(node.With("kernel_shape", axes switch { 1 => [3L], 2 => [2L, 3], _ => [2L, 1, 3] }), seed, axes, dilated: true).With("ceil_mode", seed / 3 % 2);
        node = op == "AveragePool" ? node.With("count_include_pad", seed / 5 % 2) : op == "LpPool" ? node.With("p", 1 + (seed % 3)) : node;
        Oracle.Check(node, 22, new Dictionary<string, Tensor> { ["x"] = x }, 1e-5);
    }, iter: 60);

    /// <summary>Zeros of both signs and what is no number come out as where the places of the maxima are asked for too, which is computed one by one.</summary>
    [Fact]
    public void Maxima_of_anything() => s_gen.Sample((seed, n, c, width) =>
    {
        var random = new Random(seed);
        float[] values = [0f, -0f, float.NaN, float.NegativeInfinity, float.PositiveInfinity, 1, -1];
        var x = Tensor.Of([.. Enumerable.Range(0, n * c * 7 * width).Select(_ => values[random.Next(values.Length)])], n, c, 7, width);
        Node Pool(params string[] outputs) => Windowed(new Node("node", "MaxPool", ["x"], outputs).With("kernel_shape", [2L, 3]), seed, 2, dilated: true);
        Tensor Maxima(Node node) => PlanRun.Run(PlanRun.Ready(node, 22, [x], _ => false), [x])[0];
        Assert.True(Maxima(Pool("y")).Bytes.SequenceEqual(Maxima(Pool("y", "places")).Bytes));
    }, iter: 60);

    [Fact]
    public void Resizing() => s_gen.Sample((seed, n, c, width) =>
    {
        string mode = ((string[])["nearest", "linear", "cubic"])[seed % 3];
        string coordinates = ((string[])["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"])[seed / 3 % 5];
        bool sizes = coordinates == "align_corners" || seed / 15 % 2 == 0;
        float scale = ((float[])[0.5f, 1.5f, 2, 3, 0.75f])[seed / 30 % 5];
        Tensor x = mode != "cubic" && seed % 2 == 0 ? RandomTensors.Codes(seed, seed % 4 == 0, n, c, 8, width) : RandomTensors.Floats(seed, n, c, 8, width);
        Dictionary<string, Tensor> inputs = new() { ["x"] = x };
        inputs[sizes ? "csizes" : "cscales"] = sizes ? Tensor.Of([n, c, 5 + (seed % 9), width + 3L], 4) : Tensor.Of([1, 1, scale, 2], 4);
        Node node = new Node("node", "Resize", sizes ? ["x", "", "", "csizes"] : ["x", "", "cscales"], ["y"]).With("mode", mode).With("coordinate_transformation_mode", coordinates)
            .With("nearest_mode", ((string[])["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])[seed / 150 % 4]).With("exclude_outside", mode == "cubic" ? seed / 600 % 2 : 0);
        Oracle.Check(node, 19, inputs, 1e-4, spread: mode == "linear" ? 1 : 0);
    }, iter: 100);

    [Fact]
    public void Normalizations() => s_gen.Sample((seed, n, c, width) =>
    {
        int axis = 1 + (seed % 2);
        long[] tail = axis == 1 ? [c, width] : [width];
        Dictionary<string, Tensor> layer = new() { ["x"] = RandomTensors.Floats(seed, n, c, width), ["scale"] = RandomTensors.Floats(seed + 1, tail), ["bias"] = RandomTensors.Floats(seed + 2, tail) };
        Oracle.Check(new Node("node", "LayerNormalization", layer.Keys, ["y"]).With("axis", axis), 17, layer, 1e-4);
        Dictionary<string, Tensor> instance = new() { ["x"] = RandomTensors.Floats(seed, n, c, width), ["scale"] = RandomTensors.Floats(seed + 1, c), ["bias"] = RandomTensors.Floats(seed + 2, c) };
        Oracle.Check(new Node("node", "InstanceNormalization", instance.Keys, ["y"]), 17, instance, 1e-4);
        Dictionary<string, Tensor> x = new() { ["x"] = RandomTensors.Floats(seed, n, c, width, 3) };
        foreach (string op in (string[])["Softmax", "LogSoftmax", "Hardmax"])
        {
            Oracle.Check(new Node("node", op, x.Keys, ["y"]).With("axis", (seed % 4) - 1), 13, x, 1e-5);
            Oracle.Check(new Node("node", op, x.Keys, ["y"]).With("axis", seed % 4), 11, x, 1e-5);
        }

        Oracle.Check(new Node("node", "LRN", x.Keys, ["y"]).With("size", 1 + (seed % 5 / 2 * 2)).With("alpha", 0.5f), 13, x, 1e-5);
        foreach (string op in (string[])["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
        {
            Oracle.Check(new Node("node", op, x.Keys, ["y"]), 13, x, 1e-5);
        }

        Dictionary<string, Tensor> skip = new() { ["x"] = RandomTensors.Floats(seed, n, c, width), ["skip"] = RandomTensors.Floats(seed + 1, n, c, width), ["gamma"] = RandomTensors.Floats(seed + 1, width), ["beta"] = RandomTensors.Floats(seed + 2, width), ["bias"] = RandomTensors.Floats(seed + 3, width) };
        Oracle.Check(new Node("node", "SkipLayerNormalization", skip.Keys, ["y"], "com.microsoft").With("epsilon", 1e-5f), 17, skip, 1e-4);
        Dictionary<string, Tensor> biased = new() { ["x"] = RandomTensors.Floats(seed, n, c, width), ["bias"] = RandomTensors.Floats(seed + 1, width) };
        Oracle.Check(new Node("node", "BiasGelu", biased.Keys, ["y"], "com.microsoft"), 17, biased, 1e-5);
        Oracle.Check(new Node("node", "FastGelu", biased.Keys, ["y"], "com.microsoft"), 17, biased, 1e-5);
        Oracle.Check(new Node("node", "Gelu", ["x"], ["y"], "com.microsoft"), 17, x, 1e-5);
    }, iter: 30);

    private static Node Windowed(Node node, int seed, int axes, bool dilated)
    {
        bool same = seed / 13 % 4 < 2;

        // ONNX Runtime pads by negative lengths where a stride is longer than its kernel
        node = node.With("strides", Enumerable.Range(0, axes).Select(i => same && i < axes - 1 ? 1L : 1L + (((seed / 11) + i) % 3)));
        node = dilated && !same ? node.With("dilations", Enumerable.Range(0, axes).Select(i => 1L + (((seed / 17) + i) % 2))) : node;
        return (seed / 13 % 4) switch
        {
            0 => node.With("auto_pad", "SAME_UPPER"),
            1 => node.With("auto_pad", "SAME_LOWER"),
            _ => node.With("pads", Enumerable.Range(0, 2 * axes).Select(i => i % axes == axes - 1 ? ((seed / 19) + i) % 2L : 0)),
        };
    }

    private static Dictionary<string, Tensor> Only(Node node, Dictionary<string, Tensor> inputs) => inputs.Where(i => node.Inputs.Contains(i.Key)).ToDictionary(i => i.Key, i => i.Value);
}
