using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>A row of QuantizeLinear.</summary>
internal readonly unsafe struct QuantizeStep(float* x, byte* y, float scale, byte zeroPoint) : ILaneStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes>
    {
        // clamped first, as MLAS does: NaN becomes code 0; then rounded before the zero point is added, for the sum may round otherwise
        TLanes clamped = TLanes.Clamp(TLanes.Load(x + at) / TLanes.All(scale), TLanes.All(-(float)zeroPoint), TLanes.All(255 - zeroPoint));
        TLanes.Store(y + at, TLanes.Round(clamped) + TLanes.All(zeroPoint));
    }
}

/// <summary>A row of DequantizeLinear.</summary>
internal readonly unsafe struct DequantizeStep(byte* x, float* y, float scale, byte zeroPoint) : ILaneStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes> =>
        TLanes.Store(y + at, (TLanes.Load(x + at) - TLanes.All(zeroPoint)) * TLanes.All(scale));
}

/// <summary>Floats to bytes and back, between NCHW and NHWC too.</summary>
/// <remarks>
/// Code = saturate(round(x / scale) + zero point), a true division, ties to even; NaN becomes code 0, as in ONNX Runtime (MLAS). Value = (code - zero point) * scale.
/// Nothing outside the elements given is read or written.
/// </remarks>
internal static unsafe class LinearQuantization
{
    private const int TilePixels = 64;
    private const int TileChannels = 16;

    /// <summary>Quantizes neighbouring floats.</summary>
    public static void QuantizeRow(float* x, byte* y, int count, QuantizedRange range) => LaneLoop.Run(new QuantizeStep(x, y, range.Scale, range.ZeroPoint), count);

    /// <summary>Dequantizes neighbouring bytes.</summary>
    public static void DequantizeRow(byte* x, float* y, int count, QuantizedRange range) => LaneLoop.Run(new DequantizeStep(x, y, range.Scale, range.ZeroPoint), count);

    /// <summary>Quantizes rows of packed planes [C, H, W] into an image.</summary>
    public static void QuantizeImage(float* x, byte* y, ImageLayout layout, QuantizedRange range, int firstRow, int lastRow)
    {
        byte* tile = stackalloc byte[TilePixels * TileChannels];
        long plane = (long)layout.Height * layout.Width;
        foreach ((int row, int pixels) in new RowRuns(layout, firstRow, lastRow))
        {
            float* from = x + ((long)row * layout.Width);
            byte* to = y + ((long)row * layout.RowPitch);
            if (layout.Channels == 1)
            {
                QuantizeRow(from, to, pixels, range);
                continue;
            }

            for (int at = 0; at < pixels; at += TilePixels)
            {
                int width = Math.Min(TilePixels, pixels - at);
                for (int channel = 0; channel < layout.Channels; channel += TileChannels)
                {
                    int channels = Math.Min(TileChannels, layout.Channels - channel);
                    for (int c = 0; c < channels; c++)
                    {
                        QuantizeRow(from + ((channel + c) * plane) + at, tile + (c * TilePixels), width, range);
                    }

                    ByteTranspose.Run(tile, TilePixels, channels, width, to + ((long)at * layout.Channels) + channel, layout.Channels);
                }
            }
        }
    }

    /// <summary>Dequantizes rows of an image into packed planes [C, H, W].</summary>
    public static void DequantizeImage(byte* x, ImageLayout layout, float* y, QuantizedRange range, int firstRow, int lastRow)
    {
        byte* tile = stackalloc byte[TilePixels * TileChannels];
        long plane = (long)layout.Height * layout.Width;
        foreach ((int row, int pixels) in new RowRuns(layout, firstRow, lastRow))
        {
            byte* from = x + ((long)row * layout.RowPitch);
            float* to = y + ((long)row * layout.Width);
            if (layout.Channels == 1)
            {
                DequantizeRow(from, to, pixels, range);
                continue;
            }

            for (int at = 0; at < pixels; at += TilePixels)
            {
                int width = Math.Min(TilePixels, pixels - at);
                for (int channel = 0; channel < layout.Channels; channel += TileChannels)
                {
                    int channels = Math.Min(TileChannels, layout.Channels - channel);
                    ByteTranspose.Run(from + ((long)at * layout.Channels) + channel, layout.Channels, width, channels, tile, TilePixels);
                    for (int c = 0; c < channels; c++)
                    {
                        DequantizeRow(tile + (c * TilePixels), to + ((channel + c) * plane) + at, width, range);
                    }
                }
            }
        }
    }
}
