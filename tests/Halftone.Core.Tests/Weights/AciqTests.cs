using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Ranges;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class AciqTests
{
    [Fact]
    public void Levels_are_shared_out_as_brute_force_over_integers_finds()
    {
        double[] spreads = [1, 2, 4, 0.5];
        double[] levels = BitAllocation.Levels(spreads, 64);
        Assert.Equal([11.16, 17.71, 28.11, 7.03], levels.Select(b => Math.Round(b, 2)));
        (double least, int[] best) = (double.PositiveInfinity, []);
        for (int a = 1; a < 62; a++)
        {
            for (int b = 1; a + b < 63; b++)
            {
                for (int c = 1; a + b + c < 64; c++)
                {
                    int[] tried = [a, b, c, 64 - a - b - c];
                    double error = tried.Zip(spreads, (n, s) => s * s / n / n).Sum();
                    (least, best) = error < least ? (error, tried) : (least, best);
                }
            }
        }

        Assert.Equal([11, 18, 28, 7], best);
        Assert.All(levels.Zip(best), p => Assert.InRange(p.First, p.Second - 0.6, p.Second + 0.6));
    }

    [Fact]
    public void Bits_have_the_mean_asked_for() =>
        Gen.Select(Gen.Double[0.001, 10].Array[8, 100], Gen.Int[2, 6]).Sample((spreads, mean) =>
        {
            int[] bits = BitAllocation.Bits(spreads, mean);
            return Math.Abs(bits.Average() - mean) <= 0.35 && bits.All(b => b is >= 0 and <= 8)
                && spreads.Zip(bits).OrderBy(p => p.First).Select(p => p.Second).Zip(spreads.Zip(bits).OrderBy(p => p.First).Skip(1).Select(p => p.Second), (x, y) => x <= y).All(x => x);
        });

    [Fact]
    public void Equal_spreads_get_equal_bits_and_none_is_no_failure()
    {
        Assert.Equal([4, 4, 4], BitAllocation.Bits([2, 2, 2], 4));
        Assert.Equal([4, 4], BitAllocation.Bits([0, 0], 4));
        Assert.Empty(BitAllocation.Bits([], 4));
        Assert.Equal(0, BitAllocation.Bits([0, 1, 1, 1], 4)[0]);
    }

    [Fact]
    public void Allocated_bits_err_less_than_equal_ones_and_store_as_much()
    {
        float[] values = [.. Generators.Normal(32 * 64, seed: 1).Select((v, i) => v * MathF.Pow(2, i / 64 % 6))];
        WeightView weight = WeightMethodContract.View(values, 32, 64);
        var target = new WeightTarget(new IntegerGrid(4, signed: true), true, Granularity.Channel(0));
        QuantizedTensor shared = new Aciq { Correct = false }.Quantize(weight, target, LayerStatistics.None);
        QuantizedTensor equal = new Aciq { Correct = false, AllocatedUpTo = 0 }.Quantize(weight, target, LayerStatistics.None);
        Assert.True(Errors.Squared(weight, shared) < 0.6 * Errors.Squared(weight, equal), $"{Errors.Squared(weight, shared)} against {Errors.Squared(weight, equal)}");
        Assert.InRange(shared.StorageBits, 0.95 * equal.StorageBits, 1.05 * equal.StorageBits);
    }

    // table of multipliers, recomputed; a / b e^(a / b) = 3 4^M
    [Theory]
    [InlineData(0, 1.04991, 0.76578)]
    [InlineData(2, 2.83068, 1.71064)]
    [InlineData(3, 3.89723, 2.15159)]
    [InlineData(4, 5.02864, 2.55914)]
    [InlineData(8, 9.89676, 3.92403)]
    public void Multipliers_are_those_of_the_closed_forms(int bits, double laplace, double gauss)
    {
        double a = AnalyticClipping.LaplaceMultiplier(1 << bits);
        Assert.Equal(laplace, a, 1e-5);
        Assert.Equal(3 * Math.Pow(4, bits), a * Math.Exp(a), 1e-6 * Math.Pow(4, bits));
        Assert.Equal(gauss, AnalyticClipping.GaussMultiplier(1 << bits), 1e-5);
    }

    // the clip is not quite where the quantizer errs least
    [Theory]
    [InlineData(3, 1.05)]
    [InlineData(4, 1.05)]
    public void The_analytic_clip_errs_little_more_than_the_best(int bits, double most)
    {
        IntegerGrid codes = new IntegerGrid(bits, signed: true).Narrow;
        double[] levels = [.. Enumerable.Range(0, codes.Max + 1).Select(k => (double)k)];
        foreach ((float[] values, double clip) in new[] { (Generators.LaplacePoints, AnalyticClipping.LaplaceMultiplier(1 << bits)), (Generators.NormalPoints, AnalyticClipping.GaussMultiplier(1 << bits)) })
        {
            double best = ScaleProjection.Best(values, levels, levels).SquaredError;
            Assert.InRange(AffineSpan.SquaredError(values, new((float)(clip / codes.Max), 0), codes) / best, 1, most);
        }
    }

    [Fact]
    public void Bits_of_nothing_and_constants_give_the_mean()
    {
        QuantizedTensor q = new Aciq().Quantize(WeightMethodContract.View([2, 2, 2, 2, 1, 5, 1, 5], 2, 4), new(new IntegerGrid(2, true), true, Granularity.Channel(0)), LayerStatistics.None);
        Assert.Equal([2, 2, 2, 2, 1, 5, 1, 5], q.Dequantize());
    }
}
