using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Levels v e, e in {-1, +1}^K, K the bits, of each group, fitted by turns of assignment and least squares (<see cref="BinaryLevels"/>).</summary>
/// <remarks>
/// <para>From: Zhang, Yang, Ye, Hua 2018, LQ-Nets: Learned Quantization for Highly Accurate and Compact Deep Neural Networks, arXiv:1807.10029, section 3.2; a group is an output filter there. The start is
/// its code's, v_j = 2^j 0.6745 sigma / 2^(K-1), with sigma the root mean square of the group instead of that of the first weights of training.</para>
/// <para>A level is a sum of K signed numbers, so the result is K binary bases: K bits a weight and K numbers a group, and products are bit counts.</para>
/// </remarks>
public sealed record LqNets : IWeightMethod, IDescribed
{
    private const double UpperQuartile = 0.6745; // of a normal distribution

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("lq-nets", "LQ-Nets: learned levels (QEM)", "Zhang et al. 2018, arXiv:1807.10029");

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        int bases = target.BitsWithin(1, 4, Info);
        var values = new GroupedValues(weight, target.Granularity);
        var signs = new float[bases * weight.Values.Length];
        var scales = new float[bases * values.Count];
        values.ForEach(
            g =>
            {
                double[] v = Fit(values[g], bases);
                Assign(values[g], values.Elements(g), v, signs);
                for (int m = 0; m < bases; m++)
                {
                    scales[(m * values.Count) + g] = (float)v[m];
                }
            },
            cancel);
        return BasisTensors.Of(weight, target.Granularity, scales, signs);
    }

    private static double[] Fit(ReadOnlySpan<float> values, int bases)
    {
        var x = new double[values.Length];
        double squares = 0;
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = values[i];
            squares += x[i] * x[i];
        }

        double sigma = values.IsEmpty ? 0 : Math.Sqrt(squares / x.Length);
        double[] start = [.. Enumerable.Range(0, bases).Select(j => Math.ScaleB(UpperQuartile * sigma, j - bases + 1))];
        return [.. new BinaryLevels(x, [], signed: true).Fit(start).Select(v => (double)(float)v)];
    }

    private static void Assign(ReadOnlySpan<float> values, ReadOnlySpan<int> elements, double[] v, float[] signs)
    {
        (double Level, int Code)[] levels = BinaryLevels.Of(v, signed: true);
        double[] borders = [.. levels.Zip(levels.Skip(1), (low, high) => (low.Level + high.Level) / 2)];
        int count = signs.Length / v.Length;
        for (int i = 0; i < values.Length; i++)
        {
            int at = Array.BinarySearch(borders, values[i]);
            int code = levels[at < 0 ? ~at : at].Code;
            for (int m = 0; m < v.Length; m++)
            {
                signs[(m * count) + elements[i]] = (code >> m & 1) == 1 ? 1 : -1;
            }
        }
    }
}
