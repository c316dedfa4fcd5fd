using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class WeightMethodTests
{
    [Fact]
    public void Round_to_nearest_is_the_definition_applied_to_each_element() =>
        WeightMethodContract.Any.Sample((weight, target) =>
        {
            float[] values = weight.Values.ToArray();
            var q = (AffineTensor)new RoundToNearest().Quantize(weight, target, LayerStatistics.None);
            int[] groups = [.. Enumerable.Range(0, values.Length).Select(i => target.Granularity.GroupOf(i, weight.Shape.AsSpan()))];
            return Enumerable.Range(0, values.Length).All(i =>
            {
                float[] group = [.. values.Where((_, j) => groups[j] == groups[i])];
                var p = AffineParameters.FromRange(group.Min(), group.Max(), target.Codes, target.Symmetric);
                return q.Code(i) == p.Quantize(values[i], target.Codes) && q.Scales[groups[i]] == p.Scale && q.ZeroPoints[groups[i]] == p.ZeroPoint;
            });
        });

    [Fact]
    public void Least_squares_never_errs_more_than_round_to_nearest() =>
        WeightMethodContract.Any.Sample((weight, target) =>
            SquaredError(weight, new OptimalMse().Quantize(weight, target, LayerStatistics.None))
            <= SquaredError(weight, new RoundToNearest().Quantize(weight, target, LayerStatistics.None)) * (1 + 1e-9));

    [Theory]
    [InlineData(2, 0.190174)]
    [InlineData(3, 0.0468600)]
    [InlineData(4, 0.0128894)]
    [InlineData(6, 0.0010693)]
    public void Least_squares_errs_on_normal_weights_as_the_best_quantizer_of_the_literature(int bits, double error)
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(1_000_000, seed: 1), 1000, 1000);
        QuantizedTensor q = new OptimalMse().Quantize(weight, new(new IntegerGrid(bits, signed: true).Narrow, true, Granularity.Tensor), LayerStatistics.None);
        Assert.InRange(SquaredError(weight, q) / weight.Values.Length, 0.97 * error, 1.03 * error);
    }

    [Fact]
    public void Least_squares_is_near_the_best_of_a_fine_search() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Int[2, 5]).Sample((seed, bits) =>
        {
            float[] values = Generators.Laplace(50, seed);
            IntegerGrid codes = new IntegerGrid(bits, signed: true).Narrow;
            WeightView weight = WeightMethodContract.View(values, 50);
            double found = SquaredError(weight, new OptimalMse().Quantize(weight, new(codes, true, Granularity.Tensor), LayerStatistics.None));
            double widest = values.Max(Math.Abs) / codes.Max;
            double best = Enumerable.Range(1, 4000).Min(k => values.Sum(w =>
                Math.Pow(w - (widest * k / 4000 * Math.Clamp(Math.Round(w / (widest * k / 4000)), codes.Min, codes.Max)), 2)));
            return found <= 1.03 * best;
        }, iter: 50);

    [Fact]
    public void Least_squares_clips_an_outlier_that_would_round_everything_else_to_zero()
    {
        float[] values = [.. Enumerable.Repeat(1f, 1000), 9];
        var q = (AffineTensor)new OptimalMse().Quantize(
            WeightMethodContract.View(values, 1001), new(new IntegerGrid(2, signed: true).Narrow, true, Granularity.Tensor), LayerStatistics.None);
        Assert.InRange(q.Scales[0], 1f, 1.9f);
        Assert.Equal(1, q.Code(0));
    }

    [Fact]
    public void A_free_zero_point_is_searched_too()
    {
        float[] values = [.. Generators.Normal(20_000, seed: 3).Select(x => x + 1.5f), 30];
        WeightView weight = WeightMethodContract.View(values, values.Length);
        var target = new WeightTarget(new(4, signed: false), Symmetric: false, Granularity.Tensor);
        double best = SquaredError(weight, new OptimalMse().Quantize(weight, target, LayerStatistics.None));
        double nearest = SquaredError(weight, new RoundToNearest().Quantize(weight, target, LayerStatistics.None));
        Assert.True(best < 0.5 * nearest, $"{best} against {nearest}");
    }

    [Fact]
    public void Finer_granularity_never_errs_more_with_the_best_scales()
    {
        WeightView weight = WeightMethodContract.View([.. Generators.Laplace(16 * 64, seed: 4).Select((x, i) => x * (1 + (i / 64)))], 16, 64);
        double[] errors = [.. new[] { Granularity.Tensor, Granularity.Channel(0), Granularity.Block(1, 32), Granularity.Block(1, 8) }
            .Select(g => SquaredError(weight, new OptimalMse().Quantize(weight, new(new IntegerGrid(4, signed: true).Narrow, true, g), LayerStatistics.None)))];
        Assert.Equal(errors.OrderDescending(), errors);
        Assert.True(errors[1] < 0.8 * errors[0]);
    }

    [Fact]
    public void Stochastic_rounding_is_right_on_average_and_takes_a_neighbour()
    {
        float[] values = [.. Enumerable.Repeat(0.3f, 100_000), 127];
        WeightView weight = WeightMethodContract.View(values, values.Length);
        var target = new WeightTarget(IntegerGrid.Int8.Narrow, Symmetric: true, Granularity.Tensor);
        var q = (AffineTensor)new StochasticRounding { Seed = 9 }.Quantize(weight, target, LayerStatistics.None);
        Assert.InRange(q.Codes().Take(100_000).Average(), 0.3 - 0.0073, 0.3 + 0.0073); // 5 standard errors
        Assert.All(q.Codes().Take(100_000), c => Assert.InRange(c, 0, 1));
        Assert.NotEqual(q.Codes(), ((AffineTensor)new StochasticRounding { Seed = 10 }.Quantize(weight, target, LayerStatistics.None)).Codes());
    }

    [Fact]
    public void A_power_of_two_scales_the_values_and_keeps_the_codes() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Bool, Gen.Int[1, 16]).Sample((seed, symmetric, bits) =>
        {
            const float K = 1f / (1 << 20);
            float[] values = Generators.Normal(64, seed);
            var target = new WeightTarget(new(bits, signed: true), symmetric, Granularity.Channel(0));
            Assert.All(WeightMethods.All.All, m =>
            {
                QuantizedTensor? once = WeightMethodContract.Quantize(m.Info.Id, WeightMethodContract.View(values, 4, 16), target);
                QuantizedTensor? scaled = WeightMethodContract.Quantize(m.Info.Id, WeightMethodContract.View([.. values.Select(x => K * x)], 4, 16), target);
                Assert.True(once is null || once.Dequantize().Select(v => K * v).SequenceEqual(scaled!.Dequantize()), m.Info.Id);
            });
        }, iter: 50);

    internal static double SquaredError(WeightView weight, QuantizedTensor q) =>
        weight.Values.ToArray().Zip(q.Dequantize(), (w, x) => Math.Pow((double)w - x, 2)).Sum();
}
