using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
            if (!neighbours && typeof(T) == typeof(float) && Avx2.IsSupported)
            {
                Gather((float*)x, offsets, (float*)panel + (tap * Product<T>.Width));
                continue;
            }

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

    /// <summary>A tap of all channels, where pixels are in several rows, some apart or beyond the image.</summary>
    private void Gather(float* x, int* offsets, float* to)
    {
        EightPixels left = new(offsets), right = new(offsets + EightPixels.Width);
        for (int c = 0; c < channels; c++, x += _plane, to += _taps * Product<T>.Width)
        {
            left.Load(x).Store(to);
            right.Load(x).Store(to + EightPixels.Width);
        }
    }

    /// <summary>Where they are: in two rows at most, where neighbours follow each other, or anywhere.</summary>
    private readonly struct EightPixels
    {
        public const int Width = 8;

        private readonly Vector256<int> _offsets;
        private readonly Vector256<int> _inside; // -1 for pixels of the image
        private readonly Vector256<int> _firstRow;
        private readonly Vector256<int> _secondRow;
        private readonly int _first;
        private readonly int _second;
        private readonly bool _rows;

        public EightPixels(int* offsets)
        {
            _offsets = Vector256.Load(offsets);
            _inside = Vector256.GreaterThan(_offsets, Vector256.Create(-1));
            Vector256<int> begins = _offsets - Vector256<int>.Indices; // where the row would have the first pixel
            (_firstRow, _first) = Row(begins, _inside);
            (_secondRow, _second) = Row(begins, Vector256.AndNot(_inside, _firstRow));
            _rows = (_firstRow | _secondRow) == _inside;
        }

        public Vector256<float> Load(float* plane) => _rows
            ? Avx.MaskLoad(plane + _first, _firstRow.AsSingle()) | Avx.MaskLoad(plane + _second, _secondRow.AsSingle())
            : Avx2.GatherMaskVector256(Vector256<float>.Zero, plane, _offsets, _inside.AsSingle(), sizeof(float));

        /// <summary>Pixels that are in the row of the first that is still to be had.</summary>
        private static (Vector256<int> Pixels, int Begin) Row(Vector256<int> begins, Vector256<int> left)
        {
            int first = System.Numerics.BitOperations.TrailingZeroCount(left.ExtractMostSignificantBits());
            int begin = first < Width ? begins[first] : 0;
            return (Vector256.Equals(begins, Vector256.Create(begin)) & left, begin);
        }
    }
}
