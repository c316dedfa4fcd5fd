using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine.Kernels;

public sealed unsafe class ProductTierTests
{
    private static readonly ProductTier[] s_tiers = [.. ProductTiers.All, .. EmulatedDot.Products];
    private static readonly ProductTier s_reference = ProductTiers.All.Single(t => t.Name == "reference");

    public static TheoryData<string> Names => [.. s_tiers.Select(t => t.Name)];

    [Fact]
    public void The_reference_computes_the_equation() =>
        ProductCase.Cases.Sample(c => c.Run(s_reference).AsSpan().SequenceEqual(c.Expected()), iter: 150);

    [Theory]
    [MemberData(nameof(Names))]
    public void Tiers_equal_the_reference(string name)
    {
        ProductTier tier = Supported(name);
        ProductCase.Cases.Sample(c => c.Run(tier).AsSpan().SequenceEqual(c.Run(s_reference)), iter: name.EndsWith("emulated") ? 60 : 600);
    }

    /// <summary>Every number of channels within and around panels, every number of rows within and around tiles.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Edges_equal_the_reference(string name)
    {
        ProductTier tier = Supported(name);
        int seed = 0;
        foreach (EpilogueKind kind in Enum.GetValues<EpilogueKind>())
        {
            for (int channels = 1; channels <= 70; channels++)
            {
                // whole registers of channels with several strides of the output
                int turns = channels % 16 == 0 ? 8 : 1;
                foreach ((bool residual, int bits) in Enumerable.Repeat(((bool, int)[])[(false, 8), (true, 8), (false, 4), (true, 2)], turns).SelectMany(c => c))
                {
                    seed++;
                    var edge = new ProductCase(channels, 1 + (channels * 7 % 23), 1 + (channels % 3), 1 + (channels * 5 % 11), kind, seed, atEnd: true, residual, bits);
                    Assert.True(edge.Run(tier).AsSpan().SequenceEqual(edge.Run(s_reference)), edge.ToString());
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Panels_and_rows_can_be_split(string name)
    {
        ProductTier tier = Supported(name);
        Gen.Select(ProductCase.Cases, Gen.Double[0, 1], Gen.Double[0, 1]).Sample(
            (c, u, v) =>
            {
                byte[] parts = c.Run(tier, (kernel, a, y, others) =>
                {
                    int row = (int)(u * c.Rows), panel = (int)(v * kernel.Panels);
                    byte* lowerOthers = (byte*)others + ((nint)row * (c.Problem.Residual?.RowStride ?? 0));
                    byte* lowerA = (byte*)a + ((nint)row * c.Problem.RowStride), lowerY = (byte*)y + ((nint)row * c.Problem.OutputStride);
                    kernel.Run(lowerA, lowerY, c.Rows - row, panel, kernel.Panels - panel, lowerOthers);
                    kernel.Run((byte*)a, (byte*)y, row, 0, panel, (byte*)others);
                    kernel.Run(lowerA, lowerY, c.Rows - row, 0, panel, lowerOthers);
                    kernel.Run((byte*)a, (byte*)y, row, panel, kernel.Panels - panel, (byte*)others);
                });
                return parts.AsSpan().SequenceEqual(c.Run(tier));
            },
            iter: name.EndsWith("emulated") ? 20 : 100);
    }

    /// <summary>Taps and kernel rows that read padding of zeros may be left out: the result is that of all.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Leaving_out_padding_changes_nothing(string name)
    {
        ProductTier tier = Supported(name);
        Gen.Select(Gen.Int[1, 30], Gen.Int[1, 3], Gen.Int[1, 2], Gen.Int[1, 150], Gen.Int[1, 5], Gen.Select(Gen.Int[0, 1 << 30], Gen.OneOf(Gen.Const(8), Gen.Const(4), Gen.Const(2)))).Sample(
            (width, radius, stride, channels, quads, more) =>
            {
                (int seed, int bits) = more;
                int depth = 4 * quads;
                int taps = (2 * radius) + 1;
                int pitch = (width + (2 * radius)) * depth;
                int outputs = ((width - 1) / stride) + 1;
                var random = new Random(seed);
                byte[] image = new byte[(pitch * taps) + 64];
                for (int row = radius; row < taps; row++)
                {
                    random.NextBytes(image.AsSpan((row * pitch) + (radius * depth), width * depth));
                }

                var weights = new sbyte[channels * taps * taps * depth];
                random.NextBytes(MemoryMarshal.AsBytes(weights.AsSpan()));
                foreach (ref sbyte w in weights.AsSpan())
                {
                    w >>= 8 - bits;
                }

                ImmutableArray<(int, int)> inside =
                    [.. Enumerable.Range(0, outputs).Select(x => (Math.Max(0, radius - (x * stride)), Math.Min(taps, width + radius - (x * stride))))];
                var problem = new ProductProblem
                {
                    Channels = channels,
                    SegmentBytes = taps * depth,
                    SegmentOffsets = [.. Enumerable.Range(0, taps).Select(r => r * pitch)],
                    RowStride = stride * depth,
                    OutputStride = channels,
                    Weights = weights,
                    WeightBits = bits,
                    Bias = new int[channels],
                    LineRows = outputs,
                    TapBytes = depth,
                    Epilogue = new FloatRequantize([.. Enumerable.Repeat(0.0005f * (1 << (8 - bits)), channels)], 100),
                };
                return Run(tier, problem with { LineTaps = inside }, image, outputs, radius, taps - radius).AsSpan().SequenceEqual(Run(s_reference, problem, image, outputs, 0, taps));
            },
            iter: name.EndsWith("emulated") ? 30 : 300);
    }

    /// <summary>255 times the lowest weight in every place of the longest row there may be of packed weights: pairs of them leave 16 bits, and the sums nearly 32.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Products_do_not_saturate(string name)
    {
        foreach (int bits in (int[])[8, 4, 2])
        {
            Saturate(Supported(name), bits);
        }
    }

    private static void Saturate(ProductTier tier, int bits)
    {
        const int Channels = 33, Depth = ProductProblem.DeepestPacked;
        sbyte lowest = (sbyte)(sbyte.MinValue >> (8 - bits));
        var problem = new ProductProblem
        {
            Channels = Channels,
            SegmentBytes = Depth,
            SegmentOffsets = [0],
            RowStride = 0,
            OutputStride = Channels * 4,
            Weights = [.. Enumerable.Repeat(lowest, Channels * Depth)],
            WeightBits = bits,
            Bias = new int[Channels],
            Epilogue = new StoreSums(),
        };
        var a = new byte[Depth + 3];
        a.AsSpan().Fill(255);
        var y = new int[7 * Channels];
        using ProductKernel kernel = tier.Build(problem);
        fixed (byte* from = a)
        {
            fixed (int* to = y)
            {
                kernel.Run(from, (byte*)to, 7, 0, kernel.Panels);
            }
        }

        Assert.All(y, sum => Assert.Equal(Depth * 255 * lowest, sum));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Panels_cover_the_channels(string name)
    {
        ProductTier tier = Supported(name);
        for (int channels = 1; channels <= 130; channels++)
        {
            using ProductKernel kernel = tier.Build(new ProductCase(channels, 1, 1, 1, EpilogueKind.Sums, 1, atEnd: true).Problem);
            Assert.InRange(channels, ((kernel.Panels - 1) * kernel.PanelWidth) + 1, kernel.Panels * kernel.PanelWidth);
            Assert.True(kernel.TileRows >= 1);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Arrays_that_do_not_fit_are_refused(string name)
    {
        ProductTier tier = Supported(name);
        ProductProblem problem = new ProductCase(5, 1, 2, 3, EpilogueKind.Requantize, 1, atEnd: true).Problem;
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Weights = new sbyte[29] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Bias = new int[4] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new StoreSums(), Residual = new ProductResidual(default, true, 5) }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { SegmentOffsets = [] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { WeightBits = 5 }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { WeightBits = 4, Weights = [8, .. new sbyte[29]] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { WeightBits = 4, Weights = [-9, .. new sbyte[29]] }));
        Assert.Throws<ArgumentException>(() => tier.Build(Deep(4, ProductProblem.DeepestPacked + 1)));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new FloatRequantize(new float[4], 0) }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new FloatRequantize(new float[5], 256) }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new FloatRequantize(new float[5], 0, 9, 8) }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new FixedPointRequantize(FixedPointForm.Q31, new int[5], [1, 0, 0, 0, 0], 0) }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new FixedPointRequantize(FixedPointForm.SingleRounding, [-1, 0, 0, 0, 0], new int[5], 0) }));
    }

    /// <summary>Packed weights take as many bytes as their bits say; 2 bits are kept in 4 by tiers that are not assembled.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Packed_weights_are_kept_packed(string name)
    {
        ProductTier tier = Supported(name);
        Assert.SkipWhen(name == "reference", "it reads the problem's own");
        foreach (int channels in (int[])[16, 48, 64, 128])
        {
            long Bytes(int bits)
            {
                using ProductKernel kernel = tier.Build(new ProductCase(channels, 7, 3, 64, EpilogueKind.Requantize, 1, atEnd: true, weightBits: bits).Problem);
                return kernel.WeightBytes;
            }

            long whole = name.StartsWith("avx2", StringComparison.Ordinal) ? 2 * channels * 3 * 64 : channels * 3 * 64; // pairs of 16 bits
            Assert.Equal(whole, Bytes(8));
            Assert.Equal(channels * 3 * 64 / 2, Bytes(4));
            Assert.Equal(channels * 3 * 64 / (name == "avx512vnni" ? 4 : 2), Bytes(2));
        }
    }

    private static ProductProblem Deep(int bits, int depth) => new()
    {
        Channels = 1,
        SegmentBytes = depth,
        SegmentOffsets = [0],
        RowStride = 0,
        OutputStride = 4,
        Weights = new sbyte[depth],
        WeightBits = bits,
        Bias = [0],
        Epilogue = new StoreSums(),
    };

    private static byte[] Run(ProductTier tier, ProductProblem problem, byte[] image, int rows, int firstSegment, int segments)
    {
        using ProductKernel kernel = tier.Build(problem);
        byte[] output = new byte[rows * problem.OutputStride];
        fixed (byte* a = image)
        fixed (byte* y = output)
        {
            kernel.Run(a, y, new(1, rows, 0, 0), 0, kernel.Panels, firstSegment, segments);
        }

        return output;
    }

    private static ProductTier Supported(string name)
    {
        ProductTier tier = s_tiers.Single(t => t.Name == name);
        Assert.SkipUnless(tier.IsSupported(), $"this machine cannot run {name}");
        return tier;
    }
}
