using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class GptqTests
{
    private static readonly IntegerGrid s_two = new(2, true);
    private static readonly IntegerGrid s_four = new(4, true);

    /// <summary>Rows of inputs that depend on each other, as those of a layer do, and a weight.</summary>
    private static Gen<(double[] Moment, float[] Weight, int Inputs)> Layer(int outputs) => Gen.Int[2, 5].SelectMany(d =>
        Gen.Select(Gen.Double[-1, 1].Array[d * 3 * d], Gen.Float[-1, 1].Array[outputs * d]).Select((x, w) => (Second(x, 3 * d, d), w, d)));

    [Fact]
    public void Errs_no_more_than_rounding_alone_and_no_less_than_the_best_of_all_codes() =>
        Layer(outputs: 1).Sample((moment, weight, d) =>
        {
            // one scale that nobody may change, so that all codes can be tried
            var view = new WeightView(WeightKind.MatMul, [1, d], 0, 1, 1, weight);
            var target = new WeightTarget(s_two, true, Granularity.Tensor);
            var rounded = (AffineTensor)new OptimalMse().Quantize(view, target, LayerStatistics.None);
            var q = (AffineTensor)new Gptq().Quantize(view, target, new LayerStatistics { SecondMoment = moment });
            Assert.Equal(rounded.Scales, q.Scales);
            double best = AllCodes(d).Min(codes => Error(weight, Array.ConvertAll(codes, c => c * rounded.Scales[0]), moment, d));
            double error = Error(weight, q.Dequantize(), moment, d);
            return error >= best - 1e-9 && error <= Error(weight, rounded.Dequantize(), moment, d) + 1e-6;
        });

    [Fact]
    public void The_layer_errs_less_and_the_weight_more_than_with_rounding_alone()
    {
        (double Layer, double Weight) gptq = default;
        (double Layer, double Weight) plain = default;
        (double Layer, double Weight) rounded = default;
        Gen.Select(Gen.Double[-1, 1].Array[16 * 64], Gen.Float[-1, 1].Array[8 * 16]).Sample((noise, weight) =>
        {
            // neighbours share most of what they are
            double[] x = [.. noise.Select((v, i) => v + (i % 16 == 0 ? 0 : 2 * noise[i - 1]))];
            double[] moment = Second(x, 64, 16);
            var view = new WeightView(WeightKind.MatMul, [8, 16], 0, 1, 1, weight);
            var target = new WeightTarget(new IntegerGrid(4, false), false, Granularity.Block(1, 8));
            Add(ref gptq, new Gptq().Quantize(view, target, new LayerStatistics { SecondMoment = moment }).Dequantize());
            Add(ref plain, new Gptq { Refinements = 0 }.Quantize(view, target, new LayerStatistics { SecondMoment = moment }).Dequantize());
            Add(ref rounded, new OptimalMse().Quantize(view, target, LayerStatistics.None).Dequantize());

            void Add(ref (double Layer, double Weight) sums, float[] values)
            {
                for (int row = 0; row < 8; row++)
                {
                    sums.Layer += Error(weight[(row * 16)..((row + 1) * 16)], values[(row * 16)..((row + 1) * 16)], moment, 16);
                }

                sums.Weight += weight.Zip(values, (a, b) => Math.Pow(a - b, 2)).Sum();
            }
        }, iter: 20, threads: 1);
        Assert.True(plain.Layer < 0.9 * rounded.Layer, $"the paper's algorithm: {plain.Layer} against {rounded.Layer}");
        Assert.True(gptq.Layer < 0.95 * plain.Layer, $"the refinements: {gptq.Layer} against {plain.Layer}");
        Assert.True(gptq.Layer < 0.75 * rounded.Layer, $"{gptq.Layer} against {rounded.Layer}");
        Assert.True(gptq.Weight > rounded.Weight);
    }

    [Fact]
    public void Refinements_never_raise_the_error_whatever_shares_a_scale() =>
        Gen.Select(Layer(outputs: 4), Gen.OneOf(Gen.Const(Granularity.Tensor), Gen.Const(Granularity.Channel(0)), Gen.Const(Granularity.Block(1, 2)))).Sample((layer, granularity) =>
        {
            (double[] moment, float[] weight, int d) = layer;
            var view = new WeightView(WeightKind.MatMul, [4, d], 0, 1, 1, weight);
            double before = double.PositiveInfinity;
            for (int rounds = 0; rounds < 5; rounds++)
            {
                float[] values = new Gptq { Refinements = rounds }.Quantize(view, new(s_four, true, granularity), new LayerStatistics { SecondMoment = moment }).Dequantize();
                double error = Enumerable.Range(0, 4).Sum(row => Error(weight[(row * d)..((row + 1) * d)], values[(row * d)..((row + 1) * d)], moment, d));
                Assert.True(error <= before + 1e-6);
                before = error;
            }
        });

    [Fact]
    public void Inputs_that_are_independent_and_a_layer_without_statistics_are_rounded_alone() =>
        Layer(outputs: 3).Sample((_, weight, d) =>
        {
            var view = new WeightView(WeightKind.MatMul, [3, d], 0, 1, 1, weight);
            var target = new WeightTarget(s_four, true, Granularity.Channel(0));
            double[] identity = [.. Enumerable.Range(0, d * d).Select(i => i % (d + 1) == 0 ? 1.0 : 0)];
            float[] rounded = new OptimalMse().Quantize(view, target, LayerStatistics.None).Dequantize();
            Assert.Equal(rounded, new Gptq().Quantize(view, target, LayerStatistics.None).Dequantize());
            Assert.Equal(rounded, new Gptq { Refinements = 0 }.Quantize(view, target, new LayerStatistics { SecondMoment = identity }).Dequantize());
        });

    [Fact]
    public void Where_the_axes_lie_does_not_matter()
    {
        Layer(outputs: 3).Sample((moment, weight, d) =>
        {
            var statistics = new LayerStatistics { SecondMoment = moment };
            float[] upright = new Gptq().Quantize(new(WeightKind.MatMul, [3, d], 0, 1, 1, weight), new(s_four, true, Granularity.Block(1, 2)), statistics).Dequantize();
            float[] lying = new Gptq().Quantize(new(WeightKind.MatMul, [d, 3], 1, 0, 1, Turn(weight, 3, d)), new(s_four, true, Granularity.Block(0, 2)), statistics).Dequantize();
            Assert.Equal(upright, Turn(lying, d, 3));
        });
    }

    [Fact]
    public void Groups_of_a_convolution_have_moments_of_their_own()
    {
        double[] moments = [1, 0.9, 0.9, 1, 1, -0.9, -0.9, 1];
        float[] weight = [0.3f, 0.7f, -0.9f, 0.4f];
        var target = new WeightTarget(s_two, true, Granularity.Channel(0));
        float[] both = new Gptq().Quantize(new(WeightKind.Conv, [2, 2, 1, 1], 0, 1, 2, weight), target, new LayerStatistics { SecondMoment = moments }).Dequantize();
        for (int group = 0; group < 2; group++)
        {
            float[] alone = new Gptq().Quantize(
                new(WeightKind.Conv, [1, 2, 1, 1], 0, 1, 1, weight.AsMemory(2 * group, 2)), target, new LayerStatistics { SecondMoment = moments[(4 * group)..(4 * group + 4)] }).Dequantize();
            Assert.Equal(alone, both[(2 * group)..(2 * group + 2)]);
        }
    }

    [Fact]
    public void Moments_of_the_wrong_size_are_refused() =>
        Assert.Throws<ArgumentException>(() => new Gptq().Quantize(
            new(WeightKind.MatMul, [1, 2], 0, 1, 1, new float[] { 1, 2 }), new(s_four, true, Granularity.Tensor), new LayerStatistics { SecondMoment = [1] }));

    private static double Error(float[] weight, float[] value, double[] moment, int d)
    {
        double sum = 0;
        for (int i = 0; i < d; i++)
        {
            for (int j = 0; j < d; j++)
            {
                sum += (weight[i] - value[i]) * moment[(i * d) + j] * (weight[j] - value[j]);
            }
        }

        return sum;
    }

    private static double[] Second(double[] x, int rows, int d)
    {
        var moment = new double[d * d];
        for (int r = 0; r < rows; r++)
        {
            for (int i = 0; i < d * d; i++)
            {
                moment[i] += x[(r * d) + (i / d)] * x[(r * d) + (i % d)] / rows;
            }
        }

        return moment;
    }

    private static IEnumerable<int[]> AllCodes(int d) =>
        Enumerable.Range(0, 1 << (2 * d)).Select(n => Enumerable.Range(0, d).Select(i => ((n >> (2 * i)) & 3) - 2).ToArray());

    private static float[] Turn(float[] values, int rows, int columns) =>
        [.. Enumerable.Range(0, values.Length).Select(i => values[(i % rows * columns) + (i / rows)])];
}
