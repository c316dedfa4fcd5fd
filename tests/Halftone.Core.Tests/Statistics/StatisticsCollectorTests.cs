using Halftone.Statistics;

namespace Halftone.Core.Tests.Statistics;

public sealed class StatisticsCollectorTests
{
    private static readonly Gen<float> s_any = Gen.Frequency(
        (12, Generators.Value), (1, Gen.Const(float.NaN)), (1, Gen.Const(float.PositiveInfinity)),
        (1, Gen.Float[-3e38f, 3e38f]), (1, Gen.Const(float.Epsilon)), (1, Gen.Const(-float.Epsilon)), (1, Gen.Const(float.MinValue)));

    private static readonly Gen<float[][]> s_batches = s_any.Array[0, 40].Array[1, 5];

    [Fact]
    public void Moments_and_extremes_are_those_of_the_finite_values() =>
        s_batches.Sample(batches =>
        {
            TensorStatistics s = Collect(batches);
            double[] all = [.. batches.SelectMany(b => b).Where(float.IsFinite).Select(x => (double)x)];
            double scale = all.Length == 0 ? 0 : all.Max(Math.Abs);
            double mean = all.Length == 0 ? 0 : all.Average();
            double variance = all.Length == 0 ? 0 : all.Average(x => (x - mean) * (x - mean));
            return s.Count == all.Length
                && s.NonFinite == batches.Sum(b => b.Length) - all.Length
                && s.Zeros == all.Count(x => x == 0)
                && s.Min == all.DefaultIfEmpty(0).Min()
                && s.Max == all.DefaultIfEmpty(0).Max()
                && Math.Abs(s.Mean - mean) <= 1e-12 * scale
                && Math.Abs(s.MeanAbsolute - all.Select(Math.Abs).DefaultIfEmpty(0).Average()) <= 1e-12 * scale
                && Math.Abs(s.Variance - variance) <= 1e-12 * scale * scale;
        });

    [Fact]
    public void Every_value_is_in_the_bin_that_covers_it() =>
        s_batches.Sample(batches =>
        {
            Histogram h = Collect(batches).Histogram;
            var expected = batches.SelectMany(b => b).Where(float.IsFinite).CountBy(x => (int)Math.Floor(x / h.BinWidth)).ToDictionary();
            var actual = Enumerable.Range(0, h.Counts.Length).Where(i => h.Counts[i] > 0).ToDictionary(i => h.FirstBin + i, i => (int)h.Counts[i]);
            return expected.Count == actual.Count && expected.All(e => actual.GetValueOrDefault(e.Key) == e.Value)
                && (h.Counts.IsEmpty || (h.Counts[0] > 0 && h.Counts[^1] > 0));
        });

    [Fact]
    public void The_larger_side_of_zero_has_8192_to_16384_bins() =>
        Gen.Float[-1e30f, 1e30f].Where(x => Math.Abs(x) > 1e-20f).Sample(x =>
        {
            Histogram h = Collect([x, 0, x / 3]).Histogram;
            return Math.Abs(x) / h.BinWidth is >= 8192 and < 16384 && Math.Log2(h.BinWidth) % 1 == 0;
        });

    [Fact]
    public void The_histogram_does_not_depend_on_batches_or_their_order() =>
        Gen.Select(s_batches, Gen.Int[0, 1000]).Sample((batches, seed) =>
        {
            float[] all = [.. batches.SelectMany(b => b)];
            float[] shuffled = [.. all];
            new Random(seed).Shuffle(shuffled);
            Histogram once = Collect(all).Histogram;
            return Same(once, Collect(batches).Histogram) && Same(once, Collect([.. shuffled.Select(x => new[] { x })]).Histogram);
        });

    [Fact]
    public void Two_merged_are_the_one_of_all_batches() =>
        Gen.Select(s_batches, s_batches).Sample((first, second) =>
        {
            var left = Collector(first);
            left.Merge(Collector(second));
            TensorStatistics merged = left.Snapshot();
            TensorStatistics whole = Collect([.. first, .. second]);
            bool Near(double a, double b) => Math.Abs(a - b) <= 1e-9 * Math.Max(Math.Abs(whole.Min), Math.Abs(whole.Max));
            return Same(merged.Histogram, whole.Histogram)
                && merged.Count == whole.Count && merged.NonFinite == whole.NonFinite && merged.Zeros == whole.Zeros
                && merged.Min == whole.Min && merged.Max == whole.Max
                && Near(merged.MovingMin, whole.MovingMin) && Near(merged.MovingMax, whole.MovingMax)
                && Near(merged.AverageMin, whole.AverageMin) && Near(merged.AverageMax, whole.AverageMax)
                && Near(merged.Mean, whole.Mean) && Near(Math.Sqrt(merged.Variance), Math.Sqrt(whole.Variance));
        });

    [Fact]
    public void A_large_batch_counts_as_its_values_one_by_one()
    {
        float[] values = Generators.Normal(100_003, seed: 4); // several counters a bin
        float[] relu = [.. values.Select(x => Math.Max(x, 0))];
        foreach (float[] batch in new[] { values, relu, [.. values, float.NaN] })
        {
            Assert.True(Same(Collect(batch).Histogram, Collect([.. batch.Chunk(997)]).Histogram));
        }
    }

    [Fact]
    public void Moving_and_average_extremes_are_those_of_the_closed_form()
    {
        TensorStatistics s = Collect([[-1, 1], [-3, 2], [], [float.NaN], [-2, 6]]);
        Assert.Equal((((-1 * 0.99) - (3 * 0.01)) * 0.99) - (2 * 0.01), s.MovingMin, 1e-12);
        Assert.Equal((((1 * 0.99) + (2 * 0.01)) * 0.99) + (6 * 0.01), s.MovingMax, 1e-12);
        Assert.Equal(-2, s.AverageMin, 1e-12);
        Assert.Equal(3, s.AverageMax, 1e-12);
    }

    [Fact]
    public void Channels_are_followed_apart() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 4], Gen.OneOf(Gen.Int[1, 5], Gen.Int[17, 40]), Gen.Int[1, 2], Gen.Int[0, 9999]).Sample((outer, channels, inner, batches, seed) =>
        {
            var collector = new StatisticsCollector(channelAxis: 1);
            var random = new Random(seed);
            var all = Enumerable.Range(0, channels).Select(_ => new List<double>()).ToArray();
            for (int b = 0; b < batches; b++)
            {
                float[] values = [.. Enumerable.Range(0, outer * channels * inner).Select(_ => (float)random.NextDouble() - 0.3f)];
                values[^1] = b == 0 ? float.NaN : values[^1];
                collector.Add(values, [outer, channels, inner]);
                for (int i = 0; i < values.Length; i++)
                {
                    if (float.IsFinite(values[i]))
                    {
                        all[i / inner % channels].Add(values[i]);
                    }
                }
            }

            ChannelStatistics s = collector.Snapshot().Channels!;
            return s.Count == all.Max(c => c.Count) && Enumerable.Range(0, channels).All(c =>
                all[c].Count == 0 ? s.Min[c] == 0 && s.Variance[c] == 0
                : s.Min[c] == all[c].Min() && s.Max[c] == all[c].Max() && Math.Abs(s.Mean[c] - all[c].Average()) < 1e-9
                && Math.Abs(s.Variance[c] - all[c].Average(x => Math.Pow(x - all[c].Average(), 2))) < 1e-9);
        });

    [Theory]
    [InlineData(new float[0])]
    [InlineData(new[] { float.NaN, float.NegativeInfinity })]
    public void Nothing_to_count_gives_zeros(float[] values)
    {
        TensorStatistics s = Collect(values);
        Assert.Equal((0L, values.Length, 0.0, 0.0, 0.0, 0.0), (s.Count, (int)s.NonFinite, s.Min, s.Max, s.Mean, s.Variance));
        Assert.Empty(s.Histogram.Counts);
    }

    [Theory]
    [InlineData(0.1f)]
    [InlineData(-3f)]
    [InlineData(1e38f)]
    [InlineData(1e-44f)]
    public void A_constant_has_no_variance(float value)
    {
        TensorStatistics s = Collect([.. Enumerable.Repeat(value, 10_001)]);
        Assert.Equal((value, value, value, 0.0), (s.Min, s.Max, s.Mean, s.Variance));
        Assert.Equal([10_001L], s.Histogram.Counts);
    }

    [Fact]
    public void Refuses_a_shape_that_does_not_fit()
    {
        Assert.Throws<ArgumentException>(() => new StatisticsCollector(1).Add(new float[4], [2, 3]));
        Assert.Throws<ArgumentException>(() => new StatisticsCollector(2).Add(new float[4], [2, 2]));
        Assert.Throws<InvalidOperationException>(() => new StatisticsCollector(0).Add(new float[4]));
        var collector = new StatisticsCollector(0);
        collector.Add(new float[4], [2, 2]);
        Assert.Throws<ArgumentException>(() => collector.Add(new float[6], [3, 2]));
    }

    public static TensorStatistics Collect(params float[][] batches) => Collector(batches).Snapshot();

    private static StatisticsCollector Collector(float[][] batches)
    {
        var collector = new StatisticsCollector();
        foreach (float[] batch in batches)
        {
            collector.Add(batch);
        }

        return collector;
    }

    private static bool Same(Histogram a, Histogram b) => a.BinWidth == b.BinWidth && a.FirstBin == b.FirstBin && a.Counts.SequenceEqual(b.Counts);
}
