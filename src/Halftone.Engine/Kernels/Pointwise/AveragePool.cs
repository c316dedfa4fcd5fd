using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>The mean of each channel in a window.</summary>
internal readonly unsafe struct AverageStep(PoolTaps taps, float count, QuantizedRange x, QuantizedRange y, byte* to) : ILaneStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes>
    {
        byte* line = (byte*)taps.Start + at;
        (TLanes zero, TLanes scale, TLanes sum) = (TLanes.All(x.ZeroPoint), TLanes.All(x.Scale), TLanes.All(0));
        for (int row = 0; row < taps.Rows; row++, line += taps.RowStep)
        {
            byte* tap = line;
            for (int column = 0; column < taps.Columns; column++, tap += taps.ColumnStep)
            {
                sum += (TLanes.Load(tap) - zero) * scale;
            }
        }

        TLanes code = (sum / TLanes.All(count) / TLanes.All(y.Scale)) + TLanes.All(y.ZeroPoint);
        TLanes.Store(to + at, TLanes.Clamp(code, TLanes.All(0), TLanes.All(255)));
    }
}

/// <summary>AveragePool on codes, as ONNX Runtime's QLinearAveragePool computes it: values are added as floats, in the order of the taps.</summary>
internal static unsafe class AveragePool
{
    /// <summary>Computes rows of the output. Reads real pixels of the input only, writes real pixels of the output only.</summary>
    /// <param name="window">The windows, not dilated where ONNX Runtime is to agree: its operator has no dilations.</param>
    /// <param name="countPad">Whether the mean counts what lies outside, as zeros (count_include_pad).</param>
    /// <param name="xRange">Of the input.</param>
    /// <param name="yRange">Of the output.</param>
    /// <param name="x">The input.</param>
    /// <param name="xLayout">Its layout.</param>
    /// <param name="y">The output.</param>
    /// <param name="yLayout">Its layout.</param>
    /// <param name="firstRow">The first row of the output.</param>
    /// <param name="lastRow">The row after the last.</param>
    public static void Run(
        PoolWindow window, bool countPad, QuantizedRange xRange, QuantizedRange yRange, byte* x, ImageLayout xLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
    {
        for (int row = firstRow; row < lastRow; row++)
        {
            byte* to = y + ((long)row * yLayout.RowPitch);
            for (int column = 0; column < yLayout.Width; column++, to += yLayout.Channels)
            {
                PoolTaps taps = PoolTaps.Of(window, x, xLayout, row, column);
                int count = countPad ? window.Vertical.Kernel * window.Horizontal.Kernel : taps.Rows * taps.Columns;
                LaneLoop.Run(new AverageStep(taps, count, xRange, yRange, to), yLayout.Channels);
            }
        }
    }
}
