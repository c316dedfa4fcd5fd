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
    /// <param name="parameters">One, or one for each index.</param>
    /// <param name="codes">The codes.</param>
    /// <param name="axis">The axis; from the end where negative.</param>
    /// <param name="bits">Bits of each index, whose codes are the lowest 2^bits; empty for those of all codes. The axis must be negative then.</param>
    /// <exception cref="ArgumentException">No parameters, several without an axis, a scale that is not positive and finite, or bits that do not fit.</exception>
    public AffineGrid(ImmutableArray<AffineParameters> parameters, IntegerGrid codes, int? axis, ImmutableArray<byte> bits = default)
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

        Bits = bits.IsDefault ? [] : bits;
        if (!Bits.IsEmpty && (Bits.Length != parameters.Length || axis is not < 0 || Bits.Any(b => b > codes.Bits)))
        {
            throw new ArgumentException($"{Bits.Length} widths of up to {codes.Bits} bits do not fit {parameters.Length} scales along axis {axis}.", nameof(bits));
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

    /// <summary>Bits of each index of <see cref="Axis"/>, or empty for those of all codes.</summary>
    public ImmutableArray<byte> Bits { get; }

    /// <summary>The lowest and highest value of an index.</summary>
    public (float Lowest, float Highest) Ends(int index)
    {
        int highest = Bits.IsEmpty ? Codes.Max : Codes.Min + (1 << Bits[index]) - 1;
        return (Parameters[index].Dequantize(Codes.Min), Parameters[index].Dequantize(highest));
    }

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
        Codes == other.Codes && Axis == other.Axis && Bits.AsSpan().SequenceEqual(other.Bits.AsSpan()) && Parameters.AsSpan().SequenceEqual(other.Parameters.AsSpan());
}

/// <summary>A finite set of levels: x becomes Values[k], where k is the number of thresholds below x.</summary>
/// <remarks>Thresholds are not always midpoints (HWGQ, LQ-Nets, logarithmic rounding). NaN is above no threshold, so it becomes the lowest level.</remarks>
public sealed record Levels : ActivationQuantizer
{
    /// <summary>Levels in rising order and the thresholds between them.</summary>
    /// <param name="values">At least two, finite, rising.</param>
    /// <param name="thresholds">One less than values, not falling.</param>
    /// <param name="upperClosed">Whether a value equal to a threshold belongs to the interval below it (true) or above it (false).</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or an order is broken.</exception>
    public Levels(ImmutableArray<float> values, ImmutableArray<float> thresholds, bool upperClosed)
    {
        if (values.Length < 2 || thresholds.Length != values.Length - 1)
        {
            throw new ArgumentException($"{values.Length} levels do not fit {thresholds.Length} thresholds: there must be one less of these.");
        }

        if (!float.IsFinite(values[0]) || !float.IsFinite(values[^1]))
        {
            throw new ArgumentException($"Levels from {values[0]} to {values[^1]} are not finite.");
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
/// <remarks>The sign of 0 is +1, so base n adds Betas[n] where x is at or above <see cref="Thresholds"/>[n], else it takes it away; NaN is above nothing.</remarks>
public sealed record BinaryBases : ActivationQuantizer
{
    /// <summary>Bases by their scales and shifts.</summary>
    /// <param name="betas">Scale of each base, at least one, finite.</param>
    /// <param name="shifts">Shift of each base, finite.</param>
    /// <exception cref="ArgumentException">There are none, not as many shifts as scales, or one is not finite.</exception>
    public BinaryBases(ImmutableArray<float> betas, ImmutableArray<float> shifts)
    {
        if (betas.IsDefaultOrEmpty || shifts.IsDefault || shifts.Length != betas.Length)
        {
            throw new ArgumentException($"{(shifts.IsDefault ? 0 : shifts.Length)} shifts do not fit {(betas.IsDefault ? 0 : betas.Length)} bases; there must be one base at least.", nameof(shifts));
        }

        if (betas.Concat(shifts).Any(v => !float.IsFinite(v)))
        {
            throw new ArgumentException("Scales and shifts of bases must be finite.", nameof(betas));
        }

        Betas = betas;
        Shifts = shifts;
        Thresholds = [.. shifts.Select(AtOrAbove)];
    }

    /// <summary>Scale of each base.</summary>
    public ImmutableArray<float> Betas { get; }

    /// <summary>Shift of each base.</summary>
    public ImmutableArray<float> Shifts { get; }

    /// <summary>The least float at or above 0.5 - shift, by base: x + shift reaches 0.5 from there on.</summary>
    public ImmutableArray<float> Thresholds { get; }

    /// <summary>The value after quantization; bases are added in order.</summary>
    public float Quantize(float value)
    {
        float sum = 0;
        for (int n = 0; n < Betas.Length; n++)
        {
            sum += value >= Thresholds[n] ? Betas[n] : -Betas[n];
        }

        return sum;
    }

    // compared, not added: x + 0.5 rounds a tiny negative x up to 0.5
    private static float AtOrAbove(float shift)
    {
        double border = 0.5 - shift;
        var nearest = (float)border;
        bool above = nearest > border || (nearest == border && (border != 0.5 || shift >= 0)); // 0.5 + 1e-20 is 0.5 in double too
        return above ? nearest : MathF.BitIncrement(nearest);
    }
}
