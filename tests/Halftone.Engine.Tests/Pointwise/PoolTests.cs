using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Pointwise;

public sealed unsafe class PoolTests
{
    private sealed record Case(int Channels, int Height, int Width, int[] Kernel, int[] Strides, int[] Dilations, int[] Pads, bool Ceil, int Border, int Seed)
    {
        public PoolWindow Window => new(new(Kernel[0], Strides[0], Dilations[0], Pads[0]), new(Kernel[1], Strides[1], Dilations[1], Pads[1]));

        // pads must be smaller than the kernel
        public bool IsValid => Output(0, Height) > 0 && Output(1, Width) > 0 && Enumerable.Range(0, 4).All(i => Pads[i] < Kernel[i % 2]);

        public int OutputHeight => Output(0, Height);

        public int OutputWidth => Output(1, Width);

        public Node On(Node node) =>
            node.With("kernel_shape", Kernel.Select(k => (long)k)).With("strides", Strides.Select(k => (long)k)).With("pads", Pads.Select(k => (long)k))
                .With("ceil_mode", Ceil ? 1L : 0L);

        private int Output(int axis, int length)
        {
            int room = length + Pads[axis] + Pads[axis + 2] - ((Kernel[axis] - 1) * Dilations[axis]) - 1;
            int windows = room < 0 ? 0 : ((room + (Ceil ? Strides[axis] - 1 : 0)) / Strides[axis]) + 1;
            return (windows - 1) * Strides[axis] >= length + Pads[axis] ? windows - 1 : windows; // none begins in the pad behind
        }
    }

    private static readonly Gen<Case> s_case = Gen.Select(
        Gen.Select(Gen.Int[1, 130], Gen.Int[1, 12], Gen.Int[1, 40]), Gen.Int[1, 4].Array[2], Gen.Int[1, 3].Array[2], Gen.Int[1, 2].Array[2], Gen.Int[0, 2].Array[4],
        Gen.Bool, Gen.Int[0, 2], Gen.Int[0, 1000],
        (shape, kernel, strides, dilations, pads, ceil, border, seed) =>
            new Case(shape.Item1, shape.Item2, shape.Item3, kernel, strides, dilations, pads, ceil, border, seed))
        .Where(c => c.IsValid);

    private static readonly Gen<QuantizedRange> s_range =
        Gen.Select(Gen.Double[-3, 0], Gen.Byte, (exponent, zero) => new QuantizedRange((float)Math.Pow(10, exponent), zero));

    [Fact]
    public void MaxPool_equals_that_of_ONNX_Runtime() => s_case.Sample(
        c =>
        {
            var random = new Random(c.Seed);
            using var x = new TestImage(c.Height, c.Width, c.Channels, c.Border, random);
            using var y = new TestImage(c.OutputHeight, c.OutputWidth, c.Channels, c.Border, random);
            Node node = c.On(Ort.Plain("MaxPool")).With("dilations", c.Dilations.Select(d => (long)d));
            byte[] expected = Ort.Run(node, [Image(x)], ElementType.UInt8, _ => true).Bytes.ToArray();
            int split = random.Next(c.OutputHeight + 1);
            MaxPool.Run(c.Window, x.Origin, x.Layout, y.Origin, y.Layout, 0, split);
            MaxPool.Run(c.Window, x.Origin, x.Layout, y.Origin, y.Layout, split, c.OutputHeight);
            Assert.Equal(expected, y.Planes);
            y.AssertBorderUntouched();
        },
        iter: 150);

    [Fact]
    public void AveragePool_equals_QLinearAveragePool() => Gen.Select(s_case, s_range, s_range, Gen.Bool).Sample(
        (drawn, from, to, countPad) =>
        {
            Case c = drawn with { Dilations = [1, 1] };
            if (!c.IsValid)
            {
                return;
            }

            var random = new Random(c.Seed);
            using var x = new TestImage(c.Height, c.Width, c.Channels, c.Border, random);
            using var y = new TestImage(c.OutputHeight, c.OutputWidth, c.Channels, c.Border, random);
            Node node = c.On(Ort.Microsoft("QLinearAveragePool")).With("count_include_pad", countPad ? 1L : 0L);
            byte[] expected = Ort.Run(node, [Image(x), .. Ort.Constants(from), .. Ort.Constants(to)], ElementType.UInt8, i => i == 0).Bytes.ToArray();
            int split = random.Next(c.OutputHeight + 1);
            AveragePool.Run(c.Window, countPad, from, to, x.Origin, x.Layout, y.Origin, y.Layout, 0, split);
            AveragePool.Run(c.Window, countPad, from, to, x.Origin, x.Layout, y.Origin, y.Layout, split, c.OutputHeight);
            Assert.Equal(expected, y.Planes);
            y.AssertBorderUntouched();
        },
        iter: 150);

    [Fact]
    public void GlobalAveragePool_equals_QLinearGlobalAveragePool() =>
        Gen.Select(Gen.Int[1, 130], Gen.Int[1, 20], Gen.Int[1, 40], Gen.Int[0, 2], s_range, Gen.Double[0.1, 10], Gen.Byte, Gen.Int[0, 1000]).Sample(
            (channels, height, width, border, from, ratio, zero, seed) =>
                GlobalAverage(channels, height, width, border, from, new QuantizedRange((float)(from.Scale * ratio), zero), seed),
            iter: 150);

    [Theory]
    [InlineData(256, 256, 255)] // the largest image whose sums floats hold
    [InlineData(257, 257, 0)]
    [InlineData(300, 512, 255)]
    public void GlobalAveragePool_of_large_images_is_exact(int height, int width, int zero) =>
        GlobalAverage(70, height, width, 0, new(0.02f, (byte)zero), new(0.019f, 101), seed: 3);

    [Fact]
    public void All_widths_compute_the_same() => Gen.Select(s_range, s_range, Gen.Int[0, 1000]).Sample((from, to, seed) =>
    {
        using var x = new TestImage(5, 5, 64, 0, new Random(seed));
        var taps = new PoolTaps((nint)x.Origin, 5, 5, x.Layout.RowPitch, 64);
        var y = new byte[64];
        byte[] first = [];
        fixed (byte* to8 = y)
        {
            Widths.Check(new AverageStep(taps, 25, from, to, to8), y, () => Assert.Equal(first = first.Length == 0 ? y[..] : first, y));
            byte[] largest = [.. Enumerable.Range(0, 64).Select(c => Enumerable.Range(0, 25).Max(i => x[i / 5, i % 5, c]))];
            Widths.CheckBytes(new MaxStep(taps, to8), y, () => Assert.Equal(largest, y));
            first = [];
            var global = new GlobalAverageStep(x.Origin, x.Layout, -25 * from.ZeroPoint, from.Scale / (to.Scale * 25), to.ZeroPoint, to8);
            Widths.Check(global, y, () => Assert.Equal(first = first.Length == 0 ? y[..] : first, y));
        }
    });

    private static void GlobalAverage(int channels, int height, int width, int border, QuantizedRange from, QuantizedRange to, int seed)
    {
        var random = new Random(seed);
        using var x = new TestImage(height, width, channels, border, random);
        using var y = new GuardedMemory(channels);
        Tensor?[] inputs = [Image(x), .. Ort.Constants(from), .. Ort.Constants(to)];
        byte[] expected = Ort.Run(Ort.Microsoft("QLinearGlobalAveragePool"), inputs, ElementType.UInt8, i => i == 0).Bytes.ToArray();
        int split = random.Next(channels + 1);
        GlobalAveragePool.Run(from, to, x.Origin, x.Layout, y.Start, 0, split);
        GlobalAveragePool.Run(from, to, x.Origin, x.Layout, y.Start, split, channels);
        Assert.Equal(expected, y.Span.ToArray());
    }

    private static Tensor Image(TestImage x) => Ort.Bytes(x.Planes, 1, x.Layout.Channels, x.Layout.Height, x.Layout.Width);
}
