using Halftone.Activations;
using Halftone.Core.Tests.Statistics;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class PwlqTests
{
    private static WeightTarget Target(int bits) => new(new IntegerGrid(bits, signed: true).Narrow, true, Granularity.Tensor);

    // recomputed
    [Theory]
    [InlineData(3, 1.1583, 1.1607, 1.0678, 1.0742)]
    [InlineData(4, 1.3920, 1.3996, 1.2909, 1.2894)]
    [InlineData(6, 1.7547, 1.7538, 1.6601, 1.6504)]
    [InlineData(10, 2.2096, 2.2216, 2.2020, 2.2228)]
    public void Breakpoints_are_those_of_the_table(double m, double gauss, double gaussFormula, double laplace, double laplaceFormula)
    {
        Assert.Equal(gauss, PiecewiseLinear.Breakpoint(m, BreakpointSearch.Gauss), 1e-4);
        Assert.Equal(gaussFormula, PiecewiseLinear.Breakpoint(m, BreakpointSearch.GaussFormula), 1e-4);
        Assert.Equal(laplace, PiecewiseLinear.Breakpoint(m, BreakpointSearch.Laplace), 1e-4);
        Assert.Equal(laplaceFormula, PiecewiseLinear.Breakpoint(m, BreakpointSearch.LaplaceFormula), 1e-4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_solved_breakpoint_is_where_the_expected_error_is_least(bool overlapping)
    {
        foreach (double m in new[] { 2.5, 4, 8 })
        {
            double p = PiecewiseLinear.Breakpoint(m, BreakpointSearch.Gauss, overlapping);
            double Error(double at) => overlapping
                ? (at * at * ((2 * Normal.Cumulative(at)) - 1)) + (2 * m * m * (1 - Normal.Cumulative(at)))
                : ((m - at) * (m - at)) + (m * ((2 * at) - m) * ((2 * Normal.Cumulative(at)) - 1));
            Assert.True(Error(p) <= Enumerable.Range(1, 2000).Min(k => Error((overlapping ? m : m / 2) * k / 2000)) + 1e-9);
        }
    }

    [Fact]
    public void Half_way_it_is_a_uniform_quantizer_of_a_bit_more() =>
        Assert.Equal(Enumerable.Range(-14, 29).Select(k => k * 2.8 / 14), PiecewiseLinear.Levels(1.4, 2.8, 7, overlapping: false), (x, y) => Math.Abs(x - y) < 1e-12);

    [Theory]
    [InlineData(BreakpointSearch.Gauss)]
    [InlineData(BreakpointSearch.LaplaceFormula)]
    [InlineData(BreakpointSearch.Grid)]
    public void Errs_at_most_nine_sixteenths_of_uniform_levels_over_the_range_and_stores_a_bit_more(BreakpointSearch search)
    {
        foreach (float[] values in new[] { Generators.Normal(5000, seed: 1), Generators.Laplace(5000, seed: 2) })
        {
            WeightView weight = WeightMethodContract.View(values, 5000);
            foreach (int bits in new[] { 3, 4, 6 })
            {
                QuantizedTensor q = new Pwlq { Breakpoint = search }.Quantize(weight, Target(bits), LayerStatistics.None);
                double uniform = Errors.Squared(weight, new RoundToNearest().Quantize(weight, Target(bits), LayerStatistics.None));
                Assert.True(Errors.Squared(weight, q) < 9.0 / 16 * uniform);
                Assert.Equal((5000 * (bits + 1)) + (32 * ((1 << (bits + 1)) - 3)), q.StorageBits);
            }
        }
    }

    [Fact]
    public void The_grid_finds_no_worse_breakpoint_than_the_formulas_and_overlapping_regions_err_more()
    {
        WeightView weight = WeightMethodContract.View([.. Generators.Laplace(4000, seed: 3).Select(v => MathF.Pow(MathF.Abs(v), 1.3f) * MathF.Sign(v))], 4000);
        double Error(BreakpointSearch search, bool overlapping = false) => Errors.Squared(weight, new Pwlq { Breakpoint = search, Overlapping = overlapping }.Quantize(weight, Target(4), LayerStatistics.None));
        double grid = Error(BreakpointSearch.Grid);
        Assert.All(Enum.GetValues<BreakpointSearch>(), s => Assert.True(grid <= Error(s) * 1.001, s.ToString()));
        Assert.True(grid < Error(BreakpointSearch.Grid, overlapping: true));
    }

    [Fact]
    public void Two_accumulators_of_integers_give_the_product()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(256, seed: 4), 256);
        var q = (CodebookTensor)new Pwlq().Quantize(weight, Target(4), LayerStatistics.None);
        float[] values = q.Dequantize();
        double m = weight.Values.ToArray().Max(Math.Abs);
        double p = q.Codewords[21]; // 14 + 7: the end of the inner region
        int[] x = [.. Enumerable.Range(0, 256).Select(i => (i * 31 % 255) - 127)];
        (long inner, long outer, long offset) = (0, 0, 0);
        for (int i = 0; i < 256; i++)
        {
            int level = q.Index(i) - 14;
            inner += Math.Abs(level) <= 7 ? level * x[i] : 0;
            outer += Math.Abs(level) > 7 ? Math.Sign(level) * (Math.Abs(level) - 7) * x[i] : 0;
            offset += Math.Abs(level) > 7 ? Math.Sign(level) * x[i] : 0;
        }

        double product = (p / 7 * inner) + ((m - p) / 7 * outer) + (p * offset);
        Assert.Equal(values.Zip(x, (v, y) => (double)v * y).Sum(), product, 1e-4 * Math.Abs(product) + 1e-3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Activations_err_less_than_with_uniform_levels_over_the_range(bool oneSided)
    {
        float[] values = [.. Generators.Laplace(20_000, seed: 5).Select(v => oneSided ? Math.Max(v, 0) : v)];
        TensorStatistics statistics = StatisticsCollectorTests.Collect(values);
        var levels = (Levels)new PwlqActivation().Choose(statistics, 4);
        Assert.Equal(oneSided ? 31 : 29, levels.Values.Length);
        Assert.Equal(0, levels.Quantize(0));
        double width = (statistics.Max - (oneSided ? 0 : statistics.Min)) / 15;
        double error = values.Average(v => Math.Pow(v - levels.Quantize(v), 2));
        Assert.True(error < 0.5 * width * width / 12, $"{error} against {width * width / 12}");
        foreach (BreakpointSearch search in Enum.GetValues<BreakpointSearch>())
        {
            var other = (Levels)new PwlqActivation { Breakpoint = search }.Choose(statistics, 4);
            Assert.True(error <= 1.01 * values.Average(v => Math.Pow(v - other.Quantize(v), 2)), search.ToString());
        }
    }
}
