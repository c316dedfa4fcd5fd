using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A constant weight of 8 bits or fewer: codes less their zero point, and a scale for all or for each channel.</summary>
/// <remarks>Differences beyond a signed byte, which zero points far from the middle make, are kept as a sum of two bytes.</remarks>
internal sealed class Weights
{
    private readonly float[] _scales;

    private Weights(sbyte[] low, sbyte[]? high, float[] scales) => (Low, High, _scales) = (low, high, scales);

    /// <summary>The differences, or what of them fits a byte, in the order of the constant.</summary>
    public sbyte[] Low { get; }

    /// <summary>The rest of them; null where all fit.</summary>
    public sbyte[]? High { get; }

    /// <summary>How many bytes each difference takes.</summary>
    public int Passes => High is null ? 1 : 2;

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

        return Center(codes, zeros, channels, codes.Dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b)) is var (low, high) ? new Weights(low, high, scales) : null;
    }

    /// <summary>The differences; those of symmetric codes are the codes. Null where one is 255, which two bytes do not add up to.</summary>
    private static (sbyte[] Low, sbyte[]? High)? Center(Tensor codes, int[] zeros, int channels, long inner)
    {
        if (codes.Type == ElementType.Int8 && zeros.All(z => z == 0))
        {
            return (codes.As<sbyte>().ToArray(), null);
        }

        long[]? small = codes.Type.Bits() < 8 ? codes.ToInt64s() : null;
        ReadOnlySpan<byte> bytes = codes.Bytes;
        var low = new sbyte[codes.Count];
        sbyte[]? high = null;
        for (int i = 0; i < low.Length; i++)
        {
            int code = small is not null ? (int)small[i] : codes.Type == ElementType.Int8 ? (sbyte)bytes[i] : bytes[i];
            int difference = code - zeros[zeros.Length == 1 ? 0 : (int)(i / inner % channels)];
            if (difference > 2 * sbyte.MaxValue)
            {
                return null;
            }

            low[i] = (sbyte)Math.Clamp(difference, sbyte.MinValue, sbyte.MaxValue);
            if (low[i] != difference)
            {
                high ??= new sbyte[codes.Count];
                high[i] = (sbyte)(difference - low[i]);
            }
        }

        return (low, high);
    }
}
