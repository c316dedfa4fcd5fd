using System.Collections.Immutable;
using Halftone.Numerics;

namespace Halftone.Formats;

/// <summary>Numbers of a small floating-point type, each block of them times a power of two where there are block exponents.</summary>
/// <remarks>Value of element i: 2^exponent[g] * decode(code[i]), with g the group of i (OCP MX 1.0: blocks of 32 and an exponent of 8 bits).</remarks>
public sealed record FloatTensor : QuantizedTensor
{
    private readonly ushort[] _codes;

    /// <summary>Makes one from its parts; codes are copied.</summary>
    /// <param name="shape">Lengths.</param>
    /// <param name="type">The type of the codes.</param>
    /// <param name="codes">Row-major.</param>
    /// <param name="granularity">What shares an exponent; not read without exponents.</param>
    /// <param name="exponents">One a group, -127 to 127, or empty for none.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a code or exponent is outside its type.</exception>
    public FloatTensor(
        ImmutableArray<int> shape,
        SmallFloat type,
        ReadOnlySpan<int> codes,
        Granularity granularity = default,
        ImmutableArray<sbyte> exponents = default)
        : base(shape)
    {
        RequireLength(codes.Length);
        Exponents = exponents.IsDefault ? [] : exponents;
        int groups = granularity.GroupCount(shape.AsSpan());
        if (!Exponents.IsEmpty && Exponents.Length != groups)
        {
            throw new ArgumentException($"There are {Exponents.Length} exponents for {groups} groups.", nameof(exponents));
        }

        if (Exponents.Contains(sbyte.MinValue))
        {
            throw new ArgumentException("A block exponent is -127 to 127.", nameof(exponents));
        }

        _codes = new ushort[Count];
        for (int i = 0; i < codes.Length; i++)
        {
            if (codes[i] < 0 || codes[i] >= 1 << type.Bits)
            {
                throw new ArgumentException($"Code {codes[i]} at {i} is no {type}.", nameof(codes));
            }

            _codes[i] = (ushort)codes[i];
        }

        Type = type;
        Granularity = granularity;
    }

    /// <summary>The type of the codes.</summary>
    public SmallFloat Type { get; }

    /// <summary>What shares an exponent.</summary>
    public Granularity Granularity { get; }

    /// <summary>One a group, or empty.</summary>
    public ImmutableArray<sbyte> Exponents { get; }

    /// <inheritdoc/>
    public override long StorageBits => ((long)Count * Type.Bits) + (8L * Exponents.Length);

    /// <summary>The nearest numbers of a type, too large ones as its largest.</summary>
    public static FloatTensor Round(ImmutableArray<int> shape, ReadOnlySpan<float> values, SmallFloat type)
    {
        var codes = new int[values.Length];
        for (int i = 0; i < codes.Length; i++)
        {
            codes[i] = type.Encode(values[i]);
        }

        return new(shape, type, codes);
    }

    /// <summary>The same with an exponent for each group: floor(log2(max|x|)) - <see cref="SmallFloat.LargestExponent"/> (OCP MX 1.0, section 6.3).</summary>
    /// <exception cref="ArgumentException">A value that is not finite.</exception>
    public static FloatTensor RoundInBlocks(ImmutableArray<int> shape, ReadOnlySpan<float> values, SmallFloat type, Granularity granularity)
    {
        GroupExtremes extremes = GroupExtremes.Of(values, shape, granularity);
        var exponents = new sbyte[extremes.Max.Length];
        for (int g = 0; g < exponents.Length; g++)
        {
            double largest = Math.Max(-(double)extremes.Min[g], extremes.Max[g]);
            exponents[g] = largest == 0 ? (sbyte)0 : (sbyte)Math.Clamp(Math.ILogB(largest) - type.LargestExponent, -127, 127);
        }

        var codes = new int[values.Length];
        foreach (GroupRun run in granularity.Runs(shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                int exponent = exponents[run.Group + (i * run.Step)];
                codes[run.Start + i] = type.Encode((float)Math.ScaleB((double)values[run.Start + i], -exponent));
            }
        }

        return new(shape, type, codes, granularity, [.. exponents]);
    }

    /// <summary>The code at a row-major index.</summary>
    public int Code(int index) => _codes[index];

    /// <inheritdoc/>
    public override void Dequantize(Span<float> destination)
    {
        RequireLength(destination.Length);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = Type.Decode(_codes[i]);
        }

        if (Exponents.IsEmpty)
        {
            return;
        }

        foreach (GroupRun run in Granularity.Runs(Shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                ref float value = ref destination[run.Start + i];
                value = (float)Math.ScaleB((double)value, Exponents[run.Group + (i * run.Step)]);
            }
        }
    }
}
