using Halftone.Core.Tests.Statistics;
using Halftone.Numerics;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.Core.Tests.Ranges;

public sealed class RangeMethodTests
{
    private static readonly TensorStatistics s_normal = StatisticsCollectorTests.Collect(Generators.Normal(1_000_000, seed: 11));
    private static readonly TensorStatistics s_laplace = StatisticsCollectorTests.Collect(Generators.Laplace(1_000_000, seed: 12));

    // PyTorch HistogramObserver on a made-up histogram, in double precision
    [Theory]
    [InlineData(256, 0, 1506, 3)]
    [InlineData(128, 9, 1388, 11)]
    public void HistogramObserver_searches_as_PyTorch_does(int levels, int start, int end, int evaluations)
    {
        long[] counts = ObserverCounts();
        (int Start, int End, double Error, int Evaluations) found = HistogramObserver.Search(counts, 0.01, levels);
        Assert.Equal((start, end, evaluations), (found.Start, found.End, found.Evaluations));
        if (levels == 256)
        {
            Assert.Equal(50573.433, found.Error, 0.001);
            Assert.Equal(85303.592, HistogramObserver.Error(counts, 0.01, 0, 2047, 256), 0.001);
        }
    }

    [Theory]
    [InlineData(0, 1.04991, 0.76578)]
    [InlineData(1, 1.86282, 1.23991)]
    [InlineData(2, 2.83068, 1.71064)]
    [InlineData(4, 5.02864, 2.55914)]
    [InlineData(8, 9.89676, 3.92403)]
    [InlineData(9, 11.16269, 4.21633)]
    public void ACIQ_multipliers_are_those_of_the_paper_and_solve_its_equation(int bits, double laplace, double gauss)
    {
        double levels = Math.Pow(2, bits);
        double a = AnalyticClipping.LaplaceMultiplier(levels);
        Assert.Equal(laplace, a, 1e-5);
        Assert.Equal(1, a * Math.Exp(a) / (3 * levels * levels), 1e-12);
        Assert.Equal(gauss, AnalyticClipping.GaussMultiplier(levels), 1e-5);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    public void ACIQ_errs_at_most_a_twentieth_more_than_the_best_range_on_its_own_distribution(int bits)
    {
        var grid = new QuantizationGrid(new IntegerGrid(bits, signed: true).Narrow, Symmetric: true);
        foreach ((TensorStatistics s, IRangeMethod method) in new (TensorStatistics, IRangeMethod)[] { (s_laplace, new AciqLaplace()), (s_normal, new AciqGauss()) })
        {
            double best = ErrorOf(new LeastSquares(), s, grid);
            Assert.InRange(ErrorOf(method, s, grid), best, 1.055 * best);
        }
    }

    [Fact]
    public void ACIQ_takes_values_after_a_ReLU_as_half_of_a_distribution()
    {
        float[] relu = [.. Generators.Laplace(1_000_000, seed: 13).Select(x => Math.Max(x, 0))];
        TensorStatistics s = StatisticsCollectorTests.Collect(relu);
        Assert.InRange(new AciqLaplace().Estimate(s, new(new(4, signed: false), Symmetric: false)).Max, 6.20477 * 0.99, 6.20477 * 1.01);
        float[] half = [.. Generators.Normal(1_000_000, seed: 14).Select(x => Math.Max(x, 0))];
        Assert.InRange(new AciqGauss().Estimate(StatisticsCollectorTests.Collect(half), new(new(4, signed: false), Symmetric: false)).Max, 2.9362 * 0.99, 2.9362 * 1.01);
    }

    // optimal uniform quantizers of the literature: steps of restricted codes
    [Theory]
    [InlineData(2, 1.22401, 1.41421)]
    [InlineData(3, 0.65077, 0.82175)]
    [InlineData(4, 0.35341, 0.48688)]
    [InlineData(6, 0.10549, 0.16785)]
    public void Least_squares_finds_the_best_step_of_known_distributions(int bits, double normal, double laplace)
    {
        var grid = new QuantizationGrid(new IntegerGrid(bits, signed: true).Narrow, Symmetric: true);
        Assert.InRange(grid.Parameters(new LeastSquares().Estimate(s_normal, grid)).Scale, 0.98 * normal, 1.02 * normal);
        double unit = laplace * Math.Sqrt(2); // the table has variance 1, these values scale 1
        Assert.InRange(grid.Parameters(new LeastSquares().Estimate(s_laplace, grid)).Scale, 0.98 * unit, 1.02 * unit);
    }

    [Fact]
    public void Least_squares_never_errs_more_than_any_other_method() =>
        Gen.Select(Gen.Int[0, 50], Gen.Int[2, 8], Gen.Bool, Gen.Float[-1, 1]).Sample((seed, bits, symmetric, shift) =>
        {
            float[] values = [.. Generators.Laplace(4000, seed).Select(x => x + shift)];
            TensorStatistics s = StatisticsCollectorTests.Collect(values);
            var grid = new QuantizationGrid(new IntegerGrid(bits, symmetric), symmetric);
            double best = ErrorOf(new LeastSquares(), s, grid);
            return RangeMethods.All.All.All(m => best <= 1.02 * ErrorOf(m.Default, s, grid)) && best <= ErrorOf(new MinMax(), s, grid);
        }, iter: 60);

    [Fact]
    public void Larger_exponents_clip_less()
    {
        var grid = new QuantizationGrid(new(4, signed: true), Symmetric: true);
        double[] ends = [.. new[] { 1, 2, 2.4, 4, 8 }.Select(p => new LeastLp { Exponent = p }.Estimate(s_laplace, grid).Max)];
        Assert.Equal(ends.Order(), ends);
        Assert.True(ends[0] < 0.9 * ends[^1]);
        double squares = new LeastSquares().Estimate(s_laplace, grid).Max;
        Assert.InRange(ends[1], 0.97 * squares, 1.03 * squares);
    }

    [Fact]
    public void The_normal_percentile_is_the_percentile_of_normal_values()
    {
        var grid = new QuantizationGrid(IntegerGrid.UInt8, Symmetric: false);
        ClipRange fitted = new GaussianPercentile().Estimate(s_normal, grid);
        ClipRange counted = new Percentile { Percent = 99.8 }.Estimate(s_normal, grid);
        Assert.InRange(fitted.Max, 0.98 * counted.Max, 1.02 * counted.Max);
        Assert.InRange(fitted.Min, 1.02 * counted.Min, 0.98 * counted.Min);

        TensorStatistics relu = StatisticsCollectorTests.Collect([.. Generators.Normal(1_000_000, seed: 15).Select(x => Math.Max(x, 0))]);
        Assert.InRange(new GaussianPercentile().Estimate(relu, grid).Max, 3.2905 * 0.99, 3.2905 * 1.01);
    }

    [Fact]
    public void The_percentile_clips_its_share()
    {
        float[] values = [.. Enumerable.Range(1, 100_000).Select(i => i / 100_000f)];
        TensorStatistics s = StatisticsCollectorTests.Collect(values);
        Assert.Equal(0.9999, new Percentile().Estimate(s, new(IntegerGrid.UInt8, Symmetric: false)).Max, 3e-4);
        Assert.Equal(new ClipRange(0, 1), new Percentile { Percent = 100 }.Estimate(s, new(IntegerGrid.UInt8, Symmetric: false)));
        ClipRange both = new Percentile { Percent = 90 }.Estimate(StatisticsCollectorTests.Collect([.. values.Select(x => x - 0.25f)]), new(IntegerGrid.UInt8, Symmetric: false));
        Assert.Equal(-0.2, both.Min, 1e-3);
        Assert.Equal(0.7, both.Max, 1e-3);
    }

    [Fact]
    public void The_extremes_of_batches_are_read_as_they_were_gathered()
    {
        TensorStatistics s = StatisticsCollectorTests.Collect([-1, 1], [-3, 2]);
        var grid = new QuantizationGrid(IntegerGrid.UInt8, Symmetric: false);
        Assert.Equal(new ClipRange(-3, 2), new MinMax().Estimate(s, grid));
        Assert.Equal(new ClipRange(-2, 1.5), new AverageMinMax().Estimate(s, grid));
        Assert.Equal(-1.02, new MovingAverage().Estimate(s, grid).Min, 1e-12);
    }

    private static double ErrorOf(IRangeMethod method, TensorStatistics s, QuantizationGrid grid) =>
        ExpectedError.Mean(s, grid.Parameters(method.Estimate(s, grid)), grid.Codes);

    private static long[] ObserverCounts()
    {
        long[] counts = [.. Enumerable.Range(0, 2048).Select(i => (long)Math.Floor(1e6 * Math.Exp(-Math.Abs(i - 700) / 80.0)))];
        foreach (int i in new[] { 0, 1500, 1800, 2047 })
        {
            counts[i] += 40;
        }

        return counts;
    }
}
