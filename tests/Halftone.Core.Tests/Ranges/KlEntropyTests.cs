using Halftone.Core.Tests.Statistics;
using Halftone.Numerics;
using Halftone.Ranges;

namespace Halftone.Core.Tests.Ranges;

public sealed class KlEntropyTests
{
    private static readonly QuantizationGrid s_int8 = new(IntegerGrid.Int8.Narrow, Symmetric: true);

    // two histograms and what the published programs answer to them
    private static readonly long[] s_a = Counts(i => Math.Floor(1e6 * Math.Exp(-i / 150.0)) + (i is 1500 or 1800 or 2047 ? 40 : 0));
    private static readonly long[] s_b = Counts(i => Math.Floor(2e5 * Math.Exp(-Math.Pow(i / 300.0, 2) / 2)) + (i >= 1300 && (i - 1300) % 7 == 0 ? 3 : 0));

    [Fact]
    public void The_histograms_are_those_of_the_goldens()
    {
        Assert.Equal(150499456, s_a.Sum());
        Assert.Equal((75298375, 1563), (s_b.Sum(), s_b.Count(c => c > 0)));
    }

    [Fact]
    public void The_slides_choose_their_windows()
    {
        AssertWindow(1663, 3.1184e-4, KlSearch.Slides(s_a, 128, 128));
        AssertWindow(1407, 6.2398e-5, KlSearch.Slides(s_b, 128, 128));
    }

    [Theory]
    [InlineData(128, 1664, 3.6152e-4, 1414, 7.3994e-5)]
    [InlineData(256, 1804, 1.0363e-4, 1539, 2.6213e-5)]
    [InlineData(8, 928, .031949, 1057, 9.0686e-3)]
    public void NVIDIA_chooses_its_windows(int levels, int windowA, double divergenceA, int windowB, double divergenceB)
    {
        AssertWindow(windowA, divergenceA, KlSearch.Nvidia(s_a, levels, 128));
        AssertWindow(windowB, divergenceB, KlSearch.Nvidia(s_b, levels, 128));
    }

    [Fact]
    public void ONNX_Runtime_chooses_its_windows()
    {
        Assert.Equal(1612, KlSearch.OnnxRuntime(Mirrored(s_a), 128).Half);
        Assert.Equal(1415, KlSearch.OnnxRuntime(Mirrored(s_b), 128).Half);
    }

    [Fact]
    public void ONNX_Runtime_has_no_choice_with_its_default_of_128_bins() =>
        Assert.Equal(64, KlSearch.OnnxRuntime(Mirrored([.. s_a.Chunk(32).Select(c => c.Sum())]), 128).Half);

    [Fact]
    public void Evenly_spread_values_are_not_clipped()
    {
        (int window, double divergence) = KlSearch.Slides([.. Enumerable.Repeat(100L, 2048)], 128, 128);
        Assert.Equal(2048, window);
        Assert.Equal(0, divergence, 1e-12);
    }

    [Fact]
    public void The_divergence_is_that_of_its_definition() =>
        Gen.Select(Gen.OneOf(Gen.Const(0L), Gen.Long[0, 50]).Array[40, 90], Gen.Int[1, 16]).Sample((counts, levels) =>
        {
            (int window, double divergence) = KlSearch.Slides(counts, levels, levels);
            (int Window, double Divergence) brute = (counts.Length, double.PositiveInfinity);
            for (int i = levels; i <= counts.Length; i++)
            {
                double kl = Divergence(counts, i, levels);
                brute = kl < brute.Divergence - 1e-12 ? (i, kl) : brute;
            }

            return double.IsInfinity(brute.Divergence)
                ? double.IsInfinity(divergence)
                : Math.Abs(divergence - brute.Divergence) < 1e-9 && Math.Abs(Divergence(counts, window, levels) - divergence) < 1e-9;
        });

    [Theory]
    [InlineData(2, 0.02)]
    [InlineData(3, 0.02)]
    [InlineData(5, 0.02)]
    [InlineData(10, 0.05)] // half the bins are left
    public void One_outlier_hardly_moves_the_range(int times, double slack)
    {
        float[] values = [.. Generators.Normal(1_000_000, seed: 1).Select(Math.Abs)];
        double clean = new KlEntropy().Estimate(StatisticsCollectorTests.Collect(values), s_int8).Max;
        double spoilt = new KlEntropy().Estimate(StatisticsCollectorTests.Collect([.. values, times * values.Max()]), s_int8).Max;
        Assert.InRange(clean, 3.8, 5);
        Assert.InRange(spoilt, (1 - slack) * clean, (1 + slack) * clean);
    }

    [Theory]
    [InlineData(KlVariant.Slides)]
    [InlineData(KlVariant.Nvidia)]
    [InlineData(KlVariant.OnnxRuntime)]
    public void Every_variant_clips_a_long_tail_and_keeps_the_bulk(KlVariant variant)
    {
        float[] values = Generators.Laplace(200_000, seed: 2);
        ClipRange range = new KlEntropy { Variant = variant }.Estimate(StatisticsCollectorTests.Collect(values), s_int8);
        Assert.InRange(range.Max, 5, 0.98 * values.Max());
    }

    [Fact]
    public void Zeros_of_a_ReLU_do_not_move_the_range()
    {
        float[] values = [.. Generators.Normal(100_000, seed: 3).Select(Math.Abs)];
        double without = new KlEntropy().Estimate(StatisticsCollectorTests.Collect(values), s_int8).Max;
        Assert.Equal(without, new KlEntropy().Estimate(StatisticsCollectorTests.Collect([.. values, .. new float[900_000]]), s_int8).Max);
    }

    [Fact]
    public void Few_distinct_values_are_not_clipped()
    {
        float[] values = [.. Enumerable.Range(0, 1000).Select(i => i % 50 / 8f)];
        Assert.Equal(new ClipRange(0, 49 / 8.0), new KlEntropy().Estimate(StatisticsCollectorTests.Collect(values), s_int8));
    }

    private static double Divergence(long[] counts, int i, int levels)
    {
        double[] p = [.. counts.Take(i).Select(c => (double)c)];
        p[^1] += counts.Skip(i).Sum();
        var q = new double[i];
        int width = i / levels;
        for (int g = 0; g < levels; g++)
        {
            int[] group = [.. Enumerable.Range(g * width, (g == levels - 1 ? i : (g + 1) * width) - (g * width))];
            double average = group.Sum(j => (double)counts[j]) / Math.Max(group.Count(j => p[j] > 0), 1);
            foreach (int j in group.Where(j => p[j] > 0))
            {
                q[j] = average;
            }
        }

        (double sumP, double sumQ) = (p.Sum(), q.Sum());
        return sumQ == 0 ? double.PositiveInfinity : p.Zip(q, (a, b) => a == 0 ? 0 : a / sumP * Math.Log(a / sumP / (b / sumQ))).Sum();
    }

    private static void AssertWindow(int window, double divergence, (int Window, double Divergence) actual)
    {
        Assert.Equal(window, actual.Window);
        Assert.Equal(divergence, actual.Divergence, 1e-4 * divergence);
    }

    private static long[] Counts(Func<int, double> count) => [.. Enumerable.Range(0, 2048).Select(i => (long)count(i))];

    private static long[] Mirrored(long[] counts) => [.. counts.Reverse(), .. counts];
}
