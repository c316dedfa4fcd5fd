using System.Runtime.InteropServices;

namespace Halftone.Data.Pictures;

/// <summary>Pixels as they are stored: rows of interleaved channels, 8-bit integers or halves of 0..1.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">1 (grey) or 3 (RGB).</param>
/// <param name="Stride">Stored values a pixel, at least the channels; the rest (alpha) is not read.</param>
/// <param name="Bytes">The values.</param>
/// <param name="Halves">Whether a value is a half of 0..1 instead of a byte.</param>
internal sealed record Picture(int Height, int Width, int Channels, int Stride, ReadOnlyMemory<byte> Bytes, bool Halves = false)
{
    /// <summary>A row as floats 0..255, [width, channels].</summary>
    public void Row(int y, Span<float> to)
    {
        int start = y * Width * Stride;
        if (Halves)
        {
            ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(Bytes.Span).Slice(start, Width * Stride);
            for (int x = 0; x < Width; x++)
            {
                for (int c = 0; c < Channels; c++)
                {
                    to[(x * Channels) + c] = 255 * (float)halves[(x * Stride) + c];
                }
            }

            return;
        }

        ReadOnlySpan<byte> row = Bytes.Span.Slice(start, Width * Stride);
        for (int x = 0; x < Width; x++)
        {
            for (int c = 0; c < Channels; c++)
            {
                to[(x * Channels) + c] = row[(x * Stride) + c];
            }
        }
    }
}
