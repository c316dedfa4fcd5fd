using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Activations;

/// <summary>A sum of signs of the value moved by shifts: R ~ sum_n beta_n A_n, A_n = +1 where clip(R + v_n, 0, 1) >= 0.5, else -1; as many bases as bits.</summary>
/// <remarks>
/// <para>Base n changes sign at R = 0.5 - v_n. The paper trains v and beta; without training, v starts spread evenly over the range or a part of it, beta is least squares on the histogram, and then by turns each
/// sign change moves half-way between the levels at its sides and beta is solved again, as long as the squared error falls. One base may be +1 everywhere: it carries the mean, without which
/// the lowest level would be the negative of the highest.</para>
/// <para>From: Lin, Zhao, Pan 2017, Towards Accurate Binary Convolutional Neural Network, arXiv:1711.11294, section 3.2.</para>
/// </remarks>
public sealed record AbcNetActivation : IActivationMethod, IDescribed
{
    private const int Turns = 100;

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("abc-net", "ABC-Net: binary activations", "Lin, Zhao, Pan 2017, arXiv:1711.11294");

    /// <inheritdoc/>
    public ActivationQuantizer Choose(TensorStatistics statistics, int bits)
    {
        int bases = ActivationBits.Within(bits, 1, 16, Info);
        var points = ValuePoints.Of(statistics);
        BinaryBases? best = null;
        double least = double.PositiveInfinity;
        foreach (double part in (ReadOnlySpan<double>)[1, 0.5, 0.25])
        {
            foreach (bool constant in (ReadOnlySpan<bool>)[true, false])
            {
                int changes = constant ? bases - 1 : bases;
                (double low, double high) = (part * statistics.Min, part * statistics.Max);
                double[] start = [.. Enumerable.Range(1, changes).Select(k => low + ((high - low) * k / (changes + 1)))];
                BinaryBases made = Fit(points, start, constant);
                double error = points.SquaredError(v => made.Quantize((float)v));
                if (best is null || error < least)
                {
                    (best, least) = (made, error);
                }
            }
        }

        return best!;
    }

    private static BinaryBases Fit(ValuePoints points, double[] changes, bool constant)
    {
        BinaryBases best = Solve(points, changes, constant);
        double least = points.SquaredError(v => best.Quantize((float)v));
        BinaryBases now = best;
        for (int turn = 0; turn < Turns; turn++)
        {
            // between the levels on either side of each change
            float[] betas = [.. now.Betas.Skip(constant ? 1 : 0)];
            double level = (constant ? now.Betas[0] : 0) - betas.Sum(b => (double)b);
            double[] moved = [.. betas.Select(b => level = level + (2.0 * b)).Select((above, k) => above - betas[k])];
            now = Solve(points, [.. moved.Order()], constant);
            double error = points.SquaredError(v => now.Quantize((float)v));
            if (!(error < least))
            {
                return best;
            }

            (best, least) = (now, error);
        }

        return best;
    }

    /// <summary>Shifts for the changes, and the beta that are best for the changes as their floats leave them.</summary>
    private static BinaryBases Solve(ValuePoints points, double[] changes, bool constant)
    {
        float[] shifts = [.. constant ? [float.MaxValue] : Array.Empty<float>(), .. changes.Select(c => (float)(0.5 - c))];
        int n = shifts.Length;
        float[] thresholds = [.. new BinaryBases([.. new float[n]], [.. shifts]).Thresholds];
        var matrix = new double[n * n];
        var right = new double[n];
        for (int p = 0; p < points.Values.Length; p++)
        {
            double count = points.Counts[p];
            for (int i = 0; i < n; i++)
            {
                double own = Sign(i, p);
                right[i] += count * own * points.Values[p];
                for (int j = 0; j <= i; j++)
                {
                    matrix[(i * n) + j] += count * own * Sign(j, p);
                }
            }
        }

        double[] betas = NormalEquations.Solve(matrix, right, 1e-12);
        return new([.. betas.Select(b => (float)Math.Clamp(b, -float.MaxValue, float.MaxValue))], [.. shifts]);

        double Sign(int basis, int point) => (float)points.Values[point] >= thresholds[basis] ? 1 : -1;
    }
}
