namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Elementwise operators of two images: <see cref="AddStep"/>, <see cref="SubStep"/>, <see cref="MulStep"/>.</summary>
/// <remarks>
/// The result may lie on an operand. Results beyond 0..255 saturate, however far; ONNX Runtime's on x64 wrap to 0 from 2^31 steps of the result's scale on,
/// which only a scale millions of times too small brings about. Nothing outside the real pixels of the given rows is read or written.
/// </remarks>
internal static unsafe class Elementwise
{
    /// <summary>Computes rows of the result from the same rows of both operands, all of one height, width and number of channels.</summary>
    public static void Images<TStep>(
        QuantizedBinary range, byte* a, ImageLayout aLayout, byte* b, ImageLayout bLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
        where TStep : struct, IBinaryStep<TStep>
    {
        TStep step = TStep.Of(range);
        for (int row = firstRow; row < lastRow; row++)
        {
            byte* to = y + ((long)row * yLayout.RowPitch);
            var line = new BinaryRow<TStep>(step, a + ((long)row * aLayout.RowPitch), b + ((long)row * bLayout.RowPitch), to, range.Least, range.Most);
            LaneLoop.Run(line, yLayout.RowBytes);
        }
    }

    /// <summary>The second operand is one code a channel, as in squeeze-and-excite: [N, C, 1, 1].</summary>
    public static void PerChannel<TStep>(
        QuantizedBinary range, byte* a, ImageLayout aLayout, byte* b, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
        where TStep : struct, IBinaryStep<TStep>
    {
        TStep step = TStep.Of(range);
        for (int row = firstRow; row < lastRow; row++)
        {
            byte* from = a + ((long)row * aLayout.RowPitch);
            byte* to = y + ((long)row * yLayout.RowPitch);
            for (int x = 0; x < yLayout.Width; x++, from += yLayout.Channels, to += yLayout.Channels)
            {
                LaneLoop.Run(new BinaryRow<TStep>(step, from, b, to, range.Least, range.Most), yLayout.Channels);
            }
        }
    }

    /// <summary>An operation with a constant is a table of its other operand's 256 codes, for <see cref="LookupTable"/>.</summary>
    /// <param name="range">Of the operands and the result.</param>
    /// <param name="constant">Code of the constant.</param>
    /// <param name="constantFirst">Whether the constant is the first operand.</param>
    /// <param name="table">Receives 256 codes.</param>
    public static void TableOf<TStep>(QuantizedBinary range, byte constant, bool constantFirst, byte* table)
        where TStep : struct, IBinaryStep<TStep>
    {
        byte* codes = stackalloc byte[512];
        for (int code = 0; code < 256; code++)
        {
            codes[code] = (byte)code;
            codes[256 + code] = constant;
        }

        byte* a = constantFirst ? codes + 256 : codes;
        byte* b = constantFirst ? codes : codes + 256;
        LaneLoop.Run(new BinaryRow<TStep>(TStep.Of(range), a, b, table, range.Least, range.Most), 256);
    }
}
