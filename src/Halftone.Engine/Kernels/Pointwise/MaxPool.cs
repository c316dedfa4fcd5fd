using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>The largest code of each channel in a window.</summary>
internal readonly unsafe struct MaxStep(PoolTaps taps, byte* y) : IByteStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, IByteLanes<TLanes>
    {
        byte* line = (byte*)taps.Start + at;
        TLanes most = TLanes.Load(line);
        for (int row = 0; row < taps.Rows; row++, line += taps.RowStep)
        {
            byte* tap = line;
            for (int column = 0; column < taps.Columns; column++, tap += taps.ColumnStep)
            {
                most = TLanes.Max(most, TLanes.Load(tap));
            }
        }

        TLanes.Store(y + at, most);
    }
}

/// <summary>MaxPool on codes: exact for any scale above zero, if input and output share scale and zero point.</summary>
internal static unsafe class MaxPool
{
    /// <summary>Computes rows of the output. Reads real pixels of the input only, writes real pixels of the output only. A window without real pixels gives code 0.</summary>
    public static void Run(PoolWindow window, byte* x, ImageLayout xLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
    {
        for (int row = firstRow; row < lastRow; row++)
        {
            byte* to = y + ((long)row * yLayout.RowPitch);
            for (int column = 0; column < yLayout.Width; column++, to += yLayout.Channels)
            {
                PoolTaps taps = PoolTaps.Of(window, x, xLayout, row, column);
                if (taps.Rows == 0 || taps.Columns == 0)
                {
                    new Span<byte>(to, yLayout.Channels).Clear();
                    continue;
                }

                ByteLoop.Run(new MaxStep(taps, to), yLayout.Channels);
            }
        }
    }
}
