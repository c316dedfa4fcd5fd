using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

public sealed class MeanVarianceCorrectionTests
{
    private static readonly WeightView s_weight = WeightMethodContract.View([.. Generators.Laplace(6 * 40, seed: 1).Select((v, i) => (v * (1 + (i / 40))) + (0.3f * (i / 40)))], 6, 4, 10);
    private static readonly IntegerGrid s_three = new(3, signed: true);

    public static TheoryData<string> Exact => ["omse tensor", "omse channel", "omse block", "sawb tensor", "pwlq tensor", "pwlq channel", "bwn tensor", "bwn channel", "abc-net tensor", "multi-point tensor", "dual channel", "logarithmic block", "hqq block"];

    [Theory, MemberData(nameof(Exact))]
    public void Each_output_channel_has_its_mean_and_deviation_again(string what)
    {
        QuantizedTensor q = Make(what);
        Assert.True(MeanVarianceCorrection.Restores(q, s_weight));
        QuantizedTensor corrected = MeanVarianceCorrection.Corrected(q, s_weight);
        float[] made = corrected.Dequantize();
        for (int channel = 0; channel < 6; channel++)
        {
            (double mean, double deviation) = Moments(s_weight.Values.Span.Slice(channel * 40, 40));
            (double madeMean, double madeDeviation) = Moments(made.AsSpan(channel * 40, 40));
            Assert.Equal(mean, madeMean, 1e-6 * (1 + Math.Abs(mean)));
            Assert.Equal(deviation, madeDeviation, 2e-6 * deviation);
        }

        // what it was, times a factor and moved, in each channel
        float[] before = q.Dequantize();
        for (int channel = 0; channel < 6; channel++)
        {
            (double mean, double deviation) = Moments(before.AsSpan(channel * 40, 40));
            (double madeMean, double madeDeviation) = Moments(made.AsSpan(channel * 40, 40));
            Assert.All(Enumerable.Range(channel * 40, 40), i => Assert.Equal((before[i] - mean) / deviation, (made[i] - madeMean) / madeDeviation, 1e-4));
        }

        Assert.True(corrected.StorageBits <= q.StorageBits + (6 * 32 * 2 * 31), $"{corrected.StorageBits} after {q.StorageBits}");
    }

    [Theory]
    [InlineData("inputs")]
    [InlineData("sparse")]
    [InlineData("float")]
    [InlineData("vectors")]
    public void Formats_without_a_scale_for_a_channel_have_their_mean_again(string what)
    {
        ulong[] mask = [.. Enumerable.Repeat(0x5555555555555555UL, 3), 0x0000555555555555UL];
        QuantizedTensor q = what switch
        {
            "inputs" => new Omse().Quantize(s_weight, new(s_three, true, Granularity.Channel(1)), LayerStatistics.None),
            "sparse" => new SparseTensor(s_weight.Shape, mask, new AffineTensor([120], Granularity.Tensor, s_three, new int[120], [1])),
            "float" => new FloatTensor(s_weight.Shape, SmallFloat.Float8E5M2, [.. s_weight.Values.ToArray().Select(v => SmallFloat.Float8E5M2.Encode(v))]),
            _ => new CodebookTensor(s_weight.Shape, 2, 2, [0.1f, 0.2f, 1, -1], [.. Enumerable.Range(0, 120).Select(i => i % 2)]),
        };
        Assert.False(MeanVarianceCorrection.Restores(q, s_weight));
        QuantizedTensor corrected = MeanVarianceCorrection.Corrected(q, s_weight);
        Assert.Equal(q.StorageBits + (6 * 32), corrected.StorageBits);
        float[] made = corrected.Dequantize();
        Assert.All(Enumerable.Range(0, 6), c => Assert.Equal(Moments(s_weight.Values.Span.Slice(c * 40, 40)).Mean, Moments(made.AsSpan(c * 40, 40)).Mean, 1e-6));
    }

    [Fact]
    public void A_channel_that_became_constant_takes_its_mean_and_nothing_is_no_failure()
    {
        WeightView weight = WeightMethodContract.View([1, 2, 3, 100, 0, 0, 0, 0], 2, 4);
        QuantizedTensor q = new AffineTensor(weight.Shape, Granularity.Tensor, s_three, new int[8], [1]);
        Assert.Equal([26.5f, 26.5f, 26.5f, 26.5f, 0, 0, 0, 0], MeanVarianceCorrection.Corrected(q, weight).Dequantize());
        WeightView empty = WeightMethodContract.View([], 0, 3);
        Assert.Empty(MeanVarianceCorrection.Corrected(new AffineTensor(empty.Shape, Granularity.Tensor, s_three, [], [1]), empty).Dequantize());
        Assert.Throws<ArgumentException>(() => MeanVarianceCorrection.Corrected(q, empty));
    }

    private static QuantizedTensor Make(string what)
    {
        string[] parts = what.Split(' ');
        Granularity granularity = parts[1] switch { "channel" => Granularity.Channel(0), "block" => Granularity.Block(1, 2), _ => Granularity.Tensor };
        IWeightMethod method = parts[0] == "dual" ? new Omse { DualAbove = 0.02 } : WeightMethods.All.Find(parts[0]).Default;
        return method.Quantize(s_weight, new(s_three, true, granularity), LayerStatistics.None);
    }

    private static (double Mean, double Deviation) Moments(ReadOnlySpan<float> values)
    {
        double[] v = [.. values.ToArray().Select(x => (double)x)];
        double mean = v.Average();
        return (mean, Math.Sqrt(v.Average(x => (x - mean) * (x - mean))));
    }
}
