using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class OmseTests
{
    private static readonly WeightTarget s_tensor = new(new IntegerGrid(4, signed: true).Narrow, true, Granularity.Tensor);

    [Fact]
    public void Never_errs_more_than_the_search_by_steps() =>
        WeightMethodContract.Any.Sample((weight, target) =>
            Errors.Squared(weight, new Omse().Quantize(weight, target, LayerStatistics.None))
            <= Errors.Squared(weight, new OptimalMse().Quantize(weight, target, LayerStatistics.None)) * (1 + 1e-9));

    [Fact]
    public void Errs_less_than_the_search_by_steps_where_a_group_is_small()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(64 * 27, seed: 1), 64, 27);
        WeightTarget target = s_tensor with { Granularity = Granularity.Channel(0) };
        double steps = Errors.Squared(weight, new OptimalMse().Quantize(weight, target, LayerStatistics.None));
        Assert.True(Errors.Squared(weight, new Omse().Quantize(weight, target, LayerStatistics.None)) < 0.999 * steps);
    }

    [Fact]
    public void Two_terms_err_half_a_percent_of_one_and_less_than_two_found_one_after_the_other()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(576, seed: 2), 1, 576);
        double one = Errors.Relative(weight, new Omse().Quantize(weight, s_tensor, LayerStatistics.None));
        QuantizedTensor two = new Omse { DualAbove = 0 }.Quantize(weight, s_tensor, LayerStatistics.None);
        double greedy = Errors.Relative(weight, new MultiPoint { Epsilon = 0, Pmax = 2 }.Quantize(weight, s_tensor, LayerStatistics.None));
        Assert.InRange(one, 0.0095, 0.0135);
        Assert.InRange(Errors.Relative(weight, two), 3e-5, 8e-5);
        Assert.InRange(greedy, 2e-4, 5e-4);
        Assert.Equal((2 * 4 * 576) + (2 * 32), two.StorageBits);
    }

    [Fact]
    public void Only_groups_above_the_threshold_take_a_second_term_and_the_rest_stores_none()
    {
        // one row of three values is exact with one scale
        float[] values = [.. Generators.Normal(72, seed: 3), .. Enumerable.Range(0, 72).Select(i => (float)(i % 3 - 1))];
        WeightView weight = WeightMethodContract.View(values, 2, 72);
        QuantizedTensor made = new Omse { DualAbove = 1e-4 }.Quantize(weight, s_tensor with { Granularity = Granularity.Channel(0) }, LayerStatistics.None);
        var second = (AffineTensor)Assert.IsType<SumTensor>(made).Terms[1];
        Assert.Equal([4, 0], second.Bits.Select(b => (int)b));
        Assert.Equal((4 * 144) + 64 + (4 * 72) + 64, made.StorageBits);
        Assert.Equal(values[72..], made.Dequantize()[72..]);
        Assert.IsType<AffineTensor>(new Omse { DualAbove = 0.5 }.Quantize(weight, s_tensor, LayerStatistics.None));
    }

    [Theory]
    [InlineData("channel")]
    [InlineData("tensor")]
    [InlineData("block")]
    public void Refined_scales_err_less_on_the_outputs_and_nothing_else_would_err_less(string granularity)
    {
        (WeightView weight, double[] moment) = Errors.Layer(seed: 4);
        Granularity g = granularity switch { "channel" => Granularity.Channel(0), "block" => Granularity.Block(1, 8), _ => Granularity.Tensor };
        WeightTarget target = new(new IntegerGrid(3, signed: true).Narrow, true, g);
        var statistics = new LayerStatistics { SecondMoment = moment };
        var plain = (AffineTensor)new Omse().Quantize(weight, target, statistics);
        var refined = (AffineTensor)new Omse { Refine = true }.Quantize(weight, target, statistics);
        Assert.Equal(plain.Codes(), refined.Codes());
        double error = Errors.Output(weight, refined.Dequantize(), moment);
        Assert.True(error < Errors.Output(weight, plain.Dequantize(), moment));
        for (int s = 0; s < refined.Scales.Length; s++)
        {
            foreach (float by in new[] { 0.999f, 1.001f })
            {
                var other = new AffineTensor(refined.Shape, g, refined.Grid, refined.Codes(), refined.Scales.SetItem(s, refined.Scales[s] * by));
                Assert.True(Errors.Output(weight, other.Dequantize(), moment) >= error * (1 - 1e-6));
            }
        }
    }

    [Fact]
    public void Refined_scales_of_two_terms_err_less_too()
    {
        (WeightView weight, double[] moment) = Errors.Layer(seed: 5);
        WeightTarget target = new(new IntegerGrid(2, signed: true).Narrow, true, Granularity.Channel(0));
        var statistics = new LayerStatistics { SecondMoment = moment };
        double plain = Errors.Output(weight, new Omse { DualAbove = 0.01 }.Quantize(weight, target, statistics).Dequantize(), moment);
        Assert.True(Errors.Output(weight, new Omse { DualAbove = 0.01, Refine = true }.Quantize(weight, target, statistics).Dequantize(), moment) < plain);
        Assert.Equal(LayerStatisticsNeeds.SecondMoment, new Omse { Refine = true }.Needs);
        Assert.Equal(LayerStatisticsNeeds.None, new Omse().Needs);
    }

    [Fact]
    public void Each_group_of_a_convolution_is_fitted_to_its_own_inputs()
    {
        (WeightView one, double[] first) = Errors.Layer(seed: 6);
        (_, double[] second) = Errors.Layer(seed: 60);
        double[] other = [.. second.Select((v, i) => v * (1 + (i / 16 % 3)) * (1 + (i % 16 % 3)))];
        WeightView weight = new(WeightKind.Conv, [8, 4, 2, 2], 0, 1, 2, one.Values);
        WeightTarget target = new(new IntegerGrid(2, signed: true).Narrow, true, Granularity.Channel(0));
        var statistics = new LayerStatistics { SecondMoment = [.. first, .. other] };
        float[] made = new Omse { Refine = true }.Quantize(weight, target, statistics).Dequantize();
        for (int row = 0; row < 8; row++)
        {
            // alone, with the moment of its group, it gets the same scale
            float[] alone = [.. one.Values.Span.Slice(row * 16, 16)];
            QuantizedTensor fitted = new Omse { Refine = true }.Quantize(
                new WeightView(WeightKind.Conv, [1, 16, 1, 1], 0, 1, 1, alone), target, new LayerStatistics { SecondMoment = row < 4 ? first : other });
            Assert.Equal(fitted.Dequantize(), made[(row * 16)..((row + 1) * 16)]);
        }

        Assert.Throws<ArgumentException>(() => new Omse { Refine = true }.Quantize(weight, target, new LayerStatistics { SecondMoment = first }));
        Assert.Throws<ArgumentException>(() => new MultiPoint().Quantize(weight, target, new LayerStatistics { SecondMoment = first }));
    }
}
