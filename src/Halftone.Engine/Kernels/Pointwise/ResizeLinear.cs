using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Four input pixels and their weights.</summary>
internal readonly unsafe struct LinearStep(byte* top, byte* bottom, int left, int right, float topWeight, float bottomWeight, float leftWeight, float rightWeight, byte* y)
    : ILaneStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes mean = TLanes.All(leftWeight * topWeight) * TLanes.Load(top + left + at);
        mean += TLanes.All(rightWeight * topWeight) * TLanes.Load(top + right + at);
        mean += TLanes.All(leftWeight * bottomWeight) * TLanes.Load(bottom + left + at);
        mean += TLanes.All(rightWeight * bottomWeight) * TLanes.Load(bottom + right + at);
        TLanes.Store(y + at, TLanes.Clamp(TLanes.Truncate(mean), TLanes.All(0), TLanes.All(255)));
    }
}

/// <summary>Resize between neighbours in codes, as ONNX Runtime computes it for uint8 in NCHW: a float weight for each of four pixels, added in their order; the result is truncated.</summary>
internal static unsafe class ResizeLinear
{
    /// <summary>Computes rows of the output. Reads and writes real pixels only.</summary>
    public static void Run(
        LinearAxis vertical, LinearAxis horizontal, byte* x, ImageLayout xLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
    {
        if ((xLayout.Height, xLayout.Width) == (yLayout.Height, yLayout.Width))
        {
            LayoutChange.CopyImage(x, xLayout, y, yLayout, firstRow, lastRow); // as ONNX Runtime does, whatever the scales say
            return;
        }

        int channels = yLayout.Channels;
        for (int row = firstRow; row < lastRow; row++)
        {
            byte* top = x + ((long)vertical.First[row] * xLayout.RowPitch);
            byte* bottom = x + ((long)vertical.Second[row] * xLayout.RowPitch);
            byte* to = y + ((long)row * yLayout.RowPitch);
            for (int column = 0; column < yLayout.Width; column++, to += channels)
            {
                var step = new LinearStep(
                    top, bottom, horizontal.First[column] * channels, horizontal.Second[column] * channels,
                    vertical.FirstWeight[row], vertical.SecondWeight[row], horizontal.FirstWeight[column], horizontal.SecondWeight[column], to);
                LaneLoop.Run(step, channels);
            }
        }
    }
}
