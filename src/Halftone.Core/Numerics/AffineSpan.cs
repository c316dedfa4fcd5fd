using System.Numerics;
using System.Runtime.InteropServices;

namespace Halftone.Numerics;

/// <summary><see cref="AffineParameters.Quantize"/> and <see cref="AffineParameters.Dequantize"/> on many values at once, with the same bits as result.</summary>
/// <remarks>code - ZeroPoint is clamped to [Min - ZeroPoint, Max - ZeroPoint] as a float: exact below 2^24, and what is larger is clamped anyway.</remarks>
public static class AffineSpan
{
    private const int Block = 512;

    /// <summary>The codes of values.</summary>
    /// <typeparam name="TCode">An integer type that holds the grid.</typeparam>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Quantize<TCode>(ReadOnlySpan<float> values, AffineParameters parameters, IntegerGrid grid, Span<TCode> codes)
        where TCode : unmanaged, IBinaryInteger<TCode>
    {
        RequireLengths(values.Length, codes.Length);
        if (typeof(TCode) == typeof(int))
        {
            QuantizeWide(values, parameters, grid, MemoryMarshal.Cast<TCode, int>(codes));
            return;
        }

        Span<int> wide = stackalloc int[Block];
        for (int at = 0; at < values.Length; at += Block)
        {
            ReadOnlySpan<float> part = values[at..Math.Min(at + Block, values.Length)];
            QuantizeWide(part, parameters, grid, wide);
            for (int i = 0; i < part.Length; i++)
            {
                codes[at + i] = TCode.CreateTruncating(wide[i]);
            }
        }
    }

    /// <summary>The values of codes.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Dequantize<TCode>(ReadOnlySpan<TCode> codes, AffineParameters parameters, Span<float> values)
        where TCode : unmanaged, IBinaryInteger<TCode>
    {
        RequireLengths(codes.Length, values.Length);
        for (int i = 0; i < codes.Length; i++)
        {
            values[i] = parameters.Dequantize(int.CreateTruncating(codes[i]));
        }
    }

    /// <summary>The values after quantizing and dequantizing ("fake quantization"); both spans may be the same.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void RoundTrip(ReadOnlySpan<float> values, AffineParameters parameters, IntegerGrid grid, Span<float> destination)
    {
        RequireLengths(values.Length, destination.Length);
        var clamp = new Clamp(parameters, grid);
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            // + 0 turns -0 into the 0 that an integer code stands for
            ((clamp.Steps(new Vector<float>(values[i..])) + Vector<float>.Zero) * parameters.Scale).CopyTo(destination[i..]);
        }

        for (; i < values.Length; i++)
        {
            destination[i] = parameters.Dequantize(parameters.Quantize(values[i], grid));
        }
    }

    /// <summary>Sum over values of (x - dequantize(quantize(x)))^2, in double precision.</summary>
    public static double SquaredError(ReadOnlySpan<float> values, AffineParameters parameters, IntegerGrid grid)
    {
        var clamp = new Clamp(parameters, grid);
        Vector<double> sum = Vector<double>.Zero;
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var x = new Vector<float>(values[i..]);
            Vector.Widen(x, out Vector<double> low, out Vector<double> high);
            Vector.Widen(clamp.Steps(x) * parameters.Scale, out Vector<double> lowRounded, out Vector<double> highRounded);
            low -= lowRounded;
            high -= highRounded;
            sum += (low * low) + (high * high);
        }

        double total = Vector.Sum(sum);
        for (; i < values.Length; i++)
        {
            double error = (double)values[i] - parameters.Dequantize(parameters.Quantize(values[i], grid));
            total += error * error;
        }

        return total;
    }

    private static void QuantizeWide(ReadOnlySpan<float> values, AffineParameters parameters, IntegerGrid grid, Span<int> codes)
    {
        var clamp = new Clamp(parameters, grid);
        var zero = new Vector<int>(parameters.ZeroPoint);
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (Vector.ConvertToInt32(clamp.Steps(new Vector<float>(values[i..]))) + zero).CopyTo(codes[i..]);
        }

        for (; i < values.Length; i++)
        {
            codes[i] = parameters.Quantize(values[i], grid);
        }
    }

    private static void RequireLengths(int from, int to)
    {
        if (from != to)
        {
            throw new ArgumentException($"{from} values do not fit {to}.");
        }
    }

    /// <summary>code - ZeroPoint of a vector of values.</summary>
    private readonly struct Clamp(AffineParameters parameters, IntegerGrid grid)
    {
        private readonly Vector<float> _scale = new(parameters.Scale);
        private readonly Vector<float> _low = new(grid.Min - parameters.ZeroPoint);
        private readonly Vector<float> _high = new(grid.Max - parameters.ZeroPoint);

        public Vector<float> Steps(Vector<float> values)
        {
            Vector<float> quotient = Vector.Round(values / _scale, MidpointRounding.ToEven);
            quotient = Vector.ConditionalSelect(Vector.Equals(quotient, quotient), quotient, Vector<float>.Zero);
            return Vector.Min(Vector.Max(quotient, _low), _high);
        }
    }
}
