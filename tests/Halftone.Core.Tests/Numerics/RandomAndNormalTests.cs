using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class RandomAndNormalTests
{
    [Fact]
    public void Uniform_numbers_fill_the_unit_interval_evenly_and_do_not_follow_each_other()
    {
        var random = new CounterRandom(7);
        const int Count = 200_000;
        double[] values = [.. Enumerable.Range(0, Count).Select(i => random.Uniform(i))];
        int[] bins = new int[100];
        foreach (double value in values)
        {
            bins[(int)(value * 100)]++;
        }

        double chiSquared = bins.Sum(b => Math.Pow(b - (Count / 100.0), 2) / (Count / 100.0));
        Assert.InRange(chiSquared, 50, 170); // 99 degrees of freedom: 99 +- 5 * 14
        double correlation = values.Zip(values.Skip(1), (a, b) => (a - 0.5) * (b - 0.5)).Average() * 12;
        Assert.InRange(correlation, -0.012, 0.012);
    }

    [Fact]
    public void Near_seeds_share_nothing()
    {
        var a = new CounterRandom(1);
        var b = new CounterRandom(2);
        double correlation = Enumerable.Range(0, 100_000).Average(i => (a.Uniform(i) - 0.5) * (b.Uniform(i) - 0.5)) * 12;
        Assert.InRange(correlation, -0.016, 0.016);
    }

    [Fact]
    public void Stochastic_rounding_is_right_on_average()
    {
        var random = new CounterRandom(3);
        double mean = Enumerable.Range(0, 100_000).Average(i => Rounding.Stochastic(-2.3, random.Uniform(i)));
        Assert.InRange(mean, -2.3 - 0.008, -2.3 + 0.008); // 5 standard errors of a coin of 0.3
    }

    [Fact]
    public void Ties_go_to_even() => Assert.Equal(
        [-4.0, -2, -2, 0, 0, 2, 2, 4], new[] { -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5 }.Select(Rounding.NearestEven));

    // Abramowitz and Stegun, tables 7.1 and 26.1
    [Theory]
    [InlineData(0.5, 0.5204998778130465)]
    [InlineData(1, 0.8427007929497149)]
    [InlineData(2, 0.9953222650189527)]
    [InlineData(-1, -0.8427007929497149)]
    [InlineData(3.5, 0.9999992569016276)]
    public void The_error_function_is_that_of_the_tables(double x, double expected) => Assert.Equal(expected, Normal.ErrorFunction(x), 1e-14);

    [Theory]
    [InlineData(0.5, 0)]
    [InlineData(0.975, 1.959963984540054)]
    [InlineData(0.999, 3.090232306167813)]
    [InlineData(0.0001, -3.719016485455709)]
    public void The_quantiles_are_those_of_the_tables(double p, double expected) => Assert.Equal(expected, Normal.Quantile(p), 1e-9);

    [Fact]
    public void The_far_tail_keeps_its_digits() => Assert.Equal(2.088487583762545e-45, Normal.ErrorComplement(10), 1e-56);
}
