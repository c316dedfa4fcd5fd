using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A constant weight of 8 bits or fewer: codes less their zero point, and a scale for all or for each channel.</summary>
/// <remarks>Differences beyond a signed byte, which zero points far from the middle make, are kept as sums of two bytes, or of three for one of 255.</remarks>
internal sealed class Weights
{
    private readonly float[] _scales;
    private readonly int[] _zeros;

    private Weights(ImmutableArray<sbyte[]> parts, float[] scales, int[] zeros, bool areBytes, int bits)
    {
        (Parts, _scales, _zeros, AreBytes) = (parts, scales, zeros, areBytes);
        Bits = bits == 8 ? 8 : Holds(2, parts[0]) ? 2 : Holds(4, parts[0]) ? 4 : 8;
    }

    /// <summary>The differences, in the order of the constant: the sums of these.</summary>
    public ImmutableArray<sbyte[]> Parts { get; }

    /// <summary>How many bytes a difference takes, where all of them have as many.</summary>
    public int Passes => Parts.Length;

    /// <summary>Bits that kernels keep a difference in: 8, or 4 or 2 where the model's codes have fewer than 8 and they hold all.</summary>
    public int Bits { get; }

    /// <summary>Whether the codes are unsigned bytes.</summary>
    public bool AreBytes { get; }

    /// <summary>What was taken off a channel's codes, unsigned bytes being 128 lower: the differences and this make signed bytes.</summary>
    public int ZeroPoint(int channel) => _zeros[_zeros.Length == 1 ? 0 : channel] - (AreBytes ? 128 : 0);

    /// <summary>Scale of a channel.</summary>
    public float Scale(int channel) => _scales[_scales.Length == 1 ? 0 : channel];

    /// <summary>Whether there is one scale for each of so many channels, or one for all.</summary>
    public bool Fits(int channels) => _scales.Length == 1 || _scales.Length == channels;

    /// <summary>Reads a weight; null where it is not a known tensor of bytes with scales along the axis.</summary>
    /// <param name="codes">One a byte.</param>
    /// <param name="scale">One, or one an index of the axis.</param>
    /// <param name="zeroPoint">As many; null for none or an unknown one.</param>
    /// <param name="hasZeroPoint">Whether there is one.</param>
    /// <param name="axis">The axis of the channels.</param>
    /// <param name="bits">Bits of the codes in the model.</param>
    public static Weights? Of(Tensor? codes, Tensor? scale, Tensor? zeroPoint, bool hasZeroPoint, int axis, int bits = 8)
    {
        if (codes is null || scale is not { Type: ElementType.Float } || (hasZeroPoint && zeroPoint is null)
            || codes.Type is not (ElementType.Int8 or ElementType.UInt8)
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

        ImmutableArray<sbyte[]> parts = Center(codes, zeros, channels, (int)codes.Dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b));
        return new Weights(parts, scales, zeros, codes.Type == ElementType.UInt8, bits);
    }

    private static bool Holds(int bits, ReadOnlySpan<sbyte> differences) =>
        differences.IndexOfAnyExceptInRange((sbyte)-(1 << (bits - 1)), (sbyte)((1 << (bits - 1)) - 1)) < 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ImmutableArray<sbyte[]> Center(Tensor codes, int[] zeros, int channels, int inner)
    {
        if (codes.Type == ElementType.Int8 && zeros.All(z => z == 0))
        {
            return [codes.As<sbyte>().ToArray()];
        }

        ReadOnlySpan<byte> bytes = codes.Bytes;
        bool signed = codes.Type == ElementType.Int8;
        List<sbyte[]> parts = [new sbyte[bytes.Length]];
        sbyte[] first = parts[0];
        for (int from = 0, channel = 0; from < bytes.Length; from += inner, channel = channel + 1 == channels ? 0 : channel + 1)
        {
            int zero = zeros[zeros.Length == 1 ? 0 : channel];
            for (int i = from; i < from + inner; i++)
            {
                int rest = (signed ? (sbyte)bytes[i] : bytes[i]) - zero;
                first[i] = (sbyte)Math.Clamp(rest, sbyte.MinValue, sbyte.MaxValue);
                if (rest != first[i])
                {
                    More(parts, i, rest - first[i]);
                }
            }
        }

        return [.. parts];
    }

    /// <summary>Keeps what the first byte of a difference leaves in further ones.</summary>
    private static void More(List<sbyte[]> parts, int at, int rest)
    {
        for (int part = 1; rest != 0; part++)
        {
            if (part == parts.Count)
            {
                parts.Add(new sbyte[parts[0].Length]);
            }

            parts[part][at] = (sbyte)Math.Clamp(rest, sbyte.MinValue, sbyte.MaxValue);
            rest -= parts[part][at];
        }
    }
}
