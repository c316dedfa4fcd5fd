using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Weights;

/// <summary>A sum of signs of the weight shifted by fixed amounts, scaled by least squares: as many bases as the target has bits.</summary>
/// <remarks>
/// <para>B_m = sign(W - mean(W) + u_m std(W)), u_m = -1 + 2 (m - 1) / (M - 1) for m = 1..M, 0 for one basis; alpha = argmin |W - sum_m alpha_m B_m|^2. Mean, deviation and alpha are those of each group;
/// the sign of 0 is +1.</para>
/// <para>From: Lin, Zhao, Pan 2017, Towards Accurate Binary Convolutional Neural Network, arXiv:1711.11294, section 3.1; over the layer or each output channel, as the target's granularity says.</para>
/// </remarks>
public sealed record AbcNet : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("abc-net", "ABC-Net: binary bases", "Lin, Zhao, Pan 2017, arXiv:1711.11294");

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        int bases = target.Codes.Bits;
        var values = new GroupedValues(weight, target.Granularity);
        var signs = new float[bases * weight.Values.Length];
        var alphas = new float[bases * values.Count];
        values.ForEach(
            g =>
            {
                double[] alpha = Fit(values[g], values.Elements(g), bases, signs);
                for (int m = 0; m < bases; m++)
                {
                    alphas[(m * values.Count) + g] = (float)alpha[m];
                }
            },
            cancel);
        return BasisTensors.Of(weight, target.Granularity, alphas, signs);
    }

    private static double[] Fit(ReadOnlySpan<float> values, ReadOnlySpan<int> elements, int bases, float[] signs)
    {
        int count = signs.Length / bases;
        var moments = Moments.Of(values);
        (double mean, double deviation) = (moments.Mean, Math.Sqrt(moments.Variance));
        var matrix = new double[bases * bases];
        var right = new double[bases];
        var row = new double[bases];
        for (int i = 0; i < values.Length; i++)
        {
            for (int m = 0; m < bases; m++)
            {
                double shift = bases == 1 ? 0 : -1 + (2.0 * m / (bases - 1));
                row[m] = values[i] - mean + (shift * deviation) >= 0 ? 1 : -1;
                signs[(m * count) + elements[i]] = (float)row[m];
                right[m] += row[m] * values[i];
                for (int n = 0; n <= m; n++)
                {
                    matrix[(m * bases) + n] += row[m] * row[n];
                }
            }
        }

        return NormalEquations.Solve(matrix, right, 1e-9); // bases that are alike share what they explain
    }
}
