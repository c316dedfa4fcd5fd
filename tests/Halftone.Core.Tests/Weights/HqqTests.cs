using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class HqqTests
{
    private static readonly WeightTarget s_target = new(new IntegerGrid(4, signed: false), false, Granularity.Block(1, 32));

    [Fact]
    public void Without_turns_it_is_round_to_nearest() =>
        WeightMethodContract.Any.Sample((weight, target) =>
        {
            var q = (AffineTensor)new Hqq { Iterations = 0 }.Quantize(weight, target, LayerStatistics.None);
            var nearest = (AffineTensor)new RoundToNearest().Quantize(weight, target, LayerStatistics.None);
            return q.Codes().SequenceEqual(nearest.Codes()) && q.Scales.SequenceEqual(nearest.Scales)
                && q.Offsets.Zip(nearest.Scales.Zip(nearest.ZeroPoints, (s, z) => -s * z)).All(p => p.First == p.Second);
        });

    [Fact]
    public void The_sum_that_it_lowers_never_rises_with_turns_and_falls_on_weights()
    {
        WeightView weight = WeightMethodContract.View([.. Generators.Laplace(64 * 64, seed: 1).Select(v => 0.02f * v)], 64, 64);
        double[] sums = [.. new[] { 0, 1, 2, 5, 20 }.Select(turns => Sum(weight, new Hqq { Iterations = turns }.Quantize(weight, s_target, LayerStatistics.None)))];
        Assert.Equal(sums.OrderDescending(), sums);
        Assert.True(sums[^1] < 0.97 * sums[0], $"{sums[^1]} against {sums[0]}");
        Assert.Equal((4 * 4096) + (2 * 32 * 128), new Hqq().Quantize(weight, s_target, LayerStatistics.None).StorageBits);
    }

    [Fact]
    public void Zero_points_are_no_integers()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(32 * 32, seed: 2), 32, 32);
        var q = (AffineTensor)new Hqq().Quantize(weight, s_target, LayerStatistics.None);
        Assert.Contains(q.Offsets.Zip(q.Scales, (o, s) => -o / s), z => Math.Abs(z - MathF.Round(z)) > 0.05f);
    }

    private static double Sum(WeightView weight, QuantizedTensor q) => weight.Values.ToArray().Zip(q.Dequantize(), (w, x) => Math.Pow(Math.Abs((double)w - x), 0.7)).Sum();
}
