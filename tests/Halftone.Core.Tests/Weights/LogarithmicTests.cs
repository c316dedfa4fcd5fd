using Halftone.Activations;
using Halftone.Core.Tests.Statistics;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class LogarithmicTests
{
    private static WeightTarget Target(int bits) => new(new IntegerGrid(bits, signed: true), true, Granularity.Tensor);

    [Theory]
    [InlineData(LogarithmBase.Two, 0.41421356, 0.0199)]
    [InlineData(LogarithmBase.RootOfTwo, 0.18920712, 0.0050)]
    public void A_value_in_reach_errs_by_at_most_half_a_step_of_the_logarithm_and_grows_on_average(LogarithmBase @base, double most, double mean)
    {
        // evenly spread over the logarithm, four octaves
        float[] values = [.. Enumerable.Range(0, 4000).Select(i => MathF.Pow(2, (i + 0.5f) / 1000) * (i % 2 == 0 ? 1 : -1))];
        QuantizedTensor q = new Logarithmic { Base = @base, FullScale = 6 }.Quantize(WeightMethodContract.View(values, 4000), Target(6), LayerStatistics.None);
        double[] ratios = [.. q.Dequantize().Zip(values, (x, v) => (double)x / v)];
        Assert.InRange(ratios.Max(r => Math.Abs(r - 1)), most - 2e-3, most + 1e-6);
        Assert.InRange(ratios.Average() - 1, mean - 1e-3, mean + 1e-3);
    }

    [Fact]
    public void Codes_are_zero_and_the_exponents_below_the_full_scale()
    {
        // 3 bits: three exponents on each side; FSR 2: 2, 1, 1/2
        var q = (CodebookTensor)new Logarithmic { FullScale = 2 }.Quantize(WeightMethodContract.View([100, 2.9f, 2.8f, -1.5f, -1.4f, 0.5f, 0.354f, 0.353f, 0.1f, 0], 10), Target(3), LayerStatistics.None);
        Assert.Equal([2, 2, 2, -2, -1, 0.5f, 0.5f, 0, 0, 0], q.Dequantize());
        Assert.Equal(7, q.CodebookSize);
        Assert.Equal((10 * 3) + (7 * 32), q.StorageBits);
    }

    [Fact]
    public void Shifts_and_additions_give_the_product_exactly()
    {
        var q = (CodebookTensor)new Logarithmic().Quantize(WeightMethodContract.View(Generators.Normal(512, seed: 1), 512), Target(4), LayerStatistics.None);
        float[] values = q.Dequantize();
        int lowest = (int)Math.Log2(values.Where(v => v > 0).Min());
        int[] x = [.. Enumerable.Range(0, 512).Select(i => (i * 37 % 255) - 127)];
        long sum = 0;
        for (int i = 0; i < 512; i++)
        {
            sum += values[i] == 0 ? 0 : Math.Sign(values[i]) * ((long)x[i] << ((int)Math.Log2(Math.Abs(values[i])) - lowest));
        }

        Assert.Equal(values.Zip(x, (v, y) => (double)v * y).Sum(), Math.ScaleB(sum, lowest));
    }

    // ReLU of a normal distribution: more bits reach further down and err no less
    [Theory]
    [InlineData(2, 0.0234)]
    [InlineData(3, 0.0207)]
    [InlineData(4, 0.0207)]
    [InlineData(5, 0.0207)]
    public void Activations_have_a_floor_that_bits_do_not_lower(int bits, double floor)
    {
        float[] values = [.. Generators.NormalPoints.Select(v => Math.Max(v, 0))];
        var levels = (Levels)new LogarithmicActivation().Choose(StatisticsCollectorTests.Collect(values), bits);
        Assert.Equal(1 << bits, levels.Values.Length);
        Assert.InRange(values.Average(v => Math.Pow(v - levels.Quantize(v), 2)), (bits == 2 ? 0.97 : 0.985) * floor, (bits == 2 ? 1.2 : 1.015) * floor);
    }

    [Fact]
    public void Wins_over_evenly_spaced_levels_where_values_span_many_octaves()
    {
        // sizes spread evenly over the logarithm; errors as shares of the values
        float[] values = [.. Enumerable.Range(0, 6000).Select(i => MathF.Pow(2, 12f * i / 6000))];
        var levels = (Levels)new LogarithmicActivation().Choose(StatisticsCollectorTests.Collect(values), 4);
        double linear = values.Average(v => Math.Abs((Math.Round(v / 4096 * 15) / 15 * 4096) - v) / v);
        Assert.True(values.Average(v => Math.Abs(levels.Quantize(v) - v) / v) < 0.4 * linear);
    }

    [Fact]
    public void Activations_and_weights_round_alike() =>
        Gen.Select(Generators.Value.Array[1, 40], Gen.Int[2, 6], Gen.Bool).Sample((values, bits, root) =>
        {
            LogarithmBase @base = root ? LogarithmBase.RootOfTwo : LogarithmBase.Two;
            float[] signed = [.. values, -1, 1];
            var levels = (Levels)new LogarithmicActivation { Base = @base, FullScale = 2 }.Choose(StatisticsCollectorTests.Collect(signed), bits);
            float[] weights = new Logarithmic { Base = @base, FullScale = 2 }.Quantize(WeightMethodContract.View(signed, signed.Length), Target(bits), LayerStatistics.None).Dequantize();
            return signed.Zip(weights).All(p => levels.Quantize(p.First) == p.Second);
        });

    [Fact]
    public void The_searched_full_scale_errs_no_more_than_any()
    {
        WeightView weight = WeightMethodContract.View([.. Generators.Laplace(500, seed: 2), 40], 501);
        double searched = Errors.Squared(weight, new Logarithmic().Quantize(weight, Target(3), LayerStatistics.None));
        Assert.All(Enumerable.Range(-5, 14), f => Assert.True(searched <= Errors.Squared(weight, new Logarithmic { FullScale = f }.Quantize(weight, Target(3), LayerStatistics.None))));
    }
}
