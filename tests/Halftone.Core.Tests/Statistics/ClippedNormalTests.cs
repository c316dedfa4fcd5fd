using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Core.Tests.Statistics;

public sealed class ClippedNormalTests
{
    [Theory]
    [InlineData(0, 1, double.NegativeInfinity, double.PositiveInfinity)]
    [InlineData(0.3, 1.2, 0, double.PositiveInfinity)]
    [InlineData(-2, 1, 0, double.PositiveInfinity)]
    [InlineData(4, 2, 0, 6)]
    [InlineData(1, 0.5, -1, 0.5)]
    [InlineData(100, 0.1, 0, double.PositiveInfinity)]
    [InlineData(0, 3, double.NegativeInfinity, 1)]
    public void Mean_and_variance_are_those_of_draws(double centre, double spread, double low, double high)
    {
        const int Draws = 4_000_000;
        var normal = new ClippedNormal(centre, spread, low, high);
        (double sum, double squares) = (0, 0);
        int atLow = 0;

        var random = new CounterRandom(9);
        for (int i = 0; i < Draws; i += 2)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.Uniform(i)));
            double angle = 2 * Math.PI * random.Uniform(i + 1);
            foreach (double z in (ReadOnlySpan<double>)[radius * Math.Cos(angle), radius * Math.Sin(angle)])
            {
                double x = Math.Clamp(centre + (spread * z), low, high);
                sum += x;
                squares += (x - centre) * (x - centre);
                atLow += x == low ? 1 : 0;
            }
        }

        double mean = sum / Draws;
        double variance = (squares / Draws) - ((mean - centre) * (mean - centre));
        Assert.Equal(mean, normal.Mean, 1.5e-3 * spread);
        Assert.Equal(variance, normal.Variance, 3e-3 * spread * spread);
        Assert.Equal(atLow / (double)Draws, normal.AtLow, 1e-3);
    }

    [Fact]
    public void Behind_a_Relu_it_is_the_papers_short_form()
    {
        foreach (double beta in (double[])[-3, -0.2, 0, 1.7])
        {
            double density = Math.Exp(-beta * beta / 8) / Math.Sqrt(2 * Math.PI);
            Assert.Equal((2 * density) + (beta * Normal.Cumulative(beta / 2)), new ClippedNormal(beta, 2, 0).Mean, 1e-12);
        }
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 0)]
    [InlineData(2.5, 2.5)]
    [InlineData(7, 6)]
    public void Without_spread_it_is_a_number(double centre, double expected)
    {
        var normal = new ClippedNormal(centre, 0, 0, 6);
        Assert.Equal((expected, 0, (expected, expected)), (normal.Mean, normal.Variance, normal.Range(6)));
    }

    [Fact]
    public void Ranges_end_at_bounds()
    {
        Assert.Equal((0, 13), new ClippedNormal(1, 2, 0).Range(6));
        Assert.Equal((-11, 6), new ClippedNormal(1, 2, High: 6).Range(6));
        Assert.Equal((2, 2), new ClippedNormal(-9, 1, 0).Clip(2, 5).Range(6));
    }
}
