using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class HashedNetsTests
{
    private static readonly WeightTarget s_target = new(IntegerGrid.Int8, true, Granularity.Tensor);

    [Fact]
    public void Places_hash_to_the_same_buckets_and_signs_everywhere()
    {
        // SplitMix64 of seed 7 at 0..9, computed apart from this code
        var hashed = new HashedTensor([10], [.. new float[1000]], seed: 7);
        Assert.Equal([455, 721, 649, 549, 604, 348, 182, 915, 901, 863], Enumerable.Range(0, 10).Select(hashed.BucketOf));
        Assert.Equal([1, 1, -1, 1, 1, -1, -1, -1, -1, -1], Enumerable.Range(0, 10).Select(hashed.SignOf));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(12345)]
    public void Buckets_are_evenly_full_and_signs_know_nothing_of_them(int seed)
    {
        const int Buckets = 50;
        const int Elements = 100_000;
        var hashed = new HashedTensor([Elements], [.. new float[Buckets]], seed);
        var cells = new int[Buckets, 2];
        for (int i = 0; i < Elements; i++)
        {
            cells[hashed.BucketOf(i), hashed.SignOf(i) > 0 ? 1 : 0]++;
        }

        // chi-square of n degrees of freedom has mean n and variance 2 n; within 4 standard deviations
        double full = Enumerable.Range(0, Buckets).Sum(b => Math.Pow(cells[b, 0] + cells[b, 1] - (Elements / Buckets), 2) / (Elements / Buckets));
        Assert.InRange(full, 0, 49 + (4 * Math.Sqrt(2 * 49)));
        double plus = Enumerable.Range(0, Buckets).Sum(b => cells[b, 1]) / (double)Elements;
        double dependent = Enumerable.Range(0, Buckets).Sum(b =>
        {
            double expected = (cells[b, 0] + cells[b, 1]) * plus;
            double rest = cells[b, 0] + cells[b, 1] - expected;
            return (Math.Pow(cells[b, 1] - expected, 2) / expected) + (Math.Pow(cells[b, 0] - rest, 2) / rest);
        });
        Assert.InRange(dependent, 0, 49 + (4 * Math.Sqrt(2 * 49)));
    }

    [Fact]
    public void No_other_buckets_err_less() =>
        Gen.Select(Generators.Value.Array[1, 60], Gen.Int[1, 10], Gen.Int[0, 100]).SelectMany((values, compression, seed) =>
            Gen.Float[-1, 1].Array[Math.Max(1, values.Length / compression)].Select(step => (values, compression, seed, step))).Sample((values, compression, seed, step) =>
        {
            WeightView weight = WeightMethodContract.View(values, values.Length);
            var q = (HashedTensor)new HashedNets { Compression = compression, Seed = seed }.Quantize(weight, s_target, LayerStatistics.None);
            Assert.Equal(step.Length, q.Buckets.Length);
            var moved = new HashedTensor(q.Shape, [.. q.Buckets.Zip(step, (b, s) => b + s)], seed);
            return WeightMethodTests.SquaredError(weight, q) <= WeightMethodTests.SquaredError(weight, moved) * (1 + 1e-6);
        });

    [Fact]
    public void Without_training_only_a_share_of_the_squares_is_left()
    {
        // projection of N values on N / 8 directions that have nothing to do with them keeps an eighth
        WeightView weight = WeightMethodContract.View(Generators.Normal(40_000, seed: 1), 200, 200);
        QuantizedTensor q = new HashedNets().Quantize(weight, s_target, LayerStatistics.None);
        double squares = weight.Values.ToArray().Sum(v => (double)v * v);
        Assert.InRange(WeightMethodTests.SquaredError(weight, q) / squares, 0.86, 0.89);
        Assert.Equal((32 * 5000) + 32, q.StorageBits);
    }
}
