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
        if (stride == count && RowStride == count)
        {
            (rows, count) = (1, rows * count); // rows that leave no gap are one
        }

        for (int row = 0; row < rows; row++)
        {
            LaneLoop.Run(Row(y + (row * stride), others + ((nint)row * RowStride)), count);
        }
    }

    /// <summary>Adds to one code.</summary>
    public void AddOne(byte* y, byte* other) => Row(y, other).Run<Lane>(0);

    private BinaryRow<AddStep> Row(byte* y, byte* others) =>
        ProductFirst ? new(Step, y, others, y, Range.Least, Range.Most) : new(Step, others, y, y, Range.Least, Range.Most);
}
