using Halftone.Formats;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class WeightDiscretizationTests
{
    [Fact]
    public void Each_weight_takes_the_nearest_of_equally_spaced_levels_between_the_ends_of_its_group() =>
        Gen.Select(Gen.Float[-4, 4].Array[24], Gen.Int[1, 6], Gen.OneOf(Gen.Const(Granularity.Tensor), Gen.Const(Granularity.Channel(0)), Gen.Const(Granularity.Block(1, 4)))).Sample((values, bits, granularity) =>
        {
            WeightView weight = WeightMethodContract.View(values, 3, 8);
            float[] back = new WeightDiscretization().Quantize(weight, new(new(bits, true), true, granularity), LayerStatistics.None).Dequantize();
            foreach (IGrouping<int, int> group in Enumerable.Range(0, 24).GroupBy(i => granularity.GroupOf(i, [3, 8])))
            {
                double min = group.Min(i => values[i]);
                double max = group.Max(i => values[i]);
                double[] levels = [.. Enumerable.Range(0, 1 << bits).Select(k => min + (k * (max - min) / ((1 << bits) - 1)))];
                foreach (int i in group)
                {
                    Assert.InRange(levels.Min(l => Math.Abs(l - back[i])), 0, 1e-5);
                    Assert.InRange(Math.Abs(values[i] - back[i]), 0, levels.Min(l => Math.Abs(l - values[i])) + 1e-5);
                }
            }
        });

    [Fact]
    public void Both_ends_of_the_range_are_levels_even_where_all_weights_have_one_sign()
    {
        float[] back = new WeightDiscretization().Quantize(WeightMethodContract.View([5, 6, 7.4f, 8], 4), new(new(1, false), false, Granularity.Tensor), LayerStatistics.None).Dequantize();
        Assert.Equal([5, 5, 8, 8], back);
    }

    [Fact]
    public void A_group_of_one_value_is_kept() =>
        Assert.All(new WeightDiscretization().Quantize(WeightMethodContract.View([0.3f, 0.3f, 0.3f], 3), new(new(3, true), true, Granularity.Tensor), LayerStatistics.None).Dequantize(), v => Assert.Equal(0.3f, v));
}
