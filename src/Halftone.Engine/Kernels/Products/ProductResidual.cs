using System.Runtime.CompilerServices;
using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Codes that are added to a product's before they are stored, as a residual connection does: y becomes what <see cref="AddStep"/> makes of both.</summary>
/// <param name="Range">Of the first operand, the second and the sum.</param>
/// <param name="ProductFirst">Whether the product's codes are the first operand: sums of floats depend on the order.</param>
/// <param name="RowStride">Bytes from a row of the others to the next; row r, channel n lies at r * RowStride + n.</param>
internal sealed unsafe record ProductResidual(QuantizedBinary Range, bool ProductFirst, int RowStride)
{
    /// <summary>The sum.</summary>
    public AddStep Step { get; } = AddStep.Of(Range);

    /// <summary>Adds to codes where they lie.</summary>
    /// <param name="y">The first row.</param>
    /// <param name="stride">Bytes from a row to the next.</param>
    /// <param name="others">The first row of the others.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="count">Codes of a row.</param>
    public void Add(byte* y, nint stride, byte* others, int rows, int count)
    {
        int at = 0;
        if (Lanes16.IsSupported)
        {
            at = Columns<Lanes16>(y, stride, others, rows, at, count);
        }

        if (Lanes8.IsSupported)
        {
            at = Columns<Lanes8>(y, stride, others, rows, at, count);
        }

        if (Lanes4.IsSupported)
        {
            at = Columns<Lanes4>(y, stride, others, rows, at, count);
        }

        Columns<Lane>(y, stride, others, rows, at, count);
    }

    /// <summary>Adds to one code.</summary>
    public void AddOne(byte* y, byte* other) => Columns<Lane>(y, 0, other, 1, 0, 1);

    // rows are short where a kernel has few channels, so down the rows and not along them
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Columns<TLanes>(byte* y, nint stride, byte* others, int rows, int at, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        (TLanes least, TLanes most) = (TLanes.All(Range.Least), TLanes.All(Range.Most));
        (AddStep step, bool productFirst, nint othersStride) = (Step, ProductFirst, RowStride);
        for (; at <= count - TLanes.Count; at += TLanes.Count)
        {
            byte* to = y + at;
            byte* other = others + at;
            for (int row = rows; row > 0; row--)
            {
                (TLanes product, TLanes added) = (TLanes.Load(to), TLanes.Load(other));
                TLanes sum = productFirst ? step.Compute(product, added) : step.Compute(added, product);
                TLanes.Store(to, TLanes.Clamp(sum, least, most));
                to += stride;
                other += othersStride;
            }
        }

        return at;
    }
}
