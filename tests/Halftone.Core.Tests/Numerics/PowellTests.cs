using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class PowellTests
{
    [Fact]
    public void Finds_the_minimum_of_a_rotated_quadratic_in_ten_variables()
    {
        const int N = 10;
        var random = new CounterRandom(5);

        // sum of squares of 12 random linear forms, each 0 at the same known point
        double[] wanted = [.. Enumerable.Range(0, N).Select(i => random.Uniform(i) - 0.5)];
        double[][] forms = [.. Enumerable.Range(1, 12).Select(r => Enumerable.Range(0, N).Select(i => random.Uniform((100 * r) + i) - 0.5).ToArray())];
        double F(double[] x) => forms.Sum(f => Math.Pow(f.Select((a, i) => a * (x[i] - wanted[i])).Sum(), 2));

        (double[] point, double value) = Powell.Minimize(F, new double[N], 0.1, rounds: 200, lineEvaluations: 60, tolerance: 0);

        Assert.InRange(value, 0, 1e-10);
        Assert.All(point.Zip(wanted), p => Assert.Equal(p.Second, p.First, 1e-3));
    }

    [Fact]
    public void Finds_the_end_of_Rosenbrocks_valley()
    {
        (double[] point, double value) = Powell.Minimize(x => (100 * Math.Pow(x[1] - (x[0] * x[0]), 2)) + Math.Pow(1 - x[0], 2), [-1.2, 1], 0.1, rounds: 200, lineEvaluations: 60, tolerance: 0);

        Assert.InRange(value, 0, 6e-12);
        Assert.Equal(1, point[0], 1e-5);
        Assert.Equal(1, point[1], 1e-5);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public void Is_never_worse_than_the_start_and_keeps_to_its_evaluations(int lineEvaluations)
    {
        int count = 0;
        double Rough(double[] x)
        {
            count++;
            return x[0] == 0 && x[1] == 0 ? 1 : 1 + Math.Abs(Math.Sin(1000 * x[0]) + Math.Cos(700 * x[1])) + (x[0] > 2 ? double.NaN : 0);
        }

        (double[] point, double value) = Powell.Minimize(Rough, [0, 0], 0.1, rounds: 3, lineEvaluations);

        Assert.InRange(value, 0, 1);
        Assert.Equal(value, Rough(point));
        Assert.InRange(count, 1, (3 * ((3 * lineEvaluations) + 1)) + 2);
    }

    [Fact]
    public void Stops_when_asked()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => Powell.Minimize(x => x[0], [1], 0.1, 1, 5, cancel: stop.Token));
    }
}
