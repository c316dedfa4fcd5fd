using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Zero points that are no integers, found so that few large errors remain rather than many small ones: half-quadratic splitting.</summary>
/// <remarks>
/// <para>min over z and W_e of |W_e|_p^p + beta / 2 |W_e - (W - s (Q - z))|^2, Q = clamp(round(W / s + z)), s from the extremes of the group. Each of <see cref="Iterations"/> turns:
/// W_e = shrink(W - s (Q - z)), shrink(x) = sign(x) max(|x| - |x|^(p-1) / beta, 0); z = mean(Q - (W - W_e) / s); beta grows by <see cref="Kappa"/>. The z with the least sum |W - s (Q - z)|^p counts; the first is
/// that of <see cref="RoundToNearest"/>, so that no group errs more than it in that measure.</para>
/// <para>From: Badri, Shaji 2023, Half-Quadratic Quantization of Large Machine Learning Models (Mobius Labs). Errors are measured in steps s here. In units of the weights, as its code has it, the
/// threshold |x|^(p-1) / beta of an error of 0.002 is 0.65: nothing is ever kept, and z is but the mean.</para>
/// </remarks>
public sealed record Hqq : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("hqq", "HQQ: half-quadratic zero points", "Badri, Shaji 2023, Half-Quadratic Quantization");

    /// <summary>p: above 0, at most 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside (0, 1].</exception>
    public double P
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1);
            field = value;
        }
    } = 0.7;

    /// <summary>The first beta.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public double Beta
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfEqual(value > 0, false, nameof(value));
            field = value;
        }
    } = 10;

    /// <summary>What beta grows by in a turn.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public double Kappa
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfEqual(value >= 1, false, nameof(value));
            field = value;
        }
    } = 1.01;

    /// <summary>Turns at most; 0 is round to nearest.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int Iterations
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    } = 20;

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        var values = new GroupedValues(weight, target.Granularity);
        var codes = new int[weight.Values.Length];
        var scales = new float[values.Count];
        var offsets = new float[values.Count];
        values.ForEach(
            g =>
            {
                var start = AffineParameters.FromRange(values.Extremes.Min[g], values.Extremes.Max[g], target.Codes, target.Symmetric);
                scales[g] = start.Scale;
                offsets[g] = Group(values[g], values.Elements(g), start, target.Codes, codes);
            },
            cancel);
        return new AffineTensor(weight.Shape, target.Granularity, target.Codes, codes, [.. scales], offsets: [.. offsets]);
    }

    // all in steps of the scale; gives the offset, -scale * zero point
    private float Group(ReadOnlySpan<float> values, ReadOnlySpan<int> elements, AffineParameters start, IntegerGrid grid, int[] codes)
    {
        var w = new double[values.Length];
        var q = new double[values.Length];
        for (int i = 0; i < w.Length; i++)
        {
            w[i] = (double)values[i] / start.Scale;
            q[i] = start.Quantize(values[i], grid);
        }

        double zero = start.ZeroPoint;
        (double best, double least, double[] chosen) = (zero, Error(w, q, zero), [.. q]);
        double beta = Beta;
        for (int turn = 0; turn < Iterations && least > 0; turn++, beta *= Kappa)
        {
            double sum = 0;
            for (int i = 0; i < w.Length; i++)
            {
                sum += q[i] - w[i] + Shrink(w[i] - (q[i] - zero), beta);
            }

            zero = sum / w.Length;
            for (int i = 0; i < w.Length; i++)
            {
                q[i] = Math.Clamp(Rounding.NearestEven(w[i] + zero), grid.Min, grid.Max);
            }

            double error = Error(w, q, zero);
            if (error < least)
            {
                (best, least) = (zero, error);
                q.CopyTo(chosen, 0);
            }
        }

        for (int i = 0; i < chosen.Length; i++)
        {
            codes[elements[i]] = (int)chosen[i];
        }

        return (float)Math.Clamp(-best * start.Scale, -float.MaxValue, float.MaxValue);
    }

    private double Error(double[] w, double[] q, double zero)
    {
        double sum = 0;
        for (int i = 0; i < w.Length; i++)
        {
            sum += Math.Pow(Math.Abs(w[i] - (q[i] - zero)), P);
        }

        return sum;
    }

    private double Shrink(double x, double beta)
    {
        double magnitude = Math.Abs(x);
        return magnitude == 0 ? 0 : Math.CopySign(Math.Max(magnitude - (Math.Pow(magnitude, P - 1) / beta), 0), x);
    }
}
