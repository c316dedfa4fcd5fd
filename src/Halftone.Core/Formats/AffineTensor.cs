using System.Collections.Immutable;
using Halftone.Numerics;

namespace Halftone.Formats;

/// <summary>scale[g] * (code - zero[g]) + offset[g], where g is the group of the element.</summary>
/// <remarks>Codes of up to 16 bits take two bytes each in memory and <see cref="Bits"/> in <see cref="StorageBits"/>.
/// With <see cref="HalfCodes"/> a stored code q stands for q + 1/2: such a grid has no code for zero, so it is never padded implicitly.</remarks>
public sealed record AffineTensor : QuantizedTensor
{
    private readonly short[] _codes;

    /// <summary>Makes one from its parts; arrays are copied.</summary>
    /// <param name="shape">Lengths.</param>
    /// <param name="granularity">What shares a scale.</param>
    /// <param name="grid">The codes' type and range.</param>
    /// <param name="codes">Row-major.</param>
    /// <param name="scales">One a group.</param>
    /// <param name="zeroPoints">One a group, or empty for all zero.</param>
    /// <param name="offsets">One a group, or empty for none.</param>
    /// <param name="bits">Bits of each group, or empty for the grid's.</param>
    /// <param name="halfCodes">Whether q stands for q + 1/2.</param>
    /// <exception cref="ArgumentException">A length does not fit, a code or zero point is outside the type, or a scale is not positive and finite.</exception>
    public AffineTensor(
        ImmutableArray<int> shape,
        Granularity granularity,
        IntegerGrid grid,
        ReadOnlySpan<int> codes,
        ImmutableArray<float> scales,
        ImmutableArray<int> zeroPoints = default,
        ImmutableArray<float> offsets = default,
        ImmutableArray<byte> bits = default,
        bool halfCodes = false)
        : base(shape)
    {
        int groups = granularity.GroupCount(shape.AsSpan());
        RequireGroups("scales", scales.Length, groups);
        ZeroPoints = zeroPoints.IsDefaultOrEmpty ? [.. new int[groups]] : zeroPoints;
        RequireGroups("zero points", ZeroPoints.Length, groups);
        Offsets = offsets.IsDefault ? [] : offsets;
        RequireGroups("offsets", Offsets.Length, Offsets.IsEmpty ? 0 : groups);
        Bits = bits.IsDefaultOrEmpty ? [.. Enumerable.Repeat((byte)grid.Bits, groups)] : bits;
        RequireGroups("bit widths", Bits.Length, groups);
        RequireLength(codes.Length);
        foreach (float scale in scales)
        {
            if (!(scale > 0) || !float.IsFinite(scale))
            {
                throw new ArgumentException($"{scale} is no scale: it must be positive and finite.", nameof(scales));
            }
        }

        foreach (int zero in ZeroPoints)
        {
            if (zero < grid.TypeMin || zero > grid.TypeMax)
            {
                throw new ArgumentException($"Zero point {zero} is no {grid}.", nameof(zeroPoints));
            }
        }

        _codes = new short[Count];
        for (int i = 0; i < codes.Length; i++)
        {
            if (codes[i] < grid.TypeMin || codes[i] > grid.TypeMax)
            {
                throw new ArgumentException($"Code {codes[i]} at {i} is no {grid}.", nameof(codes));
            }

            _codes[i] = unchecked((short)codes[i]);
        }

        Granularity = granularity;
        Grid = grid;
        Scales = scales;
        HalfCodes = halfCodes;
    }

    /// <summary>What shares a scale.</summary>
    public Granularity Granularity { get; }

    /// <summary>The codes' type and range.</summary>
    public IntegerGrid Grid { get; }

    /// <summary>One a group.</summary>
    public ImmutableArray<float> Scales { get; }

    /// <summary>One a group.</summary>
    public ImmutableArray<int> ZeroPoints { get; }

    /// <summary>One a group, or empty.</summary>
    public ImmutableArray<float> Offsets { get; }

    /// <summary>Bits of each group's codes.</summary>
    public ImmutableArray<byte> Bits { get; }

    /// <summary>Whether a stored code q stands for q + 1/2.</summary>
    public bool HalfCodes { get; }

    /// <inheritdoc/>
    public override long StorageBits
    {
        get
        {
            long bits = 0;
            foreach (GroupRun run in Granularity.Runs(Shape))
            {
                for (int i = 0; i < (run.Step == 0 ? 1 : run.Length); i++)
                {
                    bits += Bits[run.Group + i] * (run.Step == 0 ? (long)run.Length : 1);
                }
            }

            long zeros = ZeroPoints.Any(z => z != 0) ? (long)ZeroPoints.Length * Grid.Bits : 0;
            return bits + (32L * Scales.Length) + zeros + (32L * Offsets.Length);
        }
    }

    /// <summary>The code at a row-major index.</summary>
    public int Code(int index) => Grid.Signed ? _codes[index] : unchecked((ushort)_codes[index]);

    /// <summary>All codes, row-major.</summary>
    public int[] Codes()
    {
        var codes = new int[Count];
        for (int i = 0; i < codes.Length; i++)
        {
            codes[i] = Code(i);
        }

        return codes;
    }

    /// <inheritdoc/>
    public override void Dequantize(Span<float> destination)
    {
        RequireLength(destination.Length);
        foreach (GroupRun run in Granularity.Runs(Shape))
        {
            int group = run.Group;
            for (int i = run.Start; i < run.Start + run.Length; i++, group += run.Step)
            {
                destination[i] = Value(i, group);
            }
        }
    }

    private float Value(int index, int group)
    {
        int steps = Code(index) - ZeroPoints[group];
        float value = (HalfCodes ? steps + 0.5f : steps) * Scales[group];
        return Offsets.IsEmpty ? value : value + Offsets[group];
    }

    private static void RequireGroups(string what, int have, int want)
    {
        if (have != want)
        {
            throw new ArgumentException($"There are {have} {what} for {want} groups.");
        }
    }
}
