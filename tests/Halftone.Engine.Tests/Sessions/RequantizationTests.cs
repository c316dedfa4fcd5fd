using System.Numerics;
using Halftone.Engine.Kernels;
using Halftone.Engine.Tests.Engines;
using Halftone.Engine.Tests.Sessions.Nets;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>Convolutions and products whose sums become codes in every arithmetic, against sums and roundings in exact integers.</summary>
public sealed class RequantizationTests
{
    public static TheoryData<Requantization, string> Cases =>
        [.. from form in Enum.GetValues<Requantization>() from tier in FuzzTests.Tiers select (form, tier.Data)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Sums_become_codes_as_asked(Requantization form, string tier) =>
        Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Bool).Sample((seed, gemm) => Same(new Layer(seed, gemm), form, tier), iter: 60, threads: 1);

    /// <summary>Scales of inputs and weights are multiplied, then divided by the output's: where another order rounds a product to another code, ONNX Runtime's is made.</summary>
    [Fact]
    public void Scales_meet_in_the_order_of_ONNX_Runtime()
    {
        var random = new Random(7);
        for (int found = 0; found < 20;)
        {
            (float x, float w) = (0.01f + random.NextSingle(), 0.01f + random.NextSingle());
            float y = x * w * (200 + (100 * random.NextSingle()));
            (float first, float second) = (x * w / y, w / y * x);
            int product = Enumerable.Range(1, 255 * 127).FirstOrDefault(p => p % 127 == 0 && MathF.Round(p * first) != MathF.Round(p * second));
            if (product == 0)
            {
                continue;
            }

            found++;
            Tensor?[] values =
            [
                Tensor.Of([(byte)(product / 127)], 1, 1), Tensor.Scalar(x), Tensor.Scalar((byte)0), Tensor.Of([(sbyte)127], 1, 1), Tensor.Scalar(w), Tensor.Scalar((sbyte)0), Tensor.Scalar(y), Tensor.Scalar((byte)0),
            ];
            OneNode net = OneNode.Of(new Node("node", "QLinearMatMul", [], []), ElementType.UInt8, values, 0);
            using OrtSession oracle = OrtSession.Load(net.Model);
            using EngineSession engine = EngineSession.Load(net.Model);
            Assert.Equal(oracle.Run(net.Feed)["y"].Bytes.ToArray(), engine.Run(net.Feed)["y"].Bytes.ToArray());
        }
    }

    /// <summary>Thirds and sixths of codes add up to ties but for the rounding of floats, which depends on where codes lie: those of int8 values are held raised by 128.</summary>
    [Theory]
    [InlineData("QLinearAdd")]
    [InlineData("QLinearMul")]
    public void Pairs_of_int8_codes_round_as_in_ONNX_Runtime(string op)
    {
        sbyte[] all = [.. Enumerable.Range(-128, 256).Select(c => (sbyte)c)];
        Tensor a = Tensor.Of([.. all.SelectMany(x => Enumerable.Repeat(x, 256))], 256, 256), b = Tensor.Of([.. all.SelectMany(_ => all)], 256, 256);
        foreach ((sbyte zeroA, sbyte zeroB, sbyte zeroY) in (ReadOnlySpan<(sbyte, sbyte, sbyte)>)[(0, 0, 0), (-7, 12, 3), (100, -90, -128), (-128, 127, 60)])
        {
            float y = op == "QLinearAdd" ? 0.3f : 0.03f;
            Tensor?[] values = [a, Tensor.Scalar(0.1f), Tensor.Scalar(zeroA), b, Tensor.Scalar(0.05f), Tensor.Scalar(zeroB), Tensor.Scalar(y), Tensor.Scalar(zeroY)];
            OneNode net = OneNode.Of(new Node("node", op, [], [], "com.microsoft"), ElementType.Int8, values, 0, 3);
            using OrtSession oracle = OrtSession.Load(net.Model);
            using EngineSession engine = EngineSession.Load(net.Model);
            Assert.Equal(oracle.Run(net.Feed)["y"].Bytes.ToArray(), engine.Run(net.Feed)["y"].Bytes.ToArray());
        }
    }

    [Fact]
    public void A_scale_that_the_arithmetic_cannot_hold_is_refused()
    {
        var layer = new Layer(1, gemm: true, outputScale: 1e-9f);
        ModelException error = Assert.Throws<ModelException>(() => EngineSession.Load(layer.Model, new EngineOptions { Requantization = Requantization.Q31 }));
        Assert.Contains("Gemm", error.Message, StringComparison.Ordinal);
    }

    private static void Same(Layer layer, Requantization form, string tier)
    {
        using EngineSession session = EngineSession.Load(layer.Model, new EngineOptions { Requantization = form, Tier = tier });
        Tensor actual = session.Run(layer.Feed)[layer.Model.Graph.Outputs[0].Name];
        long[] codes = actual.ToInt64s();
        for (int i = 0; i < codes.Length; i++)
        {
            int channel = i / layer.Area % layer.Channels;
            Assert.Equal(Code(layer, form, layer.Sums[i], channel), codes[i]);
        }
    }

    private static long Code(Layer layer, Requantization form, long sum, int channel)
    {
        Codes y = layer.Y;
        (long low, long high) = y.Signed ? (-128, 127) : (0, 255);
        BigInteger rounded = form switch
        {
            Requantization.Float => new BigInteger(MathF.Round(sum * (layer.X.Scale * layer.Scales[channel] / y.Scale))),
            Requantization.Q31 => FromFloat(sum, layer.X.Scale * layer.Scales[channel] / y.Scale),
            _ => FromDouble(form, sum, (double)layer.X.Scale * layer.Scales[channel] / y.Scale),
        };
        return (long)BigInteger.Max(low, BigInteger.Min(high, rounded + y.Zero));
    }

    // TensorFlow Lite's QuantizeMultiplier: fraction in [0.5, 1) times 2^31, ties away from zero
    private static BigInteger FromDouble(Requantization form, long sum, double scale)
    {
        int exponent = 0;
        double fraction = scale;
        for (; fraction >= 1; exponent++)
        {
            fraction /= 2;
        }

        for (; fraction < 0.5; exponent--)
        {
            fraction *= 2;
        }

        long multiplier = (long)Math.Floor((fraction * (1L << 31)) + 0.5);
        if (multiplier == 1L << 31)
        {
            (multiplier, exponent) = (1L << 30, exponent + 1);
        }

        return form == Requantization.SingleRounding
            ? ExactEpilogue.HalfUp(sum * (BigInteger)multiplier, 31 - exponent)
            : ExactEpilogue.HalfAway(ExactEpilogue.HalfUp((BigInteger)(sum << Math.Max(exponent, 0)) * multiplier, 31), Math.Max(-exponent, 0));
    }

    // QNNPACK: the 24 bits of a float, times 2^7
    private static BigInteger FromFloat(long sum, float scale)
    {
        int exponent = 0;
        float fraction = scale;
        for (; fraction < 0.5f; exponent--)
        {
            fraction *= 2;
        }

        return ExactEpilogue.HalfAway(ExactEpilogue.HalfUp(sum * (BigInteger)(long)((double)fraction * (1L << 31)), 31), -exponent);
    }

    /// <summary>One layer in the QDQ format, and its sums.</summary>
    private sealed class Layer
    {
        private readonly Draft _draft;
        private readonly Tensor _x;

        public Layer(int seed, bool gemm, float? outputScale = null)
        {
            _draft = new Draft(seed, 17);
            bool signed = _draft.Chance(50);
            long[] dims = gemm ? [_draft.Random.Next(1, 6), _draft.Random.Next(1, 40)] : [_draft.Random.Next(1, 3), _draft.Pick(1, 2, 4, 8, 12), _draft.Random.Next(3, 9), _draft.Random.Next(3, 9)];
            _x = _draft.RandomCodes(signed, dims);
            X = new(_draft.Input(_x), dims, signed, _draft.RandomScale(0.02f), _draft.RandomZero(signed));
            int groups = gemm ? 1 : _draft.Pick(1, 1, (int)dims[1]);
            Channels = groups * _draft.Random.Next(1, 18);
            Windows? windows = gemm ? null : NoAuto(dims);
            long[] weight = gemm ? [Channels, dims[1]] : [Channels, dims[1] / groups, .. windows!.Kernel];
            Scales = [.. Enumerable.Range(0, _draft.Chance(50) ? Channels : 1).Select(_ => _draft.RandomScale(0.01f))];
            if (Scales.Length == 1)
            {
                Scales = [.. Enumerable.Repeat(Scales[0], Channels)];
            }

            Tensor w = _draft.RandomCodes(true, weight);
            int[] bias = [.. Enumerable.Range(0, Channels).Select(_ => _draft.Random.Next(-5000, 5000))];
            float scale = outputScale ?? _draft.RandomScale(X.Scale * Scales.Max() * 40 * MathF.Sqrt(w.Count / Channels));
            bool signedOutput = _draft.Chance(50);
            long[] outputs = gemm ? [dims[0], Channels] : [dims[0], Channels, .. windows!.Output];
            Y = new("", outputs, signedOutput, scale, _draft.RandomZero(signedOutput));
            Area = gemm ? 1 : (int)(windows!.Output[0] * windows.Output[1]);
            Sums = gemm ? Products(w, bias) : Convolution(w, bias, windows!, groups);
            Write(w, bias, gemm ? n => n.With("transB", 1) : n => windows!.On(n, dilations: true).With("group", groups), gemm ? "Gemm" : "Conv");
            Model = _draft.Build();
        }

        public Codes X { get; }

        public Codes Y { get; }

        public int Channels { get; }

        public int Area { get; }

        public float[] Scales { get; }

        public long[] Sums { get; }

        public Model Model { get; }

        public IReadOnlyDictionary<string, Tensor> Feed => _draft.Feed;

        private Windows NoAuto(long[] dims)
        {
            while (true)
            {
                if (Windows.Random(_draft, dims.AsSpan(2), dilated: true) is { Auto: "NOTSET" } windows)
                {
                    return windows;
                }
            }
        }

        private void Write(Tensor w, int[] bias, Func<Node, Node> with, string op)
        {
            string x = _draft.Node("DequantizeLinear", [X.Name, _draft.Float(X.Scale), _draft.ZeroPoint(X.Signed, X.Zero)]);
            string weight = _draft.Node("DequantizeLinear", [_draft.Constant(w), _draft.Constant(Tensor.Of(Scales, Channels))], n => n.With("axis", 0));
            string b = _draft.Node(
                "DequantizeLinear",
                [_draft.Constant(Tensor.Of(bias, Channels)), _draft.Constant(Tensor.Of([.. Scales.Select(s => s * X.Scale)], Channels))],
                n => n.With("axis", 0));
            string y = _draft.Node(op, [x, weight, b], with);
            _draft.Output(_draft.Node("QuantizeLinear", [y, _draft.Float(Y.Scale), _draft.ZeroPoint(Y.Signed, Y.Zero)]));
        }

        private long[] Products(Tensor w, int[] bias)
        {
            (long[] a, long[] b, int depth) = (_x.ToInt64s(), w.ToInt64s(), (int)X.Dims[1]);
            return
            [
                .. from row in Enumerable.Range(0, (int)X.Dims[0])
                   from channel in Enumerable.Range(0, Channels)
                   select bias[channel] + Enumerable.Range(0, depth).Sum(k => (a[(row * depth) + k] - X.Zero) * b[(channel * depth) + k]),
            ];
        }

        private long[] Convolution(Tensor w, int[] bias, Windows windows, int groups)
        {
            (long[] a, long[] b) = (_x.ToInt64s(), w.ToInt64s());
            (int channels, int height, int width) = ((int)X.Dims[1], (int)X.Dims[2], (int)X.Dims[3]);
            int each = channels / groups;
            var sums = new List<long>();
            for (int image = 0; image < X.Dims[0]; image++)
            {
                for (int o = 0; o < Channels; o++)
                {
                    for (int at = 0; at < Area; at++)
                    {
                        long sum = bias[o];
                        for (int k = 0; k < w.Count / Channels; k++)
                        {
                            (int c, int i, int j) = (k / (int)(windows.Kernel[0] * windows.Kernel[1]), k / (int)windows.Kernel[1] % (int)windows.Kernel[0], k % (int)windows.Kernel[1]);
                            long row = (at / windows.Output[1] * windows.Strides[0]) - windows.Pads[0] + (i * windows.Dilations[0]);
                            long column = (at % windows.Output[1] * windows.Strides[1]) - windows.Pads[1] + (j * windows.Dilations[1]);
                            if (row >= 0 && row < height && column >= 0 && column < width)
                            {
                                int channel = (o / (Channels / groups) * each) + c;
                                sum += (a[((((image * channels) + channel) * height) + row) * width + column] - X.Zero) * b[(o * (w.Count / Channels)) + k];
                            }
                        }

                        sums.Add(sum);
                    }
                }
            }

            return [.. sums];
        }
    }
}
