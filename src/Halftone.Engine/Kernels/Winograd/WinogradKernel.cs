using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>Where a tile's outputs go: all 16, of which a tile at an edge has its own in scratch memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WinogradTile
{
    /// <summary>The first output, its first channel.</summary>
    public byte* Y;

    /// <summary>Bytes from a line of outputs to the next.</summary>
    public long Line;

    /// <summary>What is added to the first output.</summary>
    public byte* Others;

    /// <summary>Bytes from a line of what is added to the next.</summary>
    public long OthersLine;
}

/// <summary>A <see cref="WinogradProblem"/> made ready by one tier: transformed weights and code. Immutable; runs may go on in several threads at once.</summary>
/// <remarks>
/// Tiles are computed some together, a block: their inputs are transformed into [place][tile][channel], each place is a matrix product of its own,
/// and the products, [place][tile][channel of the panel], are transformed into sums. While a panel's products are computed, a kernel may finish the panel before.
/// </remarks>
internal abstract unsafe class WinogradKernel : IDisposable
{
    /// <summary>Output channels of a panel.</summary>
    public const int PanelWidth = 16;

    /// <summary>Fewest tiles of a block: with fewer, products would wait for each other.</summary>
    public const int FewestTiles = 4;

    private const int Alignment = 64;
    private const long MostInputBytes = 512 << 10; // that stay in a core's cache
    private const int TileOutputs = WinogradTransform.Outputs * WinogradTransform.Outputs;

    private readonly WinogradProblem _problem;
    private readonly int _together; // blocks

    /// <summary>Takes a problem.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="sizes">How many tiles a block may have.</param>
    protected WinogradKernel(WinogradProblem problem, IEnumerable<int> sizes)
    {
        KernelChecks.Require(problem);
        _problem = problem;
        Tiles = PickTiles(problem.Tiles, problem.Threads, sizes);
        _together = (int)Math.Clamp(MostInputBytes / InputBytes, 1, (Blocks + problem.Threads - 1) / problem.Threads);
    }

    /// <summary>Blocks of tiles; they may be computed in any order, and at once.</summary>
    public int Blocks => (_problem.Tiles + Tiles - 1) / Tiles;

    /// <summary>Bytes of scratch memory that a run takes, a multiple of its alignment, 64.</summary>
    public long ScratchBytes => (2 * ProductBytes) + PatchBytes + (_together * (InputBytes + TileBytes));

    /// <summary>Bytes that all weights take as they are kept.</summary>
    public abstract long WeightBytes { get; }

    /// <summary>Tiles of a block.</summary>
    protected int Tiles { get; }

    private int Panels => (_problem.Outputs + PanelWidth - 1) / PanelWidth;

    private long InputBytes => Padded((long)WinogradTransform.Places * Tiles * _problem.Inputs * sizeof(short));

    private long ProductBytes => Padded((long)WinogradTransform.Places * Tiles * PanelWidth * sizeof(int));

    private long TileBytes => Padded(Tiles * (sizeof(WinogradTile) + ((long)TileOutputs * (_problem.Outputs + OthersStride))));

    private long PatchBytes => Padded((long)WinogradTransform.Places * _problem.Inputs);

    private bool HasEdges => _problem.Height % WinogradTransform.Outputs > 0 || _problem.Width % WinogradTransform.Outputs > 0;

    private int OthersStride => _problem.Residual?.RowStride ?? 0;

    /// <summary>Computes blocks of tiles.</summary>
    /// <param name="x">The first pixel of the first image, padding included.</param>
    /// <param name="y">The first output of the first image.</param>
    /// <param name="others">What is added to it, where the problem has a residual.</param>
    /// <param name="first">The first block.</param>
    /// <param name="last">The block after the last.</param>
    /// <param name="scratch">Scratch memory.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(byte* x, byte* y, byte* others, int first, int last, byte* scratch)
    {
        for (int block = first; block < last; block += _together)
        {
            Together(x, y, others, block, Math.Min(_together, last - block), scratch);
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>Products of a panel at all places of a block.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="inputs">[place][tile][channel].</param>
    /// <param name="products">[place][tile][channel of the panel].</param>
    protected abstract void Multiply(int panel, short* inputs, int* products);

    /// <summary>Outputs of a panel from its products.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="products">[place][tile][channel of the panel].</param>
    /// <param name="tiles">Where they go.</param>
    protected abstract void Finish(int panel, int* products, WinogradTile* tiles);

    /// <summary>Both, of two panels.</summary>
    protected virtual void MultiplyAndFinish(int panel, short* inputs, int* products, int finished, int* finishedProducts, WinogradTile* tiles)
    {
        Finish(finished, finishedProducts, tiles);
        Multiply(panel, inputs, products);
    }

    /// <summary>Computes some blocks, panel by panel, so that a panel's weights stay near while the blocks go by.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Together(byte* x, byte* y, byte* others, int first, int blocks, byte* scratch)
    {
        byte* inputs = scratch + (2 * ProductBytes) + PatchBytes;
        byte* tiles = inputs + (_together * InputBytes);
        for (int i = 0; i < blocks; i++)
        {
            Transform(x, y, others, first + i, (short*)(inputs + (i * InputBytes)), (WinogradTile*)(tiles + (i * TileBytes)), scratch + (2 * ProductBytes));
        }

        // products by turns: of what is multiplied, and of what was
        int turns = blocks * Panels;
        Multiply(0, (short*)inputs, (int*)scratch);
        for (int turn = 1; turn < turns; turn++)
        {
            (int panel, int block) = Math.DivRem(turn, blocks);
            (int panelBefore, int blockBefore) = Math.DivRem(turn - 1, blocks);
            int* products = (int*)(scratch + (turn % 2 * ProductBytes)), before = (int*)(scratch + ((turn - 1) % 2 * ProductBytes));
            MultiplyAndFinish(panel, (short*)(inputs + (block * InputBytes)), products, panelBefore, before, (WinogradTile*)(tiles + (blockBefore * TileBytes)));
        }

        Finish(Panels - 1, (int*)(scratch + ((turns - 1) % 2 * ProductBytes)), (WinogradTile*)(tiles + ((blocks - 1) * TileBytes)));
        for (int i = 0; i < blocks && HasEdges; i++)
        {
            CopyEdges(y, first + i, (WinogradTile*)(tiles + (i * TileBytes)));
        }
    }

    /// <summary>Transforms the inputs of a block's tiles, and says where their outputs go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Transform(byte* x, byte* y, byte* others, int block, short* places, WinogradTile* tiles, byte* patch)
    {
        (WinogradPitch from, WinogradPitch to, WinogradPitch added) = (_problem.Input, _problem.Output, _problem.Others);
        (nint inputs, nint outputs, nint othersStride, nint stride) = (_problem.Inputs, _problem.Outputs, OthersStride, (nint)Tiles * _problem.Inputs);
        int count = Math.Min(Tiles, _problem.Tiles - (block * Tiles));
        var at = new Cursor(_problem, block * Tiles);
        for (int i = 0; i < count; i++)
        {
            byte* pixel = x + (at.Image * from.Image) + (at.Line * from.Line) + (at.Pixel * inputs);
            byte* other = others + (at.Image * added.Image) + (at.Line * added.Line) + (at.Pixel * othersStride);
            if (at.IsWhole)
            {
                WinogradInputs.Transform(pixel, (nint)from.Line, (int)inputs, places, stride);
                tiles[i].Y = y + (at.Image * to.Image) + (at.Line * to.Line) + (at.Pixel * outputs);
                tiles[i].Line = to.Line;
                tiles[i].Others = other;
                tiles[i].OthersLine = added.Line;
            }
            else
            {
                Edge(at, pixel, other, places, patch, tiles, i);
            }

            places += inputs;
            at.Next();
        }

        for (int i = count; i < Tiles; i++)
        {
            tiles[i] = InScratch(tiles, i);
        }
    }

    /// <summary>Transforms a copy of the inputs of a tile at an edge that repeats the last line and pixel, which count for outputs that there are not. Its outputs go to scratch memory, where what is added is brought too.</summary>
    private void Edge(in Cursor at, byte* from, byte* others, short* places, byte* patch, WinogradTile* tiles, int index)
    {
        const int Side = WinogradTransform.Inputs;
        int inputs = _problem.Inputs;
        for (int i = 0; i < Side; i++)
        {
            for (int j = 0; j < Side; j++)
            {
                long line = Math.Min(i, _problem.Height + 1 - at.Line), pixel = Math.Min(j, _problem.Width + 1 - at.Pixel);
                Unsafe.CopyBlockUnaligned(patch + (((i * Side) + j) * inputs), from + (line * _problem.Input.Line) + (pixel * inputs), (uint)inputs);
            }
        }

        WinogradInputs.Transform(patch, Side * inputs, inputs, places, (nint)Tiles * inputs);
        WinogradTile tile = tiles[index] = InScratch(tiles, index);
        for (int line = 0; line < at.Lines && OthersStride > 0; line++)
        {
            int bytes = ((at.Pixels - 1) * OthersStride) + _problem.Outputs; // what follows the last pixel's channels is not the kernel's
            Unsafe.CopyBlockUnaligned(tile.Others + (line * tile.OthersLine), others + (line * _problem.Others.Line), (uint)bytes);
        }
    }

    private WinogradTile InScratch(WinogradTile* tiles, int index)
    {
        byte* first = (byte*)(tiles + Tiles) + ((nint)index * TileOutputs * (_problem.Outputs + OthersStride));
        return new() { Y = first, Line = WinogradTransform.Outputs * _problem.Outputs, Others = first + ((nint)TileOutputs * _problem.Outputs), OthersLine = WinogradTransform.Outputs * OthersStride };
    }

    /// <summary>Copies the outputs that there are of tiles at edges to where they belong.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyEdges(byte* y, int block, WinogradTile* tiles)
    {
        WinogradPitch to = _problem.Output;
        var at = new Cursor(_problem, block * Tiles);
        int count = Math.Min(Tiles, _problem.Tiles - (block * Tiles));
        for (int i = 0; i < count; i++, at.Next())
        {
            for (int line = 0; line < at.Lines && !at.IsWhole; line++)
            {
                byte* from = y + (at.Image * to.Image) + ((at.Line + line) * to.Line) + ((long)at.Pixel * _problem.Outputs);
                Unsafe.CopyBlockUnaligned(from, tiles[i].Y + (line * tiles[i].Line), (uint)(at.Pixels * _problem.Outputs));
            }
        }
    }

    /// <summary>Tiles of a block: little work on tiles that there are not, blocks for every thread, few loads of weights.</summary>
    private static int PickTiles(int tiles, int threads, IEnumerable<int> sizes)
    {
        const double LoadingWeights = 0.6; // about as much work as so many tiles
        return sizes.MinBy(size =>
        {
            int blocks = (tiles + size - 1) / size;
            return (blocks + threads - 1) / threads * (size + LoadingWeights);
        });
    }

    private static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>A tile among all.</summary>
    private struct Cursor
    {
        private readonly int _height;
        private readonly int _width;

        public Cursor(WinogradProblem problem, int tile)
        {
            (_height, _width) = (problem.Height, problem.Width);
            (Image, int within) = Math.DivRem(tile, problem.ImageTiles);
            (int line, int pixel) = Math.DivRem(within, problem.TilesAcross);
            (Line, Pixel) = (WinogradTransform.Outputs * line, WinogradTransform.Outputs * pixel);
        }

        public int Image { get; private set; }

        /// <summary>Its first line.</summary>
        public int Line { get; private set; }

        /// <summary>Its first pixel.</summary>
        public int Pixel { get; private set; }

        /// <summary>Lines of outputs that there are.</summary>
        public readonly int Lines => Math.Min(WinogradTransform.Outputs, _height - Line);

        /// <summary>Outputs of a line that there are.</summary>
        public readonly int Pixels => Math.Min(WinogradTransform.Outputs, _width - Pixel);

        public readonly bool IsWhole => Line + WinogradTransform.Outputs <= _height && Pixel + WinogradTransform.Outputs <= _width;

        public void Next()
        {
            Pixel += WinogradTransform.Outputs;
            if (Pixel >= _width)
            {
                Pixel = 0;
                Line += WinogradTransform.Outputs;
            }

            if (Line >= _height)
            {
                Line = 0;
                Image++;
            }
        }
    }
}
