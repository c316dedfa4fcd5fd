using System.Runtime.CompilerServices;
using Halftone.Engine.Kernels.Vectors;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Products by an instruction set: tiles of 16 channels whose sums stay in registers, segments read where they lie.</summary>
internal sealed unsafe class VectorProducts<TSet, TSums, TQuads, TQuad, TEpilogue> : ProductKernel
    where TSet : struct, IInstructionSet<TSums, TQuads, TQuad>
    where TSums : unmanaged
    where TQuads : unmanaged
    where TEpilogue : struct, IVectorEpilogue<TSums>
{
    private const int MostRows = 6;
    private const int LowRows = 4; // all that two steps leave registers for, and what ends lines of 8, 16 or 32 rows better than 6

    private readonly NativeBuffer _memory;
    private readonly ChannelBlocks _blocks;
    private readonly CodeRange _range;
    private readonly ProductResidual? _residual;
    private readonly int _channels;
    private readonly int _elementBytes;
    private readonly int _segments;
    private readonly int _quads;
    private readonly bool _isPacked;
    private readonly nint _quadBytes; // of weights
    private readonly nint _rowStride;
    private readonly nint _outputStride;
    private readonly nint _panelBytes;
    private readonly nint* _offsets;
    private readonly sbyte* _weights;

    /// <summary>Packs a problem's weights.</summary>
    public VectorProducts(ProductProblem problem)
    {
        KernelChecks.Require(problem);
        _channels = problem.Channels;
        _elementBytes = problem.Epilogue.ElementBytes;
        _segments = problem.SegmentOffsets.Length;
        _quads = (problem.SegmentBytes + 3) / 4;
        _rowStride = problem.RowStride;
        _outputStride = problem.OutputStride;
        _range = CodeRange.Of(problem.Epilogue);
        _residual = problem.Residual;
        _isPacked = problem.WeightBits < 8; // those of 2 bits take 4 here
        _quadBytes = _isPacked ? Nibbles.QuadBytes : Bytes.QuadBytes;
        _panelBytes = _segments * _quads * _quadBytes;
        _blocks = new ChannelBlocks(QuadWeights.Bias(problem.Bias, problem.Weights, TSet.ActivationOffset), problem.Epilogue);
        _memory = new NativeBuffer((Panels * _panelBytes) + ((long)_segments * sizeof(nint)));
        _weights = (sbyte*)_memory.Pointer;
        _offsets = (nint*)(_weights + (Panels * _panelBytes));
        for (int s = 0; s < _segments; s++)
        {
            _offsets[s] = problem.SegmentOffsets[s];
        }

        Pack(problem);
    }

    // of 16 registers, two steps need one a row to keep its quad
    private static int Rows => TSet.Steps == 1 ? MostRows : LowRows;

    /// <inheritdoc/>
    public override int PanelWidth => ChannelBlocks.Width;

    /// <inheritdoc/>
    public override int Panels => (_channels + PanelWidth - 1) / PanelWidth;

    /// <inheritdoc/>
    public override int TileRows => Rows;

    /// <inheritdoc/>
    public override long WeightBytes => Panels * _panelBytes;

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int rows, int firstPanel, int panels, byte* others = null) =>
        Run(a, y, new(1, rows, 0, 0), firstPanel, panels, 0, _segments, others);

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, KernelLines lines, int firstPanel, int panels, int firstSegment, int segments, byte* others = null)
    {
        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        if (TSet.ActivationOffset != 0)
        {
            (firstSegment, segments) = (0, _segments); // the biases count on every weight
        }

        for (int panel = firstPanel; panel < firstPanel + panels; panel++)
        {
            sbyte* weights = _weights + (panel * _panelBytes) + (firstSegment * _quads * _quadBytes);
            for (int line = 0; line < lines.Lines; line++)
            {
                Line(a + (line * lines.Stride), y + (line * lines.OutputStride), others + (line * lines.OthersStride), lines.Rows, panel, new(weights, _offsets + firstSegment, segments));
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

    private void Line(byte* a, byte* y, byte* others, int rows, int panel, Segments segments)
    {
        // tiles store 16 channels; where a panel has fewer, they store here
        byte* narrow = stackalloc byte[MostRows * ChannelBlocks.MostBytes];
        int first = panel * PanelWidth;
        int bytes = Math.Min(PanelWidth, _channels - first) * _elementBytes;
        byte* output = y + ((nint)first * _elementBytes);
        for (int row = 0; row < rows;)
        {
            // the last tile may begin among the rows of the one before, which it computes once more
            int height = Height(rows - row, rows), top = Math.Min(row, rows - height);
            byte* from = a + (top * _rowStride), to = output + (top * _outputStride);
            if (first + PanelWidth <= _channels)
            {
                Compute(from, to, _outputStride, height, panel, segments);
            }
            else
            {
                Compute(from, narrow, ChannelBlocks.MostBytes, height, panel, segments);
                ChannelBlocks.Copy(narrow, to, _outputStride, height, bytes);
            }

            row = top + height;
        }

        _residual?.Add(output, _outputStride, others + first, rows, bytes); // the codes are in the nearest cache still
    }

    private void Pack(ProductProblem problem)
    {
        int w = 0;
        for (int n = 0; n < problem.Channels; n++)
        {
            sbyte* panel = _weights + (n / PanelWidth * _panelBytes);
            for (int s = 0; s < _segments; s++)
            {
                for (int k = 0; k < problem.SegmentBytes; k++)
                {
                    sbyte* quad = panel + ((((nint)s * _quads) + (k / 4)) * _quadBytes);
                    if (_isPacked)
                    {
                        QuadWeights.Pack(quad, n % PanelWidth, k % 4, problem.Weights[w++]);
                    }
                    else
                    {
                        QuadWeights.Store(quad, n % PanelWidth, k % 4, problem.Weights[w++], TSet.Steps);
                    }
                }
            }
        }
    }

    private void Compute(byte* a, byte* y, nint outputStride, int rows, int panel, Segments segments)
    {
        if (_isPacked)
        {
            Compute<Nibbles>(a, y, outputStride, rows, panel, segments);
        }
        else
        {
            Compute<Bytes>(a, y, outputStride, rows, panel, segments);
        }
    }

    private void Compute<TWeights>(byte* a, byte* y, nint outputStride, int rows, int panel, Segments segments)
        where TWeights : struct, IWeights
    {
        if (rows == 1)
        {
            Row<TWeights>(a, y, panel, segments);
        }
        else if (TSet.Steps == 1 && rows == MostRows)
        {
            Tile<High, TWeights>(a, y, outputStride, panel, segments);
        }
        else
        {
            Tile<Low, TWeights>(a, y, outputStride, panel, segments);
        }
    }

    /// <summary>Rows of the next tile, of so many left of all: few tiles, and little computed twice.</summary>
    private static int Height(int left, int rows) =>
        rows < LowRows ? 1 : Rows == LowRows || rows < Rows || left <= LowRows || left is 7 or 8 ? LowRows : Rows;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Tile<THeight, TWeights>(byte* a, byte* y, nint outputStride, int panel, Segments segments)
        where THeight : struct, IHeight
        where TWeights : struct, IWeights
    {
        // two pointers and two strides reach six rows; nothing is called here, since a call would have the sums live in memory
        nint stride = _rowStride, two = 2 * stride;
        int* block = _blocks.Block(panel);
        TSums s0 = TSet.Sums(block), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
        sbyte* w = segments.Weights;
        nint* offset = segments.Offsets;
        for (int segment = segments.Count; segment > 0; segment--)
        {
            byte* at = a + *offset++;
            byte* below = at + two + stride;
            for (int quad = _quads; quad > 0; quad--)
            {
                TQuads weights = TWeights.Load(w, 0);
                s0 = TSet.Add(s0, TSet.Quad(at, 0), weights);
                s1 = TSet.Add(s1, TSet.Quad(at + stride, 0), weights);
                s2 = TSet.Add(s2, TSet.Quad(at + two, 0), weights);
                s3 = TSet.Add(s3, TSet.Quad(below, 0), weights);
                if (THeight.Rows == MostRows)
                {
                    s4 = TSet.Add(s4, TSet.Quad(below + stride, 0), weights);
                    s5 = TSet.Add(s5, TSet.Quad(below + two, 0), weights);
                }

                if (TSet.Steps == 2)
                {
                    weights = TWeights.Load(w, 1);
                    s0 = TSet.Add(s0, TSet.Quad(at, 1), weights);
                    s1 = TSet.Add(s1, TSet.Quad(at + stride, 1), weights);
                    s2 = TSet.Add(s2, TSet.Quad(at + two, 1), weights);
                    s3 = TSet.Add(s3, TSet.Quad(below, 1), weights);
                }

                at += 4;
                below += 4;
                w += TWeights.QuadBytes;
            }
        }

        int* columns = block + ChannelBlocks.Width;
        TEpilogue.Store(s0, columns, _range, y);
        TEpilogue.Store(s1, columns, _range, y += outputStride);
        TEpilogue.Store(s2, columns, _range, y += outputStride);
        TEpilogue.Store(s3, columns, _range, y += outputStride);
        if (THeight.Rows == MostRows)
        {
            TEpilogue.Store(s4, columns, _range, y += outputStride);
            TEpilogue.Store(s5, columns, _range, y + outputStride);
        }
    }

    /// <summary>One row, its quads by turns in two chains of sums, so that a chain's latency matters less.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row<TWeights>(byte* a, byte* y, int panel, Segments segments)
        where TWeights : struct, IWeights
    {
        int* block = _blocks.Block(panel);
        TSums even = TSet.Sums(block), odd = default;
        sbyte* w = segments.Weights;
        for (int segment = 0; segment < segments.Count; segment++)
        {
            byte* at = a + segments.Offsets[segment];
            int quad = _quads;
            for (; quad > 1; quad -= 2)
            {
                even = AddQuad<TWeights>(even, at, w);
                odd = AddQuad<TWeights>(odd, at + 4, w + TWeights.QuadBytes);
                at += 8;
                w += 2 * TWeights.QuadBytes;
            }

            if (quad == 1)
            {
                even = AddQuad<TWeights>(even, at, w);
                w += TWeights.QuadBytes;
            }
        }

        TEpilogue.Store(TSet.Sum(even, odd), block + ChannelBlocks.Width, _range, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSums AddQuad<TWeights>(TSums sums, byte* a, sbyte* w)
        where TWeights : struct, IWeights
    {
        sums = TSet.Add(sums, TSet.Quad(a, 0), TWeights.Load(w, 0));
        return TSet.Steps == 2 ? TSet.Add(sums, TSet.Quad(a, 1), TWeights.Load(w, 1)) : sums;
    }

    private interface IHeight
    {
        static abstract int Rows { get; }
    }

    private readonly struct High : IHeight
    {
        public static int Rows => MostRows;
    }

    private readonly struct Low : IHeight
    {
        public static int Rows => LowRows;
    }

    private interface IWeights
    {
        /// <summary>Bytes of a quad's weights of 16 channels.</summary>
        static abstract nint QuadBytes { get; }

        /// <summary>The weights of a step.</summary>
        static abstract TQuads Load(sbyte* quad, int step);
    }

    private readonly struct Bytes : IWeights
    {
        public static nint QuadBytes => TSet.Steps * QuadWeights.StepBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TQuads Load(sbyte* quad, int step) => TSet.Weights(quad + (step * QuadWeights.StepBytes));
    }

    private readonly struct Nibbles : IWeights
    {
        public static nint QuadBytes => QuadWeights.PackedBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TQuads Load(sbyte* quad, int step) => TSet.Nibbles(quad, step);
    }

    /// <summary>Those of a panel that count.</summary>
    private readonly struct Segments(sbyte* weights, nint* offsets, int count)
    {
        public sbyte* Weights => weights;

        public nint* Offsets => offsets;

        public int Count => count;
    }
}
