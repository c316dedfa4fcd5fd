using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class MultiPointTests
{
    private static WeightTarget Target(int bits) => new(new IntegerGrid(bits, signed: true).Narrow, true, Granularity.Channel(0));

    [Theory]
    [InlineData(2, 0.22, 0.44, 0.51)]
    [InlineData(3, 0.058, 0.17, 0.31)]
    [InlineData(4, 0.028, 0.115, 0.104)]
    public void The_error_of_normal_weights_falls_geometrically_with_points(int bits, double second, double third, double fourth)
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(20 * 576, seed: bits), 20, 576);
        double[] errors = [.. Enumerable.Range(1, 4).Select(p => Errors.Squared(weight, new MultiPoint { Epsilon = 0, Pmax = p }.Quantize(weight, Target(bits), LayerStatistics.None)))];
        double[] expected = [second, third, fourth];
        // measured on one vector by somebody else; few large values make the shares differ from vector to vector
        Assert.All(Enumerable.Range(0, 3), i => Assert.InRange(errors[i + 1] / errors[i], expected[i] / 2.2, 2.2 * expected[i]));
    }

    [Fact]
    public void One_point_is_the_exact_least_error()
    {
        WeightView weight = WeightMethodContract.View(Generators.Laplace(8 * 50, seed: 6), 8, 50);
        Assert.Equal(
            new Omse().Quantize(weight, Target(3), LayerStatistics.None).Dequantize(),
            new MultiPoint { Pmax = 1 }.Quantize(weight, Target(3), LayerStatistics.None).Dequantize());
    }

    [Fact]
    public void Points_go_where_outputs_err_and_all_channels_end_below_the_threshold_or_at_the_most_points()
    {
        (WeightView weight, double[] moment) = Errors.Layer(seed: 7);
        var method = new MultiPoint { Epsilon = 0.02 };
        var made = (SumTensor)method.Quantize(weight, Target(3), new LayerStatistics { SecondMoment = moment });
        float[] values = made.Dequantize();
        int[] points = [.. Enumerable.Range(0, 8).Select(row => 1 + made.Terms.Skip(1).Count(t => ((AffineTensor)t).Bits[row] > 0))];
        Assert.InRange(points.Distinct().Count(), 2, 4);
        var zeros = new float[values.Length];
        Assert.All(Enumerable.Range(0, 8), row => Assert.True(
            points[row] == method.Pmax || Errors.Row(weight, values, moment, row) <= method.Epsilon * Errors.Row(weight, zeros, moment, row) * 1.0001));

        // one point less, and the channel erred too much
        for (int p = 1; p < made.Terms.Length; p++)
        {
            float[] before = p == 1 ? made.Terms[0].Dequantize() : new SumTensor([.. made.Terms.Take(p)]).Dequantize();
            Assert.All(Enumerable.Range(0, 8).Where(r => points[r] > p), row => Assert.True(
                Errors.Row(weight, before, moment, row) > method.Epsilon * Errors.Row(weight, zeros, moment, row)));
        }

        // 3 bits a weight and point, 32 a scale
        Assert.Equal((3 * 16 * points.Sum()) + (32 * 8 * made.Terms.Length), made.StorageBits);
    }

    [Fact]
    public void Integer_products_of_the_points_are_the_product_of_the_sum()
    {
        // scales that are powers of two: every sum is exact
        WeightView weight = WeightMethodContract.View(Generators.Normal(4 * 32, seed: 8), 4, 32);
        var made = (SumTensor)new MultiPoint { Epsilon = 0, Pmax = 2 }.Quantize(weight, Target(4), LayerStatistics.None);
        int[] x = [.. Enumerable.Range(0, 32).Select(i => (i * 37 % 255) - 127)];
        float[] values = made.Dequantize();
        for (int row = 0; row < 4; row++)
        {
            double integer = made.Terms.Cast<AffineTensor>().Sum(t => t.Scales[row] * (double)Enumerable.Range(0, 32).Sum(i => t.Code((row * 32) + i) * x[i]));
            double real = Enumerable.Range(0, 32).Sum(i => (double)values[(row * 32) + i] * x[i]);
            Assert.Equal(real, integer, 1e-3);
        }
    }

    [Fact]
    public void Fewer_points_than_asked_for_all_channels_beat_random_ones()
    {
        // half the channels have inputs that matter
        float[] values = Generators.Normal(16 * 40, seed: 9);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] *= (i / 40) % 2 == 0 && i % 40 == 0 ? 8 : 1;
        }

        WeightView weight = WeightMethodContract.View(values, 16, 40);
        var made = (SumTensor)new MultiPoint { Epsilon = 0.05, Pmax = 2 }.Quantize(weight, Target(3), LayerStatistics.None);
        var second = (AffineTensor)made.Terms[1];
        int chosen = second.Bits.Count(b => b > 0);
        Assert.InRange(chosen, 1, 15);
        double[] gains = [.. Enumerable.Range(0, 16).Select(row => RowError(values, made.Terms[0].Dequantize(), row))];
        double kept = Enumerable.Range(0, 16).Where(r => second.Bits[r] == 0).Sum(r => gains[r]);
        Assert.True(kept < gains.Sum() * (16 - chosen) / 16);
    }

    private static double RowError(float[] values, float[] made, int row) => Enumerable.Range(row * 40, 40).Sum(i => Math.Pow(values[i] - made[i], 2)) / Enumerable.Range(row * 40, 40).Sum(i => Math.Pow(values[i], 2));
}
