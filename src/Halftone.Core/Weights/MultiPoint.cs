using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Output channels that err too much take further points: each the nearest codes, with the best scale, of what those before it leave.</summary>
/// <remarks>
/// <para>w ~ sum_{i=1..p} a_i q_i per output channel, (a_i, q_i) = argmin |r_i - a q|^2 exactly (<see cref="ScaleProjection"/>), r_1 = w, r_{i+1} = r_i - a_i q_i; p grows while
/// E_x (w x - w' x)^2 > <see cref="Epsilon"/> E_x (w x)^2 and p &lt; <see cref="Pmax"/>. Without the layer's inputs both are taken of the weight itself.</para>
/// <para>The first point is that of <see cref="Omse"/> with the target's granularity. The scales of further ones belong to output channels, or to the target's blocks.
/// A channel without a further point costs its scale of 32 bits in that term, which says so, and no codes.</para>
/// <para>From: Liu, Ye, Zhou, Liu 2021, Post-training Quantization with Multiple Points: Mixed Precision without Mixed Precision, arXiv:2002.09049, section 3. Chosen here:
/// the threshold is a share of the output's power, so that one number serves all layers.</para>
/// </remarks>
public sealed record MultiPoint : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("multi-point", "Multi-point quantization", "Liu et al. 2021, arXiv:2002.09049");

    /// <summary>The share of its output's power that a channel may err without a further point.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not a number.</exception>
    public double Epsilon
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfEqual(value >= 0, false, nameof(value));
            field = value;
        }
    } = 0.02;

    /// <summary>Points of a channel at most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 8.</exception>
    public int Pmax
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 8);
            field = value;
        }
    } = 4;

    /// <inheritdoc/>
    public LayerStatisticsNeeds Needs => LayerStatisticsNeeds.SecondMoment;

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        QuantizedTensor first = new Omse().Quantize(weight, target, LayerStatistics.None, cancel);
        List<QuantizedTensor> terms = [first];
        float[] made = first.Dequantize();
        Granularity channels = OutputChannels.Of(weight);
        Granularity groups = target.Granularity.Kind is GranularityKind.Block && OutputChannels.OwnGroups(target.Granularity, weight) ? target.Granularity : channels;
        var layer = LayerMoments.Of(weight, statistics);
        while (terms.Count < Pmax)
        {
            bool[] wanting = Wanting(weight, channels, layer, made, cancel);
            double[] scales = Scales(weight, target, groups, channels, made, wanting, cancel);
            if (!scales.Any(s => s > 0))
            {
                break;
            }

            AffineTensor term = FurtherTerm.Of(weight, target.Codes, groups, made, scales);
            terms.Add(term);
            made = new SumTensor([.. terms]).Dequantize();
        }

        return terms.Count == 1 ? first : new SumTensor([.. terms]);
    }

    /// <summary>The output channels that err too much.</summary>
    private bool[] Wanting(WeightView weight, Granularity channels, LayerMoments? layer, float[] made, CancellationToken cancel)
    {
        int count = channels.GroupCount(weight.Shape.AsSpan());
        var error = new double[count];
        var power = new double[count];
        if (layer is not null)
        {
            Parallel.For(0, layer.Rows, new ParallelOptions { CancellationToken = cancel }, row =>
            {
                double[] w = layer.Row(row);
                double[] q = layer.Row(row, made);
                error[row] = layer.Square(row, [.. w.Zip(q, (x, y) => x - y)]);
                power[row] = layer.Square(row, w);
            });
        }
        else
        {
            ReadOnlySpan<float> values = weight.Values.Span;
            foreach (GroupRun run in channels.Runs(weight.Shape))
            {
                for (int i = 0; i < run.Length; i++)
                {
                    double w = values[run.Start + i];
                    int channel = run.Group + (i * run.Step);
                    error[channel] += (w - made[run.Start + i]) * (w - made[run.Start + i]);
                    power[channel] += w * w;
                }
            }
        }

        return [.. error.Zip(power, (e, p) => e > Epsilon * p)];
    }

    private static double[] Scales(WeightView weight, WeightTarget target, Granularity groups, Granularity channels, float[] made, bool[] wanting, CancellationToken cancel)
    {
        var rest = new float[made.Length];
        for (int i = 0; i < rest.Length; i++)
        {
            rest[i] = weight.Values.Span[i] - made[i];
        }

        var values = new GroupedValues(weight with { Values = rest }, groups);
        CodeLevels levels = CodeLevels.Of(target.Codes, AffineParameters.FromRange(-1, 1, target.Codes, symmetric: true).ZeroPoint);
        var scales = new double[values.Count];
        values.ForEach(
            g =>
            {
                if (!values[g].IsEmpty && wanting[channels.GroupOf(values.Elements(g)[0], weight.Shape.AsSpan())])
                {
                    double scale = ScaleProjection.Best(values[g], levels.Positive, levels.Negative).Scale;
                    scales[g] = float.IsNormal((float)scale) ? scale : 0;
                }
            },
            cancel);
        return scales;
    }
}
