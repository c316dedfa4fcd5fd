using Halftone.Activations;
using Halftone.Core.Tests.Statistics;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

/// <summary>Ternary and binary weights, SAWB, the projection of ADMM, ABC-Net and LQ-Nets.</summary>
public sealed class FewBitsTests
{
    private static readonly WeightView s_normal = WeightMethodContract.View(Generators.NormalPoints, 20_000);
    private static readonly WeightView s_laplace = WeightMethodContract.View(Generators.LaplacePoints, 20_000);
    private static readonly WeightView s_uniform = WeightMethodContract.View([.. Enumerable.Range(0, 20_000).Select(i => (i + 0.5f) / 10_000 - 1)], 20_000);

    private static WeightTarget Target(int bits) => new(new IntegerGrid(bits, signed: true), true, Granularity.Tensor);

    private static double Error(IWeightMethod method, int bits, WeightView weight) => Errors.Relative(weight, method.Quantize(weight, Target(bits), LayerStatistics.None));

    [Fact]
    public void Ternary_weights_err_as_published_and_the_exact_threshold_less()
    {
        Assert.Equal([0.1917, 0.1116, 0.2807], new[] { s_normal, s_uniform, s_laplace }.Select(w => Error(new Twn(), 2, w)), (x, y) => Math.Abs(x - y) < 0.002);
        Assert.Equal([0.1903, 0.1112, 0.2627], new[] { s_normal, s_uniform, s_laplace }.Select(w => Error(new Twn { Exact = true }, 2, w)), (x, y) => Math.Abs(x - y) < 0.002);

        // Delta / E|w| of the best threshold
        foreach ((WeightView weight, double ratio) in new[] { (s_normal, 0.765), (s_uniform, 0.666), (s_laplace, 0.998) })
        {
            double alpha = ((AffineTensor)new Twn { Exact = true }.Quantize(weight, Target(2), LayerStatistics.None)).Scales[0];
            Assert.InRange(alpha / 2 / weight.Values.ToArray().Average(v => Math.Abs((double)v)), 0.98 * ratio, 1.02 * ratio);
        }
    }

    [Fact]
    public void What_ternary_weights_leave_is_the_closed_form() =>
        Gen.Int[0, 1000].Sample(seed =>
        {
            WeightView weight = WeightMethodContract.View(Generators.Laplace(60, seed), 60);
            var q = (AffineTensor)new Twn().Quantize(weight, Target(2), LayerStatistics.None);
            double[] kept = [.. weight.Values.ToArray().Where((_, i) => q.Code(i) != 0).Select(v => Math.Abs((double)v))];
            double expected = weight.Values.ToArray().Sum(v => (double)v * v) - (kept.Sum() * kept.Sum() / kept.Length);
            return Math.Abs(Errors.Squared(weight, q) - expected) < 1e-5;
        }, iter: 100);

    [Fact]
    public void Binary_weights_take_the_scale_that_errs_least()
    {
        WeightView weight = WeightMethodContract.View(Generators.Laplace(4 * 30, seed: 1), 4, 30);
        var q = (BinaryBasisTensor)new Bwn().Quantize(weight, Target(1) with { Granularity = Granularity.Channel(0) }, LayerStatistics.None);
        double error = Errors.Squared(weight, q);
        Assert.Equal(weight.Values.ToArray().Sum(v => (double)v * v) - q.Scales.Sum(a => 30.0 * a * a), error, 1e-4);
        foreach (float by in new[] { 0.99f, 1.01f })
        {
            Assert.True(Errors.Squared(weight, new BinaryBasisTensor(q.Shape, q.Granularity, [.. q.Scales.Select(a => a * by)], q.Basis(0))) > error);
        }

        Assert.Equal(120 + (4 * 32), q.StorageBits);
        Assert.Equal(0.36338, Error(new Bwn(), 1, s_normal), 0.001);
    }

    [Theory]
    [InlineData(2, false, 1.006)]
    [InlineData(2, true, 1.006)]
    [InlineData(3, false, 1.011)]
    [InlineData(4, false, 1.016)]
    [InlineData(4, true, 1.011)]
    public void Sawb_errs_little_more_than_the_best_clip_and_much_less_than_the_range(int bits, bool zeroAligned, double most)
    {
        foreach (WeightView weight in new[] { s_normal, s_uniform, s_laplace })
        {
            double[] levels = zeroAligned ? [.. Enumerable.Range(0, 1 << (bits - 1)).Select(k => (double)k)] : [.. Enumerable.Range(0, 1 << (bits - 1)).Select(k => k + 0.5)];
            double best = ScaleProjection.Best(weight.Values.Span, levels, levels).SquaredError;
            double error = Errors.Squared(weight, new Sawb { ZeroAligned = zeroAligned }.Quantize(weight, Target(bits), LayerStatistics.None));
            Assert.InRange(error / best, 1 - 1e-6, most);
        }
    }

    [Fact]
    public void Sawb_has_the_alpha_of_the_closed_form()
    {
        // 3.12 S / E - 2.064 with S / E = 1.2528 and the square root of 2: 1.845 and 2.342 (of the range to the outermost level)
        double Ratio(WeightView w) => w.Values.ToArray().Average(v => Math.Abs((double)v)) is var mean ? new Sawb().Quantize(w, Target(2), LayerStatistics.None).Dequantize().Max() / mean : 0;
        Assert.Equal(1.845, Ratio(s_normal), 0.003);
        Assert.Equal(2.342, Ratio(s_laplace), 0.02);
        Assert.Equal(8, new Sawb().Quantize(s_normal, Target(3), LayerStatistics.None).Dequantize().Distinct().Count());
    }

    [Theory]
    [InlineData(2, null, 0.190)]
    [InlineData(3, 1, 0.082)]
    [InlineData(3, null, 0.047)]
    public void The_projection_onto_powers_of_two_errs_as_published(int bits, int? power, double error)
    {
        Assert.InRange(Error(new Admm { LargestPower = power }, bits, s_normal), 0.985 * error, 1.015 * error);
        var q = (AffineTensor)new Admm { LargestPower = power }.Quantize(s_normal, Target(bits), LayerStatistics.None);
        Assert.All(q.Codes().Distinct(), c => Assert.Contains(Math.Abs(c), new[] { 0, 1, 2, 4 }));
        Assert.Equal((bits * 20_000) + 32, q.StorageBits);
    }

    [Fact]
    public void Alternation_never_errs_less_than_the_exact_projection_and_more_starts_no_more_than_one()
    {
        (double worst, double mean) = (0, 0);
        for (int seed = 0; seed < 200; seed++)
        {
            WeightView weight = WeightMethodContract.View(Generators.Normal(40, seed), 40);
            (double exact, double one, double many) = (Error(new Admm(), 3, weight), Error(new Admm { Starts = 1 }, 3, weight), Error(new Admm { Starts = 8 }, 3, weight));
            Assert.True(one >= exact * (1 - 1e-6) && many >= exact * (1 - 1e-6) && many <= one * (1 + 1e-6));
            (worst, mean) = (Math.Max(worst, one / exact), mean + (one / exact / 200));
        }

        Assert.InRange(worst, 1.5, 4); // one start from the mean: 1.4 on average, 2.4 at worst
        Assert.InRange(mean, 1.15, 1.8);
    }

    [Fact]
    public void The_projection_of_a_projection_is_itself()
    {
        QuantizedTensor once = new Admm().Quantize(WeightMethodContract.View(Generators.Laplace(100, seed: 2), 100), Target(3), LayerStatistics.None);
        QuantizedTensor twice = new Admm().Quantize(WeightMethodContract.View(once.Dequantize(), 100), Target(3), LayerStatistics.None);
        Assert.Equal(once.Dequantize(), twice.Dequantize(), (x, y) => Math.Abs(x - y) <= 1e-6 * Math.Abs(x));
    }

    [Theory]
    [InlineData(1, 0.3634)]
    [InlineData(2, 0.2627)]
    [InlineData(3, 0.1185)]
    [InlineData(4, 0.0888)]
    [InlineData(5, 0.0781)]
    public void Binary_bases_err_as_published_and_less_than_equal_shares(int bases, double error)
    {
        Assert.InRange(Error(new AbcNet(), bases, s_normal), 0.985 * error, 1.015 * error);
        var q = (BinaryBasisTensor)new AbcNet().Quantize(s_normal, Target(bases), LayerStatistics.None);
        ulong[] words = [.. Enumerable.Range(0, bases).SelectMany(m => q.Basis(m).ToArray())];
        float share = (float)(s_normal.Values.ToArray().Average(v => Math.Abs((double)v)) / bases);
        Assert.True(Error(new AbcNet(), bases, s_normal) <= 1e-6 + Errors.Relative(s_normal, new BinaryBasisTensor(q.Shape, q.Granularity, [.. Enumerable.Repeat(share, bases)], words)));
        Assert.Equal((bases * 20_000) + (32 * bases), q.StorageBits);
    }

    [Theory]
    [InlineData(1, 0.363)]
    [InlineData(2, 0.118)]
    [InlineData(3, 0.0372)]
    [InlineData(4, 0.0116)]
    public void Learned_levels_err_as_their_fixed_points_do(int bits, double error) =>
        Assert.InRange(Error(new LqNets(), bits, s_normal), 0.98 * error, 1.02 * error);

    [Fact]
    public void Learned_levels_of_normal_weights_are_those_published()
    {
        float[] v = [.. ((BinaryBasisTensor)new LqNets().Quantize(s_normal, Target(2), LayerStatistics.None)).Scales.Order()];
        Assert.Equal(0.528, v[0], 0.005);
        Assert.Equal(0.979, v[1], 0.005);
    }

    [Fact]
    public void No_half_turn_of_the_learned_levels_raises_the_error() =>
        Gen.Select(Gen.Double[-3, 3].Array[1, 60], Gen.Double[-2, 2].Array[1, 4], Gen.Bool).Sample((values, v, signed) =>
        {
            var levels = new BinaryLevels(values, [], signed);
            double nearest = values.Sum(x => BinaryLevels.Of(v, signed).Min(l => (x - l.Level) * (x - l.Level)));
            return Math.Abs(nearest - levels.SquaredError(v)) < 1e-9 && levels.SquaredError(levels.Turn(v)) <= nearest + 1e-9 && levels.SquaredError(levels.Fit(v)) <= levels.SquaredError(levels.Turn(v)) + 1e-9;
        });

    // ReLU of a normal distribution
    [Theory]
    [InlineData(1, 0.0952)]
    [InlineData(2, 0.0234)]
    [InlineData(3, 0.0064)]
    [InlineData(4, 0.0018)]
    public void Learned_levels_of_activations_err_as_their_fixed_points_do(int bits, double error)
    {
        float[] values = [.. Generators.NormalPoints.Select(v => Math.Max(v, 0))];
        var levels = (Levels)new LqNetsActivation().Choose(StatisticsCollectorTests.Collect(values), bits);
        Assert.Equal(1 << bits, levels.Values.Length);
        Assert.InRange(values.Average(v => Math.Pow(v - levels.Quantize(v), 2)), 0.96 * error, 1.04 * error);
    }

    [Fact]
    public void Binary_bases_of_activations_err_less_with_each_base_and_no_more_than_evenly_spread_ones()
    {
        foreach (bool relu in new[] { true, false })
        {
            float[] values = [.. Generators.NormalPoints.Select(v => relu ? Math.Max(v, 0) : v)];
            double before = values.Average(v => (double)v * v);
            for (int bases = 1; bases <= 5; bases++)
            {
                var made = (BinaryBases)new AbcNetActivation().Choose(StatisticsCollectorTests.Collect(values), bases);
                double error = values.Average(v => Math.Pow(v - made.Quantize(v), 2));
                Assert.True(error < before, $"{bases}: {error} against {before}");
                before = error;
                Assert.Equal(bases, made.Betas.Length);
            }

            // N bases of which one is constant have N levels; Lloyd and Max's five leave 0.0799 of a normal distribution
            Assert.True(relu || before < 0.082, $"{before}");
        }
    }
}
