using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A constant weight of 8 bits or fewer: codes less their zero point, and a scale for all or for each channel.</summary>
/// <remarks>Differences beyond a signed byte, which zero points far from the middle make, are kept as sums of two bytes, or of three for one of 255.</remarks>
internal sealed class Weights
{
    private readonly float[] _scales;
    private readonly int[] _zeros;

    private Weights(ImmutableArray<sbyte[]> parts, float[] scales, int[] zeros, bool areBytes) => (Parts, _scales, _zeros, AreBytes) = (parts, scales, zeros, areBytes);

    /// <summary>The differences, in the order of the constant: the sums of these.</summary>
    public ImmutableArray<sbyte[]> Parts { get; }

    /// <summary>How many bytes a difference takes, where all of them have as many.</summary>
    public int Passes => Parts.Length;

    /// <summary>Whether the codes are unsigned bytes.</summary>
    public bool AreBytes { get; }

    /// <summary>What was taken off a channel's codes, unsigned bytes being 128 lower: the differences and this make signed bytes.</summary>
    public int ZeroPoint(int channel) => _zeros[_zeros.Length == 1 ? 0 : channel] - (AreBytes ? 128 : 0);

    /// <summary>Scale of a channel.</summary>
    public float Scale(int channel) => _scales[_scales.Length == 1 ? 0 : channel];

    /// <summary>Whether there is one scale for each of so many channels, or one for all.</summary>
    public bool Fits(int channels) => _scales.Length == 1 || _scales.Length == channels;

    /// <summary>Reads a weight; null where it is not a known tensor of 8-, 4- or 2-bit integers with scales along the axis.</summary>
    public static Weights? Of(Tensor? codes, Tensor? scale, Tensor? zeroPoint, bool hasZeroPoint, int axis)
    {
        if (codes is null || scale is not { Type: ElementType.Float } || (hasZeroPoint && zeroPoint is null)
            || codes.Type is not (ElementType.Int8 or ElementType.UInt8 or ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2)
            || axis >= codes.Dims.Length || codes.Count > Array.MaxLength)
        {
            return null;
        }

        float[] scales = scale.ToFloats();
        int channels = (int)codes.Dims[axis];
        if ((scales.Length != 1 && scales.Length != channels) || scales.Any(s => !float.IsFinite(s) || s <= 0))
        {
            return null;
        }

        int[] zeros = zeroPoint is null ? [0] : [.. zeroPoint.ToInt64s().Select(z => (int)z)];
        if (zeros.Length != 1 && zeros.Length != channels)
        {
            return null;
        }

        ImmutableArray<sbyte[]> parts = Center(codes, zeros, channels, codes.Dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b));
        return new Weights(parts, scales, zeros, codes.Type == ElementType.UInt8);
    }

    private static ImmutableArray<sbyte[]> Center(Tensor codes, int[] zeros, int channels, long inner)
    {
        if (codes.Type == ElementType.Int8 && zeros.All(z => z == 0))
        {
            return [codes.As<sbyte>().ToArray()];
        }

        long[]? small = codes.Type.Bits() < 8 ? codes.ToInt64s() : null;
        ReadOnlySpan<byte> bytes = codes.Bytes;
        List<sbyte[]> parts = [new sbyte[codes.Count]];
        for (int i = 0; i < parts[0].Length; i++)
        {
            int code = small is not null ? (int)small[i] : codes.Type == ElementType.Int8 ? (sbyte)bytes[i] : bytes[i];
            int rest = code - zeros[zeros.Length == 1 ? 0 : (int)(i / inner % channels)];
            for (int part = 0; rest != 0; part++)
            {
                if (part == parts.Count)
                {
                    parts.Add(new sbyte[codes.Count]);
                }

                parts[part][i] = (sbyte)Math.Clamp(rest, sbyte.MinValue, sbyte.MaxValue);
                rest -= parts[part][i];
            }
        }

        return [.. parts];
    }
}
