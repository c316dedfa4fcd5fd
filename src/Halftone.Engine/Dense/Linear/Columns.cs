using System.Runtime.Intrinsics;

namespace Halftone.Engine.Dense.Linear;

/// <summary>The right operand of a convolution: a column an output pixel, a row a channel and tap (im2col), made sixteen pixels at a time.</summary>
internal sealed unsafe class Columns<T, TElement>(Window window, int channels, int image, int zeroPoint)
    where T : unmanaged
    where TElement : IElement<T>
{
    private readonly int _taps = window.Taps;
    private readonly int _plane = window.InputCount;

    /// <summary>Fills a panel. Padding is 0, which is what the zero point stands for.</summary>
    public void Fill(byte** inputs, T* panel, int batch, int column, int columns)
    {
        byte* x = inputs[image] + ((long)batch * channels * _plane * TElement.Bytes);
        T zero = zeroPoint >= 0 ? TElement.Load(inputs[zeroPoint], 0, default) : default;
        int* offsets = stackalloc int[Product<T>.Width];
        for (int tap = 0; tap < _taps; tap++)
        {
            bool neighbours = window.Offsets(column, columns, tap, offsets) && typeof(T) == typeof(float);
            T* to = panel + (tap * Product<T>.Width);
            byte* from = x;
            for (int c = 0; c < channels; c++, from += (long)_plane * TElement.Bytes, to += (long)_taps * Product<T>.Width)
            {
                if (neighbours)
                {
                    T* start = (T*)from + offsets[0];
                    Vector256.Load(start).Store(to);
                    Vector256.Load(start + 8).Store(to + 8);
                    continue;
                }

                for (int j = 0; j < Product<T>.Width; j++)
                {
                    to[j] = offsets[j] < 0 ? default : TElement.Load(from, offsets[j], zero);
                }
            }
        }
    }
}
