using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Halftone.Engine.Kernels.Vectors;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Products.Narrow;

/// <summary>Saturating products by AVX2's vpmaddubsw and vpaddsw: tiles of 16 channels, one pair of the depth at a time.</summary>
internal sealed unsafe class VectorNarrowProducts<TEpilogue> : ProductKernel
    where TEpilogue : struct, IVectorEpilogue<Sums256>
{
    private const int MostRows = 4;
    private const int PairBytes = 2 * ChannelBlocks.Width;

    private readonly NativeBuffer _memory;
    private readonly ChannelBlocks _blocks;
    private readonly CodeRange _range;
    private readonly NarrowExact _exact;
    private readonly int _channels;
    private readonly int _elementBytes;
    private readonly int _pairs;
    private readonly int _stretch;
    private readonly nint _rowStride;
    private readonly nint _outputStride;
    private readonly sbyte* _weights;
    private readonly PairPlace* _places;

    /// <summary>Packs a problem's weights.</summary>
    public VectorNarrowProducts(NarrowProblem problem)
    {
        KernelChecks.Require(problem);
        ProductProblem product = problem.Product;
        _channels = product.Channels;
        _elementBytes = product.Epilogue.ElementBytes;
        _pairs = (problem.Depth + 1) / 2;
        _stretch = problem.Stretch / 2;
        _rowStride = product.RowStride;
        _outputStride = product.OutputStride;
        _range = CodeRange.Of(product.Epilogue);
        _exact = new NarrowExact(problem);
        _blocks = new ChannelBlocks(product.Bias, product.Epilogue);
        long weights = (long)Panels * _pairs * PairBytes;
        _memory = new NativeBuffer(weights + ((long)_pairs * sizeof(PairPlace)));
        _weights = (sbyte*)_memory.Pointer;
        _places = (PairPlace*)(_memory.Pointer + weights);
        Pack(problem);
    }

    /// <inheritdoc/>
    public override int PanelWidth => ChannelBlocks.Width;

    /// <inheritdoc/>
    public override int Panels => (_channels + PanelWidth - 1) / PanelWidth;

    /// <inheritdoc/>
    public override int TileRows => MostRows;

    /// <inheritdoc/>
    public override long WeightBytes => (byte*)_places - (byte*)_weights;

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int rows, int firstPanel, int panels, byte* others = null)
    {
        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        int* sums = stackalloc int[MostRows * ChannelBlocks.Width];
        byte* narrow = stackalloc byte[ChannelBlocks.MostBytes]; // a whole panel's outputs, where it has fewer
        for (int panel = firstPanel; panel < firstPanel + panels; panel++)
        {
            int first = panel * PanelWidth;
            int width = Math.Min(PanelWidth, _channels - first);
            int* block = _blocks.Block(panel);
            for (int row = 0; row < rows; row += MostRows)
            {
                int count = Math.Min(MostRows, rows - row);
                byte* from = a + (row * _rowStride);
                Tile(from, sums, count, panel);
                for (int r = 0; r < count; r++)
                {
                    int* s = sums + (r * ChannelBlocks.Width);
                    _exact.Add(from + (r * _rowStride), first, new Span<int>(s, width));
                    byte* to = y + ((row + r) * _outputStride) + ((nint)first * _elementBytes);
                    TEpilogue.Store(Avx2Set.Sums(s), block + ChannelBlocks.Width, _range, width == PanelWidth ? to : narrow);
                    if (width < PanelWidth)
                    {
                        ChannelBlocks.Copy(narrow, to, 0, 1, width * _elementBytes);
                    }
                }
            }
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _memory.Dispose();
        _blocks.Dispose();
        base.Dispose();
    }

    private void Pack(NarrowProblem problem)
    {
        for (int k = 0; k < problem.Depth; k += 2)
        {
            int first = problem.Offset(k);
            // what is read for a last place without a neighbour meets a weight of 0
            _places[k / 2] = new(first, k + 1 < problem.Depth ? problem.Offset(k + 1) - first : 1);
        }

        for (int i = 0; i < problem.Product.Weights.Length; i++)
        {
            (int channel, int k) = Math.DivRem(i, problem.Depth);
            nint pair = ((nint)(channel / PanelWidth) * _pairs) + (k / 2);
            _weights[(pair * PairBytes) + (channel % PanelWidth * 2) + (k % 2)] = problem.Product.Weights[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Tile(byte* a, int* sums, int rows, int panel)
    {
        // rows that are not there repeat the last
        nint last = rows - 1;
        byte* a1 = a + (Math.Min(1, last) * _rowStride), a2 = a + (Math.Min(2, last) * _rowStride), a3 = a + (last * _rowStride);
        Vector256<int> low0 = Vector256.Load(_blocks.Block(panel)), low1 = low0, low2 = low0, low3 = low0;
        Vector256<int> high0 = Vector256.Load(_blocks.Block(panel) + 8), high1 = high0, high2 = high0, high3 = high0;
        sbyte* w = _weights + ((nint)panel * _pairs * PairBytes);
        PairPlace* place = _places;
        for (int left = _pairs; left > 0; left -= _stretch)
        {
            Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default;
            for (int pair = Math.Min(left, _stretch); pair > 0; pair--)
            {
                Vector256<sbyte> weights = Vector256.Load(w);
                s0 = Avx2.AddSaturate(s0, Avx2.MultiplyAddAdjacent(Pair(a, place), weights));
                s1 = Avx2.AddSaturate(s1, Avx2.MultiplyAddAdjacent(Pair(a1, place), weights));
                s2 = Avx2.AddSaturate(s2, Avx2.MultiplyAddAdjacent(Pair(a2, place), weights));
                s3 = Avx2.AddSaturate(s3, Avx2.MultiplyAddAdjacent(Pair(a3, place), weights));
                w += PairBytes;
                place++;
            }

            (low0, high0) = (low0 + Avx2.ConvertToVector256Int32(s0.GetLower()), high0 + Avx2.ConvertToVector256Int32(s0.GetUpper()));
            (low1, high1) = (low1 + Avx2.ConvertToVector256Int32(s1.GetLower()), high1 + Avx2.ConvertToVector256Int32(s1.GetUpper()));
            (low2, high2) = (low2 + Avx2.ConvertToVector256Int32(s2.GetLower()), high2 + Avx2.ConvertToVector256Int32(s2.GetUpper()));
            (low3, high3) = (low3 + Avx2.ConvertToVector256Int32(s3.GetLower()), high3 + Avx2.ConvertToVector256Int32(s3.GetUpper()));
        }

        Store(sums, low0, high0);
        Store(sums + ChannelBlocks.Width, low1, high1);
        Store(sums + (2 * ChannelBlocks.Width), low2, high2);
        Store(sums + (3 * ChannelBlocks.Width), low3, high3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Pair(byte* row, PairPlace* place)
    {
        byte* at = row + place->First;
        // pairs part only where a segment of odd length ends
        return Vector256.Create(place->Gap == 1 ? Unsafe.ReadUnaligned<ushort>(at) : (ushort)(*at | (at[place->Gap] << 8))).AsByte();
    }

    private static void Store(int* to, Vector256<int> low, Vector256<int> high)
    {
        low.Store(to);
        high.Store(to + 8);
    }

    private readonly record struct PairPlace(int First, int Gap);
}
