using System.Runtime.Intrinsics;

namespace Halftone.Engine.Dense.Linear;

/// <summary>The right operand of a matrix product, sixteen columns at a time.</summary>
/// <param name="input">The input it is.</param>
/// <param name="depth">Rows.</param>
/// <param name="columns">Columns.</param>
/// <param name="transposed">Whether it is stored [columns, depth].</param>
/// <param name="zeroPoint">The input that holds its zero points, or -1.</param>
/// <param name="zeroPoints">How many: 1, one a column, or one a column of every batch.</param>
internal sealed unsafe class MatrixColumns<T, TElement>(int input, int depth, int columns, bool transposed, int zeroPoint = -1, int zeroPoints = 1)
    where T : unmanaged
    where TElement : IElement<T>
{
    private readonly nint _depthStride = transposed ? 1 : columns;
    private readonly nint _columnStride = transposed ? depth : 1;

    /// <summary>Fills a panel.</summary>
    public void Fill(byte** inputs, T* panel, int batch, int column, int count)
    {
        byte* b = inputs[input] + ((((long)batch * depth * columns) + (column * _columnStride)) * TElement.Bytes);
        T* zeros = stackalloc T[Product<T>.Width];
        for (int j = 0; j < count; j++)
        {
            int index = zeroPoints == 1 ? 0 : zeroPoints == columns ? column + j : (batch * columns) + column + j;
            zeros[j] = zeroPoint < 0 ? default : TElement.Load(inputs[zeroPoint], index, default);
        }

        bool vectors = typeof(T) == typeof(float) && !transposed && count == Product<T>.Width;
        for (int k = 0; k < depth; k++, panel += Product<T>.Width, b += _depthStride * TElement.Bytes)
        {
            if (vectors)
            {
                Vector256.Load((T*)b).Store(panel);
                Vector256.Load((T*)b + 8).Store(panel + 8);
                continue;
            }

            for (int j = 0; j < Product<T>.Width; j++)
            {
                panel[j] = j < count ? TElement.Load(b, j * _columnStride, zeros[j]) : default;
            }
        }
    }
}
