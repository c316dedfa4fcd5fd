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
        (TLanes first, TLanes second) = (TLanes.All(leftWeight), TLanes.All(rightWeight));
        TLanes above = (first * TLanes.Load(top + left + at)) + (second * TLanes.Load(top + right + at));
        TLanes below = (first * TLanes.Load(bottom + left + at)) + (second * TLanes.Load(bottom + right + at));
        TLanes mean = (TLanes.All(topWeight) * above) + (TLanes.All(bottomWeight) * below);
        TLanes.Store(y + at, TLanes.Clamp(TLanes.Truncate(mean), TLanes.All(0), TLanes.All(255)));
    }
}

/// <summary>Resize between neighbours in codes, as ONNX Runtime computes it for uint8 in NCHW: float weights, first along the row, then along the column; the result is truncated.</summary>
internal static unsafe class ResizeLinear
{
    /// <summary>Computes rows of the output. Reads and writes real pixels only.</summary>
    public static void Run(
        LinearAxis vertical, LinearAxis horizontal, byte* x, ImageLayout xLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
    {
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
