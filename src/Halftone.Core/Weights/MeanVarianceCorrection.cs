using System.Collections.Immutable;
using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>Gives each output channel of a quantized weight the mean and the deviation that it had: W' = xi (Wq - E Wq) + E W, xi = |W - E W| / |Wq - E Wq|.</summary>
/// <remarks>
/// <para>From: Banner, Nahshan, Soudry 2019, arXiv:1810.05723, section 4. What its code does; the order of the paper's formula, xi (Wq + E W - E Wq), would move the mean again.</para>
/// <para>xi joins scales, signs' scales and codewords of single values, of which each output channel then has its own, and the rest an offset for each. Formats without such scales (small
/// floats, masks, hashes, codewords of several values, groups across output channels) take the offset alone, and with it the mean: <see cref="Restores"/>.</para>
/// </remarks>
public static class MeanVarianceCorrection
{
    /// <summary>The corrected weight.</summary>
    /// <param name="quantized">In any format.</param>
    /// <param name="weight">As it was.</param>
    /// <exception cref="ArgumentException">Their shapes differ.</exception>
    public static QuantizedTensor Corrected(QuantizedTensor quantized, WeightView weight)
    {
        if (!quantized.Shape.AsSpan().SequenceEqual(weight.Shape.AsSpan()))
        {
            throw new ArgumentException($"A tensor of shape [{string.Join(", ", quantized.Shape)}] is not the weight of shape [{string.Join(", ", weight.Shape)}].", nameof(quantized));
        }

        if (quantized.Count == 0)
        {
            return quantized;
        }

        Granularity channels = OutputChannels.Of(weight);
        int count = channels.GroupCount(weight.Shape.AsSpan());
        (double[] means, double[] norms) = Moments(weight.Values.Span, weight.Shape, channels, count);
        (double[] madeMeans, double[] madeNorms) = Moments(quantized.Dequantize(), weight.Shape, channels, count);
        double[] xi = [.. norms.Zip(madeNorms, (w, q) => w > 0 && q > 0 && double.IsFinite(w / q) ? w / q : 1)];
        QuantizedTensor scaled = quantized;
        if (Restores(quantized, weight))
        {
            scaled = Scaled(quantized, weight, channels, xi);
            (madeMeans, _) = Moments(scaled.Dequantize(), weight.Shape, channels, count); // as the rounded scales leave them
        }

        return Moved(scaled, weight, channels, [.. means.Zip(madeMeans, (w, q) => (float)(w - q))]);
    }

    /// <summary>Whether the deviation is restored too, not the mean alone.</summary>
    public static bool Restores(QuantizedTensor quantized, WeightView weight) => quantized switch
    {
        AffineTensor a => Own(a.Granularity, weight),
        BinaryBasisTensor b => Own(b.Granularity, weight),
        CodebookTensor { Width: 1, Subspaces: 1 } c => Own(c.Granularity, weight),
        SumTensor s => s.Terms.All(t => Restores(t, weight)),
        _ => false,
    };

    // one group for all can become one a channel
    private static bool Own(Granularity granularity, WeightView weight) =>
        granularity.Kind is GranularityKind.Tensor or GranularityKind.Network || OutputChannels.OwnGroups(granularity, weight);

    private static QuantizedTensor Scaled(QuantizedTensor tensor, WeightView weight, Granularity channels, double[] xi)
    {
        switch (tensor)
        {
            case AffineTensor a:
                Split split = new(a.Granularity, weight, channels);
                float[] scales = [.. split.Groups.Select((g, i) => Times(a.Scales[g], xi[split.Channels[i]], keep: true))];
                float[] offsets = a.Offsets.IsEmpty ? [] : [.. split.Groups.Select((g, i) => Times(a.Offsets[g], xi[split.Channels[i]]))];
                return new AffineTensor(a.Shape, split.Granularity, a.Grid, a.Codes(), [.. scales], split.Of(a.ZeroPoints), [.. offsets], split.Of(a.Bits), a.HalfCodes);
            case BinaryBasisTensor b:
                split = new(b.Granularity, weight, channels);
                var words = new ulong[b.Bases * b.WordsPerBasis];
                List<float> alphas = [];
                for (int m = 0; m < b.Bases; m++)
                {
                    b.Basis(m).CopyTo(words.AsSpan(m * b.WordsPerBasis));
                    alphas.AddRange(split.Groups.Select((g, i) => Times(b.Scales[(m * b.Groups) + g], xi[split.Channels[i]])));
                }

                return new BinaryBasisTensor(b.Shape, split.Granularity, [.. alphas], words);
            case CodebookTensor c:
                split = new(c.Granularity, weight, channels);
                IEnumerable<float> codewords = split.Groups.SelectMany((g, i) => Enumerable.Range(0, c.CodebookSize).Select(k => Times(c.Codewords[(g * c.CodebookSize) + k], xi[split.Channels[i]])));
                return new CodebookTensor(c.Shape, 1, c.CodebookSize, [.. codewords], [.. Enumerable.Range(0, c.Count).Select(c.Index)], split.Granularity);
            default:
                return new SumTensor([.. ((SumTensor)tensor).Terms.Select(t => Scaled(t, weight, channels, xi))]);
        }
    }

    private static QuantizedTensor Moved(QuantizedTensor tensor, WeightView weight, Granularity channels, float[] by)
    {
        switch (tensor)
        {
            case AffineTensor a when OutputChannels.OwnGroups(a.Granularity, weight):
                Split split = new(a.Granularity, weight, channels);
                float[] offsets = [.. split.Groups.Select((g, i) => (a.Offsets.IsEmpty ? 0 : a.Offsets[g]) + by[split.Channels[i]])];
                return new AffineTensor(a.Shape, a.Granularity, a.Grid, a.Codes(), a.Scales, a.ZeroPoints, [.. offsets], a.Bits, a.HalfCodes);
            case CodebookTensor { Width: 1, Subspaces: 1 } c when OutputChannels.OwnGroups(c.Granularity, weight):
                split = new(c.Granularity, weight, channels);
                IEnumerable<float> codewords = c.Codewords.Select((v, i) => v + by[split.Channels[i / c.CodebookSize]]);
                return new CodebookTensor(c.Shape, 1, c.CodebookSize, [.. codewords], [.. Enumerable.Range(0, c.Count).Select(c.Index)], c.Granularity);
            default:
                // one codeword a channel, indices of 0 bits: an offset and no more
                var offset = new CodebookTensor(tensor.Shape, 1, 1, [.. by], new int[tensor.Count], channels);
                return new SumTensor(tensor is SumTensor sum ? sum.Terms.Add(offset) : [tensor, offset]);
        }
    }

    private static float Times(float value, double xi, bool keep = false)
    {
        var product = (float)(value * xi);
        return float.IsFinite(product) && (!keep || float.IsNormal(product)) ? product : value;
    }

    private static (double[] Means, double[] Norms) Moments(ReadOnlySpan<float> values, ImmutableArray<int> shape, Granularity channels, int count)
    {
        var sums = new double[count];
        var counts = new int[count];
        var squares = new double[count];
        Walk(values, (channel, value) =>
        {
            sums[channel] += value;
            counts[channel]++;
        });
        double[] means = [.. sums.Zip(counts, (s, n) => s / n)];
        Walk(values, (channel, value) => squares[channel] += (value - means[channel]) * (value - means[channel]));
        return (means, [.. squares.Select(Math.Sqrt)]);

        void Walk(ReadOnlySpan<float> all, Action<int, double> see)
        {
            foreach (GroupRun run in channels.Runs(shape))
            {
                for (int i = 0; i < run.Length; i++)
                {
                    see(run.Group + (i * run.Step), all[run.Start + i]);
                }
            }
        }
    }

    /// <summary>Groups such that each is of one output channel: the group of the tensor that it comes from, and the channel.</summary>
    private sealed class Split
    {
        public Split(Granularity granularity, WeightView weight, Granularity channels)
        {
            bool own = OutputChannels.OwnGroups(granularity, weight);
            Granularity = own ? granularity : channels;
            int count = Granularity.GroupCount(weight.Shape.AsSpan());
            Groups = [.. Enumerable.Range(0, count).Select(g => own ? g : 0)];
            Channels = new int[count];
            foreach (GroupRun run in Granularity.Runs(weight.Shape))
            {
                for (int i = 0; i < run.Length; i += run.Step == 0 ? run.Length : 1)
                {
                    Channels[run.Group + (i * run.Step)] = channels.GroupOf(run.Start + i, weight.Shape.AsSpan());
                }
            }
        }

        public Granularity Granularity { get; }

        public int[] Groups { get; }

        public int[] Channels { get; }

        public ImmutableArray<T> Of<T>(ImmutableArray<T> perGroup) => [.. Groups.Select(g => perGroup[g])];
    }
}
