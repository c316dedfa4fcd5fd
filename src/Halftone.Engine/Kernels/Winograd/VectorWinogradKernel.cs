using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Halftone.Engine.Kernels.Vectors;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>What Winograd convolutions ask of a machine with AVX2: dot products of pairs of 16 bits.</summary>
internal interface IPairDot
{
    /// <summary>Adds the dot products of eight pairs.</summary>
    static abstract Vector256<int> Dot(Vector256<int> sums, Vector256<short> left, Vector256<short> right);
}

/// <summary>Multiplies, then adds.</summary>
internal readonly struct Avx2PairDot : IPairDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Dot(Vector256<int> sums, Vector256<short> left, Vector256<short> right) => sums + Avx2.MultiplyAddAdjacent(left, right);
}

/// <summary>The dot products of AVX-VNNI.</summary>
internal readonly struct AvxVnniPairDot : IPairDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Dot(Vector256<int> sums, Vector256<short> left, Vector256<short> right) => AvxVnni.MultiplyWideningAndAdd(sums, left, right);
}

/// <summary>Winograd convolutions by intrinsics: four tiles and a panel of 16 channels, whose sums stay in registers.</summary>
internal sealed unsafe class VectorWinogradKernel<TDot, TEpilogue> : WinogradKernel
    where TDot : struct, IPairDot
    where TEpilogue : struct, IVectorEpilogue<Sums256>
{
    private const int Together = FewestTiles;
    private const int Half = PanelWidth / 2; // lanes of a register
    private const int Side = WinogradTransform.Inputs;
    private const int Outputs = WinogradTransform.Outputs;

    private readonly WinogradProblem _problem;
    private readonly WinogradWeights _weights;
    private readonly ChannelBlocks _blocks;
    private readonly CodeRange _range;

    /// <summary>Transforms the weights.</summary>
    /// <exception cref="ArgumentException">The problem's arrays do not fit.</exception>
    public VectorWinogradKernel(WinogradProblem problem)
        : base(problem, [Together, 2 * Together, 3 * Together])
    {
        _problem = problem;
        _weights = new WinogradWeights(problem);
        _blocks = new ChannelBlocks(problem.Bias, problem.Epilogue);
        _range = CodeRange.Of(problem.Epilogue);
    }

    /// <inheritdoc/>
    public override long WeightBytes => _weights.Length;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _weights.Dispose();
        _blocks.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Multiply(int panel, short* inputs, int* products)
    {
        short* weights = _weights.Panel(panel);
        for (int place = 0; place < WinogradTransform.Places; place++)
        {
            for (int tile = 0; tile < Tiles; tile += Together)
            {
                Multiply(inputs, weights, products);
                inputs += Together * _problem.Inputs;
                products += Together * PanelWidth;
            }

            weights += _problem.Inputs * PanelWidth;
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Finish(int panel, int* products, WinogradTile* tiles)
    {
        int* sums = stackalloc int[Outputs * Outputs * PanelWidth];
        byte* narrow = stackalloc byte[Outputs * ChannelBlocks.MostBytes];
        int* block = _blocks.Block(panel);
        int count = Math.Min(PanelWidth, _problem.Outputs - (panel * PanelWidth));
        for (int tile = 0; tile < Tiles; tile++, products += PanelWidth)
        {
            Transform(products, sums);
            Transform(products + Half, sums + Half);
            byte* y = tiles[tile].Y + (panel * PanelWidth), others = tiles[tile].Others + (panel * PanelWidth);
            for (int line = 0; line < Outputs; line++, y += tiles[tile].Line, others += tiles[tile].OthersLine)
            {
                byte* to = count == PanelWidth ? y : narrow;
                nint stride = count == PanelWidth ? _problem.Outputs : ChannelBlocks.MostBytes;
                for (int pixel = 0; pixel < Outputs; pixel++)
                {
                    int* from = sums + (((line * Outputs) + pixel) * PanelWidth);
                    var biased = new Sums256(Vector256.Load(from) + Vector256.Load(block), Vector256.Load(from + Half) + Vector256.Load(block + Half));
                    TEpilogue.Store(biased, block + ChannelBlocks.Width, _range, to + (pixel * stride));
                }

                if (count < PanelWidth)
                {
                    ChannelBlocks.Copy(narrow, y, _problem.Outputs, Outputs, count);
                }

                _problem.Residual?.Add(y, _problem.Outputs, others, Outputs, count);
            }
        }
    }

    /// <summary>Sums of four tiles at a place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Multiply(short* inputs, short* weights, int* products)
    {
        nint stride = _problem.Inputs;
        short* below = inputs + (2 * stride);
        Vector256<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        for (nint pair = stride / 2; pair > 0; pair--)
        {
            Vector256<short> low = Vector256.Load(weights), high = Vector256.Load(weights + PanelWidth);
            Vector256<short> x = Pair(inputs);
            a = TDot.Dot(a, x, low);
            b = TDot.Dot(b, x, high);
            x = Pair(inputs + stride);
            c = TDot.Dot(c, x, low);
            d = TDot.Dot(d, x, high);
            x = Pair(below);
            e = TDot.Dot(e, x, low);
            f = TDot.Dot(f, x, high);
            x = Pair(below + stride);
            g = TDot.Dot(g, x, low);
            h = TDot.Dot(h, x, high);
            inputs += 2;
            below += 2;
            weights += 2 * PanelWidth;
        }

        a.Store(products);
        b.Store(products + Half);
        c.Store(products + PanelWidth);
        d.Store(products + PanelWidth + Half);
        e.Store(products + (2 * PanelWidth));
        f.Store(products + (2 * PanelWidth) + Half);
        g.Store(products + (3 * PanelWidth));
        h.Store(products + (3 * PanelWidth) + Half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Pair(short* from) => Vector256.Create(Unsafe.ReadUnaligned<int>(from)).AsInt16();

    /// <summary>A' M A of eight lanes of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Transform(int* products, int* sums)
    {
        nint pitch = Tiles * PanelWidth;
        int* columns = stackalloc int[Outputs * Side * Half];
        for (int j = 0; j < Side; j++)
        {
            int* m = products + (j * pitch);
            nint line = Side * pitch;
            Four(
                Vector256.Load(m), Vector256.Load(m + line), Vector256.Load(m + (2 * line)), Vector256.Load(m + (3 * line)), Vector256.Load(m + (4 * line)), Vector256.Load(m + (5 * line)),
                out Vector256<int> y0, out Vector256<int> y1, out Vector256<int> y2, out Vector256<int> y3);
            int* to = columns + (j * Half);
            y0.Store(to);
            y1.Store(to + (Side * Half));
            y2.Store(to + (2 * Side * Half));
            y3.Store(to + (3 * Side * Half));
        }

        for (int i = 0; i < Outputs; i++)
        {
            int* x = columns + (i * Side * Half);
            Four(
                Vector256.Load(x), Vector256.Load(x + Half), Vector256.Load(x + (2 * Half)), Vector256.Load(x + (3 * Half)), Vector256.Load(x + (4 * Half)), Vector256.Load(x + (5 * Half)),
                out Vector256<int> y0, out Vector256<int> y1, out Vector256<int> y2, out Vector256<int> y3);
            int* to = sums + (i * Outputs * PanelWidth);
            Sum(y0).Store(to);
            Sum(y1).Store(to + PanelWidth);
            Sum(y2).Store(to + (2 * PanelWidth));
            Sum(y3).Store(to + (3 * PanelWidth));
        }
    }

    /// <summary>What 576 times a sum is of, modulo 2^32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Sum(Vector256<int> raised) => (raised * WinogradTransform.InverseOfNine) >> WinogradTransform.Raised;

    /// <summary>A' times six values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(
        Vector256<int> m0, Vector256<int> m1, Vector256<int> m2, Vector256<int> m3, Vector256<int> m4, Vector256<int> m5, out Vector256<int> y0, out Vector256<int> y1, out Vector256<int> y2, out Vector256<int> y3)
    {
        Vector256<int> even = m1 + m2, odd = m1 - m2, even2 = m3 + m4, odd2 = m3 - m4;
        y0 = m0 + even + even2;
        y1 = odd + (odd2 + odd2);
        y2 = even + (even2 << 2);
        Vector256<int> last = (odd2 << 2) + m5;
        y3 = odd + (last + last);
    }
}
