using Halftone.Formats;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class BitGoesDownTests
{
    private static readonly WeightTarget s_target = new(new(4, signed: false), true, Granularity.Tensor);

    [Fact]
    public void Inputs_that_are_independent_change_nothing()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(64 * 18, seed: 1), 64, 2, 3, 3);
        double[] identity = [.. Enumerable.Range(0, 18 * 18).Select(i => i % 19 == 0 ? 0.25 : 0)];
        float[] without = new BitGoesDown().Quantize(weight, s_target, LayerStatistics.None).Dequantize();
        Assert.Equal(without, new BitGoesDown().Quantize(weight, s_target, new LayerStatistics { SecondMoment = identity }).Dequantize());
        Assert.Equal(without, new BitGoesDown().Quantize(weight, s_target, new LayerStatistics { SecondMoment = new double[18 * 18] }).Dequantize());
    }

    [Fact]
    public void The_outputs_err_less_and_the_weights_more_than_without_the_inputs()
    {
        const int Inputs = 36;
        double[] x = Neighbours(rows: 500, Inputs, seed: 3);
        double[] moment = Moment(x, Inputs);
        WeightView weight = WeightMethodContract.View(Generators.Normal(64 * Inputs, seed: 2), 64, 4, 3, 3);
        float[] plain = new BitGoesDown().Quantize(weight, s_target, LayerStatistics.None).Dequantize();
        float[] aware = new BitGoesDown().Quantize(weight, s_target, new LayerStatistics { SecondMoment = moment }).Dequantize();
        Assert.True(OutputError(weight, aware, x, Inputs) < 0.9 * OutputError(weight, plain, x, Inputs));
        Assert.True(WeightError(weight, aware) > WeightError(weight, plain));
    }

    [Fact]
    public void No_other_codeword_errs_less_in_the_outputs_than_the_mean()
    {
        // full rank or not: moving a codeword any way never helps the vectors that have it
        foreach (int rows in (int[])[200, 4])
        {
            double[] x = Neighbours(rows, 9, seed: 4);
            WeightView weight = WeightMethodContract.View(Generators.Normal(200 * 9, seed: 5), 200, 1, 3, 3);
            var q = (CodebookTensor)new BitGoesDown().Quantize(weight, s_target, new LayerStatistics { SecondMoment = Moment(x, 9) });
            double least = OutputError(weight, q.Dequantize(), x, 9);
            Gen.Float[-0.1f, 0.1f].Array[q.Codewords.Length].Sample(
                step =>
                {
                    int[] indices = [.. Enumerable.Range(0, 200).Select(q.Index)];
                    var moved = new CodebookTensor(q.Shape, q.Width, q.CodebookSize, [.. q.Codewords.Zip(step, (c, s) => c + s)], indices);
                    return OutputError(weight, moved.Dequantize(), x, 9) >= least * (1 - 1e-6);
                }, iter: 50);
        }
    }

    [Theory]
    [InlineData(2048, 8, 8)] // 2^bits
    [InlineData(512, 8, 6)] // 128 = 512 / 4 is not strictly below
    [InlineData(516, 8, 7)]
    [InlineData(4, 8, 0)]
    public void Codewords_are_the_largest_power_of_two_below_a_quarter_of_the_vectors(int outputs, int bits, int indexBits)
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(outputs * 9, seed: 6), outputs, 1, 3, 3);
        var q = (CodebookTensor)new BitGoesDown().Quantize(weight, s_target with { Codes = new(bits, true) }, LayerStatistics.None);
        Assert.Equal(9, q.Width);
        Assert.Equal(indexBits, q.IndexBits);
        Assert.Equal(1 << indexBits, q.CodebookSize);
    }

    [Fact]
    public void Products_of_matrices_have_vectors_of_four_and_longer_indices()
    {
        var weight = new WeightView(WeightKind.MatMul, [64, 1024], 1, 0, 1, Generators.Normal(64 * 1024, seed: 7));
        var q = (CodebookTensor)new BitGoesDown { Iterations = 3 }.Quantize(weight, s_target, LayerStatistics.None);
        Assert.Equal((4, 11), (q.Width, q.IndexBits));
    }

    [Fact]
    public void Moments_of_the_wrong_size_are_refused() =>
        Assert.Throws<ArgumentException>(() => new BitGoesDown().Quantize(WeightMethodContract.View(new float[18], 2, 1, 3, 3), s_target, new LayerStatistics { SecondMoment = [1] }));

    // neighbours share most of what they are
    private static double[] Neighbours(int rows, int inputs, int seed)
    {
        float[] noise = Generators.Normal(rows * inputs, seed);
        var x = new double[noise.Length];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = noise[i] + (i % inputs == 0 ? 0 : 0.9 * x[i - 1]);
        }

        return x;
    }

    private static double[] Moment(double[] x, int d)
    {
        var moment = new double[d * d];
        for (int r = 0; r < x.Length; r += d)
        {
            for (int i = 0; i < moment.Length; i++)
            {
                moment[i] += x[r + (i / d)] * x[r + (i % d)] * d / x.Length;
            }
        }

        return moment;
    }

    // ||x (w - q)||^2 over the inputs themselves
    private static double OutputError(WeightView weight, float[] values, double[] x, int d)
    {
        double[] difference = [.. weight.Values.ToArray().Zip(values, (w, q) => (double)w - q)];
        double sum = 0;
        for (int row = 0; row < difference.Length; row += d)
        {
            for (int r = 0; r < x.Length; r += d)
            {
                double product = 0;
                for (int i = 0; i < d; i++)
                {
                    product += x[r + i] * difference[row + i];
                }

                sum += product * product;
            }
        }

        return sum;
    }

    private static double WeightError(WeightView weight, float[] values) => weight.Values.ToArray().Zip(values, (w, q) => Math.Pow((double)w - q, 2)).Sum();
}
