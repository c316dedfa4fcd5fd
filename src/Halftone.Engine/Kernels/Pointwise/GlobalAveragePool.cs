using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>The sum of each channel over an image of at most <see cref="GlobalAveragePool.MostExactPixels"/>, scaled.</summary>
internal readonly unsafe struct GlobalAverageStep(byte* x, ImageLayout layout, float bias, float scale, float zeroPoint, byte* y) : ILaneStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes>
    {
        // whole numbers below 2^24: floats hold them all
        TLanes sum = TLanes.All(bias);
        for (int row = 0; row < layout.Height; row++)
        {
            byte* pixel = x + ((long)row * layout.RowPitch) + at;
            for (int column = 0; column < layout.Width; column++, pixel += layout.Channels)
            {
                sum += TLanes.Load(pixel);
            }
        }

        TLanes mean = TLanes.Clamp(sum * TLanes.All(scale), TLanes.All(-zeroPoint), TLanes.All(255 - zeroPoint));
        TLanes.Store(y + at, TLanes.Round(mean) + TLanes.All(zeroPoint));
    }
}

/// <summary>GlobalAveragePool on codes, as ONNX Runtime's QLinearGlobalAveragePool computes it: round(float(sum - count * zero point) * scale) + zero point.</summary>
internal static unsafe class GlobalAveragePool
{
    /// <summary>Up to that many pixels, sums of codes are below 2^24.</summary>
    internal const int MostExactPixels = (1 << 24) / 256;

    private const int Block = 64;

    /// <summary>Computes channels of the one output pixel. Reads those channels of real pixels only; images may have up to 2^23 pixels.</summary>
    public static void Run(QuantizedRange xRange, QuantizedRange yRange, byte* x, ImageLayout layout, byte* y, int firstChannel, int lastChannel)
    {
        int count = layout.Height * layout.Width;
        float scale = xRange.Scale / (yRange.Scale * count);
        int channels = lastChannel - firstChannel;
        if (count <= MostExactPixels)
        {
            // |bias| and every partial sum stay within 2^24
            LaneLoop.Run(new GlobalAverageStep(x + firstChannel, layout, -(xRange.ZeroPoint * count), scale, yRange.ZeroPoint, y + firstChannel), channels);
            return;
        }

        for (int channel = firstChannel; channel < lastChannel; channel += Block)
        {
            InIntegers(xRange.ZeroPoint, scale, yRange.ZeroPoint, x + channel, layout, y + channel, Math.Min(Block, lastChannel - channel));
        }
    }

    // larger images: sums that only integers hold
    private static void InIntegers(int zeroX, float scale, int zeroY, byte* x, ImageLayout layout, byte* y, int channels)
    {
        int* sums = stackalloc int[Block];
        new Span<int>(sums, channels).Fill(-zeroX * layout.Height * layout.Width);
        for (int row = 0; row < layout.Height; row++)
        {
            byte* pixel = x + ((long)row * layout.RowPitch);
            for (int column = 0; column < layout.Width; column++, pixel += layout.Channels)
            {
                for (int c = 0; c < channels; c++)
                {
                    sums[c] += pixel[c];
                }
            }
        }

        for (int c = 0; c < channels; c++)
        {
            y[c] = (byte)(MathF.Round(Math.Clamp(sums[c] * scale, -zeroY, 255 - zeroY)) + zeroY);
        }
    }
}
