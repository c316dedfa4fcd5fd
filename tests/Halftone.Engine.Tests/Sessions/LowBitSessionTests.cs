using Halftone.Engine.Steps;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Sessions;

public sealed class LowBitSessionTests
{
    /// <summary>MatMulNBits as ONNX Runtime computes it: bits, blocks, zero points and bias, at the accuracy of 8-bit activations and of floats.</summary>
    [Fact]
    public void MatMulNBits_agrees_with_ONNX_Runtime() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 150], Gen.Int[1, 40], Gen.Int[0, 2].Select(i => 16 << i), Gen.Bool, Gen.Bool, Gen.Int[0, 1 << 30]).Sample(
            (rows, depth, channels, block, zeros, integer, seed) =>
            {
                var random = new Random(seed);
                int blocks = (depth + block - 1) / block;
                byte[] codes = new byte[channels * blocks * block / 2];
                byte[] points = new byte[channels * ((blocks + 1) / 2)];
                random.NextBytes(codes);
                random.NextBytes(points);
                Model model = Empty(rows, depth);
                model.SetOpset("com.microsoft", 1);
                model.Graph.SetConstant("codes", Tensor.Of(codes, channels, blocks, block / 2));
                model.Graph.SetConstant("scales", Floats(random, channels * blocks, 0.01f, 0.1f, channels, blocks));
                model.Graph.SetConstant("points", Tensor.Of(points, points.Length));
                model.Graph.Add(new Node("product", "MatMulNBits", zeros ? ["x", "codes", "scales", "points"] : ["x", "codes", "scales"], ["y"], "com.microsoft")
                    .With("K", depth).With("N", channels).With("bits", 4).With("block_size", block).With("accuracy_level", integer ? 4 : 0));
                Agrees(model, Floats(random, rows * depth, -1, 1, rows, depth), integer ? 2e-2 : 1e-4);
            },
            iter: 60);

    /// <summary>4- and 2-bit weights behind DequantizeLinear, in blocks or a scale a channel, by ONNX's definition of both nodes.</summary>
    [Theory]
    [InlineData(ElementType.Int4, 25)]
    [InlineData(ElementType.UInt4, 21)]
    public void Weights_behind_DequantizeLinear_stay_packed(ElementType type, int opset) =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 6], Gen.Int[1, 20], Gen.Bool, Gen.Int[0, 1 << 30]).Sample(
            (rows, blocks, pairs, blocked, seed) =>
            {
                (int depth, int channels, int block) = (blocks * 16, 2 * pairs, 16);
                var random = new Random(seed);
                byte[] codes = new byte[depth * channels / 2];
                random.NextBytes(codes);
                Model model = Empty(rows, depth, opset);
                model.Graph.SetConstant("codes", new Tensor(type, [depth, channels], codes));
                model.Graph.SetConstant("scales", blocked ? Floats(random, blocks * channels, 0.01f, 0.1f, blocks, channels) : Floats(random, channels, 0.01f, 0.1f, channels));
                Node dequantize = new Node("dequantize", "DequantizeLinear", ["codes", "scales"], ["w"]).With("axis", blocked ? 0 : 1);
                model.Graph.Add(blocked ? dequantize.With("block_size", block) : dequantize);
                model.Graph.Add(new Node("product", "MatMul", ["x", "w"], ["y"]));
                Agrees(model, Floats(random, rows * depth, -1, 1, rows, depth), 1e-4);
            },
            iter: 40);

    private static void Agrees(Model model, Tensor x, double tolerance)
    {
        Dictionary<string, Tensor> inputs = new() { ["x"] = x };
        using OrtSession ort = OrtSession.Load(model, new OrtOptions { Optimize = false });
        float[] expected = ort.Run(inputs)["y"].ToFloats();
        float largest = expected.Max(MathF.Abs);
        foreach (int threads in (int[])[1, 2])
        {
            using EngineSession session = EngineSession.Load(model, new EngineOptions { Threads = threads });
            float[] made = session.Run(inputs)["y"].ToFloats();
            Assert.Contains(session.RecentPlan!.Steps, s => s is LowBitStep);
            Assert.All(expected.Zip(made), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, tolerance * Math.Max(largest, 0.01)));
        }
    }

    private static Model Empty(int rows, int depth, int opset = 21) =>
        Model.Create(opset, [new ValueInfo("x", ElementType.Float, [rows, depth])], [new ValueInfo("y", ElementType.Float, null)]);

    private static Tensor Floats(Random random, int count, float low, float high, params long[] dims) =>
        Tensor.Of([.. Enumerable.Range(0, count).Select(_ => low + (random.NextSingle() * (high - low)))], dims);
}
