using System.Collections.Immutable;
using Halftone.Numerics;

namespace Halftone.Formats;

/// <summary>How the values on an edge of the graph become codes: one of a closed set, each of which lowers to standard operators.</summary>
public abstract record ActivationQuantizer
{
    private protected ActivationQuantizer()
    {
    }
}

/// <summary>QuantizeLinear and DequantizeLinear: one scale and zero point for the tensor, or one for each index of an axis.</summary>
public sealed record AffineGrid : ActivationQuantizer
{
    /// <summary>One scale and zero point for the tensor.</summary>
    public AffineGrid(AffineParameters parameters, IntegerGrid codes)
        : this([parameters], codes, axis: null)
    {
    }

    /// <summary>One scale and zero point for each index of an axis.</summary>
    /// <exception cref="ArgumentException">No parameters, several without an axis, or a scale that is not positive and finite.</exception>
    public AffineGrid(ImmutableArray<AffineParameters> parameters, IntegerGrid codes, int? axis)
    {
        if (parameters.IsDefaultOrEmpty || (axis is null && parameters.Length != 1))
        {
            throw new ArgumentException($"{(parameters.IsDefault ? 0 : parameters.Length)} scales do not fit axis {axis}.");
        }

        foreach (AffineParameters p in parameters)
        {
            if (!(p.Scale > 0) || !float.IsFinite(p.Scale))
            {
                throw new ArgumentException($"{p.Scale} is no scale: it must be positive and finite.");
            }
        }

        Parameters = parameters;
        Codes = codes;
        Axis = axis;
    }

    /// <summary>One for the tensor, or one for each index of <see cref="Axis"/>.</summary>
    public ImmutableArray<AffineParameters> Parameters { get; }

    /// <summary>The codes.</summary>
    public IntegerGrid Codes { get; }

    /// <summary>The axis of the parameters, or null for one pair.</summary>
    public int? Axis { get; }

    /// <summary>The scale of a per-tensor grid.</summary>
    public float Scale => Parameters[0].Scale;

    /// <summary>The zero point of a per-tensor grid.</summary>
    public int ZeroPoint => Parameters[0].ZeroPoint;

    /// <summary>The lowest value it stands for (per tensor).</summary>
    public float Lowest => Parameters[0].Dequantize(Codes.Min);

    /// <summary>The highest value it stands for (per tensor).</summary>
    public float Highest => Parameters[0].Dequantize(Codes.Max);

    /// <summary>Whether two grids give every value the same code and meaning.</summary>
    public bool SameAs(AffineGrid other) =>
        Codes == other.Codes && Axis == other.Axis && Parameters.AsSpan().SequenceEqual(other.Parameters.AsSpan());
}

/// <summary>A finite set of levels: x becomes Values[k], where k is the number of thresholds below x.</summary>
/// <remarks>Thresholds are not always midpoints (HWGQ, LQ-Nets, logarithmic rounding).</remarks>
public sealed record Levels : ActivationQuantizer
{
    /// <summary>Levels in rising order and the thresholds between them.</summary>
    /// <param name="values">At least two, rising.</param>
    /// <param name="thresholds">One less than values, not falling.</param>
    /// <param name="upperClosed">Whether a value equal to a threshold belongs to the interval below it (true) or above it (false).</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or an order is broken.</exception>
    public Levels(ImmutableArray<float> values, ImmutableArray<float> thresholds, bool upperClosed)
    {
        if (values.Length < 2 || thresholds.Length != values.Length - 1)
        {
            throw new ArgumentException($"{values.Length} levels do not fit {thresholds.Length} thresholds: there must be one less of these.");
        }

        for (int i = 1; i < values.Length; i++)
        {
            if (!(values[i] > values[i - 1]) || float.IsNaN(thresholds[i - 1]) || (i > 1 && !(thresholds[i - 1] >= thresholds[i - 2])))
            {
                throw new ArgumentException($"Levels must rise and thresholds not fall: broken at {i}.");
            }
        }

        Values = values;
        Thresholds = thresholds;
        UpperClosed = upperClosed;
    }

    /// <summary>The levels, rising.</summary>
    public ImmutableArray<float> Values { get; }

    /// <summary>The borders between them.</summary>
    public ImmutableArray<float> Thresholds { get; }

    /// <summary>Whether a border belongs to the interval below it.</summary>
    public bool UpperClosed { get; }

    /// <summary>The level of a value.</summary>
    public float Quantize(float value)
    {
        int low = 0;
        int high = Thresholds.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            bool above = UpperClosed ? value > Thresholds[middle] : value >= Thresholds[middle];
            (low, high) = above ? (middle + 1, high) : (low, middle);
        }

        return Values[low];
    }
}

/// <summary>A sum of signs: sum over n of Betas[n] * sign(clip(x + Shifts[n], 0, 1) - 0.5) (ABC-Net; one base with shift 0.5 is sign).</summary>
/// <param name="Betas">Scale of each base.</param>
/// <param name="Shifts">Shift of each base.</param>
/// <exception cref="ArgumentException">There are not as many shifts as scales.</exception>
public sealed record BinaryBases(ImmutableArray<float> Betas, ImmutableArray<float> Shifts) : ActivationQuantizer
{
    /// <summary>Shift of each base.</summary>
    public ImmutableArray<float> Shifts { get; } =
        Shifts.Length == Betas.Length ? Shifts : throw new ArgumentException($"{Shifts.Length} shifts do not fit {Betas.Length} bases.", nameof(Shifts));

    /// <summary>The value after quantization; the sign of 0 is +1.</summary>
    public float Quantize(float value)
    {
        float sum = 0;
        for (int n = 0; n < Betas.Length; n++)
        {
            sum += Betas[n] * (Math.Clamp(value + Shifts[n], 0, 1) >= 0.5f ? 1 : -1);
        }

        return sum;
    }
}
