using System.Collections.Immutable;
using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine.Kernels.DynamicProducts;

/// <summary>A product of two matrices of codes that are known at run time only: [rows, depth] by [depth, columns].</summary>
/// <remarks>
/// y[r, n] = epilogue(sum over k of (a[r, k] - zero of a) * (b[k, n] - zero of b)), sums in 32 bits, which wrap; the epilogue's arrays have one entry, for all columns.
/// The right operand is packed first, then rows are computed. Nothing outside the matrices is read or written.
/// </remarks>
internal abstract unsafe class DynamicProduct
{
    /// <summary>Bytes that a packed right operand takes.</summary>
    public abstract long PackedBytes { get; }

    /// <summary>Bytes of scratch memory that a run takes.</summary>
    public abstract long ScratchBytes { get; }

    /// <summary>Packs a right operand.</summary>
    /// <param name="b">Its codes.</param>
    /// <param name="zero">Their zero point.</param>
    /// <param name="packed">Where to.</param>
    public abstract void Pack(byte* b, int zero, int* packed);

    /// <summary>Computes rows.</summary>
    /// <param name="a">The first row.</param>
    /// <param name="zero">The zero point of its codes.</param>
    /// <param name="packed">The right operand.</param>
    /// <param name="y">The first row of the output.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="scratch">Scratch memory, aligned to 4 bytes.</param>
    public abstract void Run(byte* a, int zero, int* packed, byte* y, int rows, byte* scratch);

    /// <summary>The names of the tiers that have a kernel of their own, those of <see cref="ProductTiers"/>, and how to make it.</summary>
    public static ImmutableArray<(string Tier, Func<bool> IsSupported, Func<int, int, Epilogue, DynamicProduct> Make)> Tiers { get; } =
    [
        ("avx512vnni", () => Avx512PairSet.IsSupported, (k, n, e) => new PairProduct<Avx512PairSet, Wide512>(k, n, e)),
        ("avx2", () => Avx2PairSet.IsSupported, (k, n, e) => new PairProduct<Avx2PairSet, Wide256>(k, n, e)),
        ("reference", () => true, (k, n, e) => new PairProduct<ScalarPairSet, int>(k, n, e)),
    ];

    /// <summary>The kernel of a tier of products, or of the next tier that has one.</summary>
    /// <param name="forced">The tier's name; null or empty for the best.</param>
    /// <param name="depth">Length of the sums.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="epilogue">What becomes of the sums.</param>
    public static DynamicProduct Choose(string? forced, int depth, int columns, Epilogue epilogue)
    {
        string best = ProductTiers.Choose(forced).Name;
        IEnumerable<string> allowed = ProductTiers.All.Select(t => t.Name).SkipWhile(n => n != best);
        return allowed.SelectMany(n => Tiers.Where(t => t.Tier == n)).First(t => t.IsSupported()).Make(depth, columns, epilogue);
    }
}
