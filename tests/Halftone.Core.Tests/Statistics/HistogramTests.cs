using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Core.Tests.Statistics;

public sealed class HistogramTests
{
    [Fact]
    public void Quantiles_are_near_those_of_the_sorted_values()
    {
        float[] values = Generators.Laplace(1_000_000, seed: 1);
        Histogram h = StatisticsCollectorTests.Collect(values).Histogram;
        Array.Sort(values);
        foreach (double share in new[] { 0.0001, 0.01, 0.3, 0.7, 0.99, 0.9999 })
        {
            double exact = values[(int)(share * values.Length)];
            Assert.InRange(h.Quantile(share), exact - (0.005 * Math.Abs(exact)), exact + (0.005 * Math.Abs(exact)));
        }
    }

    [Fact]
    public void Folding_and_merging_keep_every_count() =>
        Gen.Select(Gen.Int[-20, 20], Gen.Long[0, 9].Array[1, 30], Gen.Int[1, 7]).Sample((first, counts, factor) =>
        {
            var h = new Histogram(1, first, [.. counts]);
            Histogram merged = h.Merged(factor);
            Histogram folded = h.Absolute();
            return Enumerable.Range(first, counts.Length).CountByWeight(b => (int)Math.Floor((double)b / factor), b => counts[b - first])
                    .SequenceEqual(Occupied(merged))
                && Enumerable.Range(first, counts.Length).CountByWeight(b => (int)Math.Floor(Math.Abs(b + 0.5)), b => counts[b - first])
                    .SequenceEqual(Occupied(folded));
        });

    [Fact]
    public void The_expected_error_is_that_of_the_values() =>
        Gen.Select(Gen.Int[1, 8], Gen.Bool, Gen.Double[0.1, 1], Gen.Double[1, 4], Gen.Bool).Sample((bits, symmetric, share, power, relu) =>
        {
            float[] values = Generators.Normal(20_000, seed: 2);
            values = relu ? [.. values.Select(x => Math.Max(x, 0))] : values;
            TensorStatistics s = StatisticsCollectorTests.Collect(values);
            var codes = new IntegerGrid(bits, signed: symmetric);
            var p = AffineParameters.FromRange(share * s.Min, share * s.Max, codes, symmetric);
            double exact = values.Average(x => Math.Pow(Math.Abs((double)x - p.Dequantize(p.Quantize(x, codes))), power));
            return Math.Abs(ExpectedError.Mean(s, p, codes, power) - exact) <= 0.01 * exact;
        }, iter: 60);

    // table of optimal uniform quantizers of a normal distribution (Max 1960); restricted codes at their best step
    [Theory]
    [InlineData(2, 1.22401, 0.190174)]
    [InlineData(4, 0.35341, 0.0128894)]
    [InlineData(8, 0.03087, 0.0000883)]
    public void The_expected_error_of_a_normal_distribution_is_that_of_the_literature(int bits, double step, double error)
    {
        TensorStatistics s = StatisticsCollectorTests.Collect(Generators.Normal(1_000_000, seed: 3));
        double mean = ExpectedError.Mean(s, new((float)step, 0), new IntegerGrid(bits, signed: true).Narrow);
        Assert.InRange(mean, 0.99 * error, 1.01 * error);
    }

    private static IEnumerable<KeyValuePair<int, long>> Occupied(Histogram h) =>
        Enumerable.Range(h.FirstBin, h.Counts.Length).CountByWeight(b => b, b => h.Counts[b - h.FirstBin]);
}

file static class Sums
{
    public static IEnumerable<KeyValuePair<int, long>> CountByWeight(this IEnumerable<int> bins, Func<int, int> key, Func<int, long> weight) =>
        bins.AggregateBy(key, 0L, (sum, bin) => sum + weight(bin)).Where(e => e.Value != 0).OrderBy(e => e.Key);
}
