using System.Runtime.CompilerServices;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>Between 8-bit codes, their sums and floats, as ONNX Runtime's MLAS rounds them.</summary>
internal static unsafe class Codes
{
    /// <summary>A code, or 0 where there is no such input (negative number).</summary>
    public static int Zero(byte** inputs, int input, bool signed, int index = 0) => input < 0 ? 0 : Load(inputs[input], index, signed);

    /// <summary>A scale.</summary>
    public static float Scale(byte** inputs, int input, int index = 0) => ((float*)inputs[input])[index];

    /// <summary>A code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load(byte* codes, nint index, bool signed) => signed ? ((sbyte*)codes)[index] : codes[index];

    /// <summary>saturate(round(float(sum) * scale) + zero point), ties to even. NaN becomes the zero point.</summary>
    public static byte Requantize(int sum, float scale, int zero, bool signed) => Saturate(sum * scale, zero, signed);

    /// <summary>saturate(round(value / scale) + zero point), ties to even.</summary>
    public static byte Quantize(float value, float scale, int zero, bool signed) => Saturate(value / scale, zero, signed);

    /// <summary>saturate(round(value)), ties to even: the zero point is in the value already.</summary>
    public static byte Round(float value, bool signed) => Saturate(value, 0, signed);

    /// <summary>Whether the codes have a sign.</summary>
    public static bool IsSigned(this TensorType type) => type.Element is ElementType.Int8;

    private static byte Saturate(float quotient, int zero, bool signed)
    {
        (int least, int most) = signed ? (-128, 127) : (0, 255);
        return unchecked((byte)((int)Math.Clamp(MathF.Round(quotient), least - zero, most - zero) + zero));
    }
}
