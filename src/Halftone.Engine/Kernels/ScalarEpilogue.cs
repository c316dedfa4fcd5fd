using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels;

/// <summary>Epilogues one sum at a time: what every tier's vectors must equal.</summary>
internal static unsafe class ScalarEpilogue
{
    /// <summary>Stores what becomes of a channel's sum.</summary>
    /// <param name="epilogue">The epilogue.</param>
    /// <param name="sum">The sum.</param>
    /// <param name="channel">The channel.</param>
    /// <param name="y">Where it goes; need not be aligned.</param>
    public static void Store(Epilogue epilogue, int sum, int channel, byte* y)
    {
        switch (epilogue)
        {
            case StoreSums:
                Unsafe.WriteUnaligned(y, sum);
                break;
            case ToFloat e:
                Unsafe.WriteUnaligned(y, MathF.FusedMultiplyAdd(sum, e.Scale[channel], e.Offset[channel]));
                break;
            case FloatRequantize e:
                *y = Code(sum, e.Scale[channel], CodeRange.Of(e));
                break;
            case FixedPointRequantize e:
                long product = FixedPoint.Multiply(e.Form, sum, e.Multiplier[channel], e.Exponent[channel]);
                *y = (byte)Math.Clamp(product + e.ZeroPoint, e.Least, e.Most);
                break;
            default:
                throw new ArgumentException($"{epilogue.GetType().Name} is no epilogue of kernels.");
        }
    }

    /// <summary>The code of a sum by <see cref="FloatRequantize"/>. A product that is not a number, as of a scale that is none, gives the least code.</summary>
    private static byte Code(int sum, float scale, CodeRange range)
    {
        float product = sum * scale;
        // the bounds are integers, so clamping before rounding gives the same and keeps the product within 32 bits
        float clamped = product > range.LowSingle ? product : range.LowSingle;
        clamped = clamped < range.HighSingle ? clamped : range.HighSingle;
        return (byte)((int)Numerics.Rounding.NearestEven(clamped) + range.ZeroPoint);
    }
}

/// <summary>The codes an epilogue may give, with the zero point taken off.</summary>
internal readonly record struct CodeRange(int Low, int High, int ZeroPoint)
{
    public float LowSingle { get; } = Low;

    public float HighSingle { get; } = High;

    /// <summary>Of an epilogue; nothing for those that give no codes.</summary>
    public static CodeRange Of(Epilogue epilogue) => epilogue switch
    {
        FloatRequantize e => new(e.Least - e.ZeroPoint, e.Most - e.ZeroPoint, e.ZeroPoint),
        FixedPointRequantize e => new(e.Least - e.ZeroPoint, e.Most - e.ZeroPoint, e.ZeroPoint),
        _ => default,
    };
}
