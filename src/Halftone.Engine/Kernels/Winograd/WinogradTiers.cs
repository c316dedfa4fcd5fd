using System.Collections.Immutable;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Vectors;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>About what a core does in a cycle, and what it takes cycles for.</summary>
/// <param name="Products">Products of bytes that the other kernels of a tier make.</param>
/// <param name="WordProducts">Products of 16 bits that Winograd's make.</param>
/// <param name="CyclesOfInput">For a channel of a tile.</param>
/// <param name="CyclesOfOutput">For a channel of a tile, where products do not hide it.</param>
internal readonly record struct WinogradRates(int Products, int WordProducts, int CyclesOfInput, int CyclesOfOutput);

/// <summary>How Winograd convolutions are computed on one kind of machine.</summary>
/// <param name="Name">Of the tier of products that it belongs to.</param>
/// <param name="MostInputs">Most input channels that it takes.</param>
/// <param name="Rates">How fast it is.</param>
/// <param name="Build">Transforms a problem's weights.</param>
internal sealed record WinogradTier(string Name, int MostInputs, WinogradRates Rates, Func<WinogradProblem, WinogradKernel> Build)
{
    private const int CyclesOfEdge = 5; // a channel of a tile that is copied
    private const int BytesPerCycle = 10; // weights that no near cache holds

    /// <summary>Whether this takes less time than other kernels: a quarter of the products, of 16 bits, but weights that are eight times as long.</summary>
    /// <param name="inputs">Input channels.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="height">Lines of an output image.</param>
    /// <param name="width">Pixels of a line of outputs.</param>
    /// <param name="threads">Threads that share the work.</param>
    public bool IsFaster(int inputs, int outputs, int images, int height, int width, int threads)
    {
        // the other kernels leave out taps on padding of zeros
        double products = 9.0 * inputs * outputs;
        double inside = (1 - (2 / (3.0 * height))) * (1 - (2 / (3.0 * width)));
        double direct = products * inside * images * height * width / Rates.Products / threads;

        int all = WinogradTransform.Tiles(height) * WinogradTransform.Tiles(width), whole = height / WinogradTransform.Outputs * (width / WinogradTransform.Outputs);
        double tiles = Math.Max(WinogradKernel.FewestTiles, Math.Ceiling((double)images * all / threads));
        double edges = (double)images * (all - whole) / threads;
        double transformed = (tiles * ((4 * products / Rates.WordProducts) + (Rates.CyclesOfInput * inputs) + (Rates.CyclesOfOutput * outputs))) + (edges * CyclesOfEdge * (inputs + outputs));
        return Math.Max(transformed, 8 * products / BytesPerCycle) < direct;
    }
}

/// <summary>The tiers of Winograd convolutions.</summary>
internal static class WinogradTiers
{
    // Measured on a Zen 4. Others make twice as many products from registers, but Winograd's wait for each other then, and outputs need the same units.
    private static readonly WinogradRates s_assembled = Cpu.IsZen4 ? new(64, 32, 10, 5) : new(128, 50, 10, 8);

    /// <summary>All tiers, best first. Fixed-point requantization is not assembled.</summary>
    public static ImmutableArray<WinogradTier> All { get; } =
    [
        new("avx512vnni", 128, s_assembled, p => p.Epilogue is FixedPointRequantize ? Build256<Avx2PairDot>(p) : new Avx512VnniWinogradKernel(p)),
        new("avxvnni", 256, new(64, 26, 10, 9), Build256<AvxVnniPairDot>),
        new("avx2", 256, new(32, 32, 10, 9), Build256<Avx2PairDot>),
    ];

    /// <summary>That of a tier of products; null where it has none.</summary>
    /// <param name="forced">The tier's name; null or empty for the best.</param>
    public static WinogradTier? Choose(string? forced)
    {
        string best = ProductTiers.Choose(forced).Name;
        return All.FirstOrDefault(t => t.Name == best);
    }

    /// <summary>The kernel of an x64 instruction set.</summary>
    internal static WinogradKernel Build256<TDot>(WinogradProblem problem)
        where TDot : struct, IPairDot => problem.Epilogue switch
        {
            FloatRequantize => new VectorWinogradKernel<TDot, FloatRequantize256>(problem),
            FixedPointRequantize { Form: FixedPointForm.SingleRounding } => new VectorWinogradKernel<TDot, SingleRounding256>(problem),
            _ => new VectorWinogradKernel<TDot, DoubleRounding256>(problem),
        };
}
