namespace Halftone.Engine.Kernels.DynamicProducts;

/// <summary>What products of two operands known at run time ask of a machine: dot products of pairs of 16-bit differences, for some columns at once.</summary>
/// <remarks>A difference of a code and a zero point has 9 bits, so that pairs of products add up exactly and no corrections for zero points are needed.</remarks>
/// <typeparam name="TSums">Sums of 32 bits, one a column; or pairs of differences, one a column.</typeparam>
internal unsafe interface IPairSet<TSums>
{
    /// <summary>Columns.</summary>
    static abstract int Width { get; }

    /// <summary>Loads sums or pairs.</summary>
    static abstract TSums Load(int* from);

    /// <summary>Stores sums or pairs.</summary>
    static abstract void Store(int* to, TSums sums);

    /// <summary>Loads codes less a zero point, 32 bits each.</summary>
    static abstract TSums Differences(byte* codes, int zero);

    /// <summary>Pairs of 16 bits, the first operand's low ones in front.</summary>
    static abstract TSums Pair(TSums first, TSums second);

    /// <summary>Adds the products of one pair and the pairs of all columns.</summary>
    static abstract TSums Add(TSums sums, int* pair, TSums pairs);
}
