using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class ScaleProjectionTests
{
    private static readonly double[][] s_sets = [[1], [0, 1], [0, 1, 2, 3], [0, 1, 2, 4], [0, 0.25, 0.5, 1], [0.5, 1.5, 2.5], [0, 1, 2, 3, 4, 5, 6, 7]];

    [Fact]
    public void Is_the_best_of_a_fine_scan_and_its_error_is_what_it_says() =>
        Gen.Select(Gen.Int[0, 6], Gen.Int[0, 6], Gen.Float[-4, 4].Array[1, 50], Gen.Double[0, 2].Array[50], Gen.Bool).Sample((up, down, values, importance, plain) =>
        {
            double[] d = plain ? [] : importance[..values.Length];
            ScaleFit fit = ScaleProjection.Best(values, s_sets[up], s_sets[down], 0, d);
            double widest = 2 * values.Max(Math.Abs) / Math.Max(s_sets[up][0], 0.125);
            double scanned = Enumerable.Range(1, 3000).Min(k => Error(values, s_sets[up], s_sets[down], widest * k / 3000, d));
            double squares = values.Select((v, i) => (double)v * v * (plain ? 1 : d[i])).Sum();
            return fit.SquaredError <= scanned + (1e-9 * squares)
                && Math.Abs(fit.SquaredError - Math.Min(fit.Scale == 0 ? squares : Error(values, s_sets[up], s_sets[down], fit.Scale, d), squares)) <= 1e-9 * squares;
        }, iter: 300);

    [Theory]
    [InlineData(300, 4)]
    [InlineData(300, 7)]
    [InlineData(5000, 3)]
    public void Bounds_leave_out_no_interval_that_holds_the_best(int count, int bits)
    {
        // every event, by brute force
        float[] values = Generators.Laplace(count, seed: count + bits);
        double[] levels = [.. Enumerable.Range(0, 1 << (bits - 1)).Select(k => (double)k)];
        var events = values.SelectMany(v => Enumerable.Range(1, levels.Length - 1).Select(k => (At: Math.Abs(v) / (k - 0.5), Value: Math.Abs((double)v), Level: k))).OrderByDescending(e => e.At);
        (double a, double b, double score) = (0, 0, 0);
        foreach ((_, double value, int level) in events)
        {
            (a, b) = (a + value, b + (2 * level) - 1);
            score = Math.Max(score, a * a / b);
        }

        double least = values.Sum(v => (double)v * v) - score;
        Assert.Equal(least, ScaleProjection.Best(values, levels, levels).SquaredError, least * 1e-9);
    }

    // table of optimal steps: recomputed from exact integrals
    [Theory]
    [InlineData("0 1", 1.22401, 0.190174)]
    [InlineData("0 1 2 3", 0.65077, 0.0468600)]
    [InlineData("0 1 2 3 4 5 6 7", 0.35341, 0.0128894)]
    [InlineData("1", 0.79788, 0.363380)]
    [InlineData("0.5 1.5", 0.99569, 0.118846)]
    [InlineData("0 1 2", 0.844, 0.082)]
    [InlineData("0 1 2 4", 0.518, 0.047)]
    public void Finds_the_step_of_the_literature_for_a_normal_distribution(string set, double step, double error)
    {
        double[] levels = [.. set.Split(' ').Select(s => double.Parse(s, System.Globalization.CultureInfo.InvariantCulture))];
        ScaleFit fit = ScaleProjection.Best(Generators.NormalPoints, levels, levels);
        Assert.InRange(fit.Scale, 0.99 * step, 1.01 * step);
        Assert.InRange(fit.SquaredError / Generators.NormalPoints.Length, 0.98 * error, 1.02 * error);
    }

    [Theory]
    [InlineData(2, 1.41421, 0.264241)]
    [InlineData(4, 0.48688, 0.0273952)]
    [InlineData(3, 0.82175, 0.0830865)]
    public void Finds_the_step_of_the_literature_for_a_laplace_distribution(int bits, double step, double error)
    {
        double[] levels = [.. Enumerable.Range(0, 1 << (bits - 1)).Select(k => (double)k)];
        ScaleFit fit = ScaleProjection.Best([.. Generators.LaplacePoints.Select(v => v / MathF.Sqrt(2))], levels, levels);
        Assert.InRange(fit.Scale, 0.985 * step, 1.015 * step);
        Assert.InRange(fit.SquaredError / Generators.LaplacePoints.Length, 0.98 * error, 1.02 * error);
    }

    [Fact]
    public void Alternation_ends_at_or_above_it() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[0, 1000], Gen.Double[0.01, 3]).Sample((set, seed, start) =>
        {
            float[] values = Generators.Normal(40, seed);
            return ScaleProjection.Alternation(values, s_sets[set], s_sets[set], start).SquaredError >= ScaleProjection.Best(values, s_sets[set], s_sets[set]).SquaredError - 1e-9;
        }, iter: 200);

    [Fact]
    public void A_million_weights_of_eight_bits_take_little()
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        double[] levels = [.. Enumerable.Range(0, 128).Select(k => (double)k)];
        float[] values = Generators.Normal(1_000_000, seed: 5);
        ScaleFit fit = ScaleProjection.Best(values, levels, levels);
        Assert.InRange(fit.SquaredError / values.Length, 0.97 * 0.0000883, 1.03 * 0.0000883);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    [Fact]
    public void Refuses_levels_that_do_not_rise()
    {
        Assert.Throws<ArgumentException>(() => ScaleProjection.Best([1], [0, 1, 1], [0, 1]));
        Assert.Throws<ArgumentException>(() => ScaleProjection.Best([1], [0, 1], []));
        Assert.Throws<ArgumentException>(() => ScaleProjection.Best([1], [0, 1], [0, 1], 0, [1, 2]));
    }

    private static double Error(float[] values, double[] positive, double[] negative, double scale, double[] importance)
    {
        double sum = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double apart = (values[i] >= 0 ? positive : negative).Min(level => Math.Abs(Math.Abs((double)values[i]) - (scale * level)));
            sum += (importance.Length == 0 ? 1 : importance[i]) * apart * apart;
        }

        return sum;
    }
}
