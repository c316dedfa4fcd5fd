using System.Runtime.CompilerServices;
using Halftone.Engine.Kernels.Vectors;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>Depthwise convolutions by an instruction set, 16 channels at a time: four taps are interleaved to a quad a channel, and a dot product adds them.</summary>
/// <remarks>Kernels of up to four rows and three taps a row, one or two pixels apart, keep the quads of a column for the next pixels that read it.</remarks>
internal sealed unsafe class VectorDepthwise<TSet, TSums, TQuads, TQuad, TEpilogue> : DepthwiseKernel
    where TSet : struct, IInstructionSet<TSums, TQuads, TQuad>
    where TSums : unmanaged
    where TQuads : unmanaged
    where TEpilogue : struct, IVectorEpilogue<TSums>
{
    private const int Column = DepthwiseProblem.MostEdgeRows;
    private const int NarrowPixels = 16;

    private readonly NativeBuffer _memory;
    private readonly ChannelBlocks _blocks;
    private readonly CodeRange _range;
    private readonly bool _columns;
    private readonly int _channels;
    private readonly int _elementBytes;
    private readonly int _lastRow;
    private readonly int _quads;
    private readonly nint _tapStride;
    private readonly nint _pixelStride;
    private readonly nint _outputStride;
    private readonly nint* _offsets; // four a quad
    private readonly sbyte* _weights;
    private readonly byte* _padding; // of 16 channels

    /// <summary>Packs a problem's weights.</summary>
    public VectorDepthwise(DepthwiseProblem problem)
    {
        KernelChecks.Require(problem);
        _channels = problem.Channels;
        _elementBytes = problem.Epilogue.ElementBytes;
        _tapStride = problem.TapStride;
        _pixelStride = problem.PixelStride;
        _outputStride = problem.OutputStride;
        _range = CodeRange.Of(problem.Epilogue);
        int rows = problem.RowOffsets.Length, width = problem.KernelWidth;
        _columns = problem.TakesEdges;
        _lastRow = rows - 1;
        _quads = _columns ? DepthwiseProblem.EdgeTaps : ((rows * width) + 3) / 4;
        _blocks = new ChannelBlocks(QuadWeights.Bias(problem.Bias, problem.Weights, TSet.ActivationOffset), problem.Epilogue);
        long weightBytes = (long)Blocks * BlockBytes;
        _memory = new NativeBuffer(weightBytes + (4L * _quads * sizeof(nint)) + ChannelBlocks.Width);
        _weights = (sbyte*)_memory.Pointer;
        _offsets = (nint*)(_weights + weightBytes);
        _padding = (byte*)(_offsets + (4 * _quads));
        new Span<byte>(_padding, ChannelBlocks.Width).Fill(problem.Padding);
        Pack(problem);
    }

    private int Blocks => (_channels + ChannelBlocks.Width - 1) / ChannelBlocks.Width;

    private static int QuadBytes => TSet.Steps * QuadWeights.StepBytes;

    private nint BlockBytes => (nint)_quads * QuadBytes;

    /// <inheritdoc/>
    public override void Run(in DepthwiseLines lines)
    {
        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        for (int line = 0; line < lines.Count; line++)
        {
            Line(lines, line);
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

    private void Line(in DepthwiseLines lines, int line)
    {
        // kernels store 16 channels; where a block has fewer, they store some pixels here
        byte* narrow = stackalloc byte[NarrowPixels * ChannelBlocks.MostBytes];
        byte* y = lines.Output(line);
        for (int block = 0; block < Blocks; block++)
        {
            int first = block * ChannelBlocks.Width;
            byte* output = y + ((nint)first * _elementBytes);
            if (first + ChannelBlocks.Width <= _channels)
            {
                Compute(Window(lines, line, first), output, _outputStride, lines.Pixels, block, lines.Edges);
                continue;
            }

            for (int x = 0; x < lines.Pixels; x += NarrowPixels)
            {
                int count = Math.Min(NarrowPixels, lines.Pixels - x);
                LineEdges inside = (x > 0 ? LineEdges.Left : LineEdges.None) | (x + count < lines.Pixels ? LineEdges.Right : LineEdges.None);
                Compute(Window(lines, line, first + (x * _pixelStride)), narrow, ChannelBlocks.MostBytes, count, block, lines.Edges & ~inside);
                ChannelBlocks.Copy(narrow, output + (x * _outputStride), _outputStride, count, (_channels - first) * _elementBytes);
            }
        }
    }

    private void Compute(in Rows rows, byte* y, nint outputStride, int pixels, int block, LineEdges edges)
    {
        if (!_columns)
        {
            Taps(rows.First, y, outputStride, pixels, block);
        }
        else if (pixels > 0)
        {
            Columns(rows, y, outputStride, pixels, block, edges);
        }
    }

    private Rows Window(in DepthwiseLines lines, int line, nint at) =>
        _columns ? new(Row(lines, line, 0) + at, Row(lines, line, 1) + at, Row(lines, line, 2) + at, Row(lines, line, 3) + at) : new(lines.Row(line, 0, at), null, null, null);

    /// <summary>A kernel row of those a column is made of; beyond the last, that one again.</summary>
    private byte* Row(in DepthwiseLines lines, int line, int row) => lines.Row(line, Math.Min(row, _lastRow), _offsets[row]);

    private void Pack(DepthwiseProblem problem)
    {
        int rows = problem.RowOffsets.Length, width = problem.KernelWidth;
        for (int place = 0; place < 4 * _quads; place++)
        {
            // places without a tap read the last one again, with weights of 0
            int row = _columns ? Math.Min(place % Column, rows - 1) : Math.Min(place, (rows * width) - 1) / width;
            int tap = _columns ? place / Column : Math.Min(place, (rows * width) - 1) % width;
            _offsets[place] = problem.RowOffsets[row] + (tap * _tapStride);
            if (_columns ? place % Column >= rows : place >= rows * width)
            {
                continue;
            }

            for (int c = 0; c < _channels; c++)
            {
                sbyte* to = _weights + (c / ChannelBlocks.Width * BlockBytes) + ((nint)(place / 4) * QuadBytes);
                QuadWeights.Store(to, c % ChannelBlocks.Width, place % 4, problem.Weights[(((c * rows) + row) * width) + tap], TSet.Steps);
            }
        }
    }

    /// <summary>Any kernel: its taps in quads, one after another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Taps(byte* a, byte* y, nint outputStride, int pixels, int index)
    {
        int* block = _blocks.Block(index);
        sbyte* weights = _weights + (index * BlockBytes);
        for (int x = 0; x < pixels; x++)
        {
            TSums sums = TSet.Sums(block);
            nint* offset = _offsets;
            sbyte* w = weights;
            for (int quad = _quads; quad > 0; quad--)
            {
                sums = TSet.Add(sums, TSet.Interleave(a + offset[0], a + offset[1], a + offset[2], a + offset[3]), w);
                offset += 4;
                w += QuadBytes;
            }

            TEpilogue.Store(sums, block + ChannelBlocks.Width, _range, y);
            a += _pixelStride;
            y += outputStride;
        }
    }

    /// <summary>Three columns of up to four rows, each interleaved once if the next pixel reads it too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Columns(in Rows rows, byte* y, nint outputStride, int pixels, int index, LineEdges edges)
    {
        int* block = _blocks.Block(index);
        sbyte* w = _weights + (index * BlockBytes);
        byte* r0 = rows.First, r1 = rows.Second, r2 = rows.Third, r3 = rows.Fourth, padding = _padding;
        nint tap = _tapStride, at = tap;
        bool dense = _pixelStride == tap, right = (edges & LineEdges.Right) != 0;
        TQuads left = (edges & LineEdges.Left) != 0 ? TSet.Interleave(padding, padding, padding, padding) : TSet.Interleave(r0, r1, r2, r3);
        TQuads middle = TSet.Interleave(r0 + at, r1 + at, r2 + at, r3 + at);
        while (true)
        {
            at += tap;
            TQuads last = right && pixels == 1 ? TSet.Interleave(padding, padding, padding, padding) : TSet.Interleave(r0 + at, r1 + at, r2 + at, r3 + at);
            TSums sums = TSet.Add(TSet.Sums(block), left, w);
            sums = TSet.Add(sums, middle, w + QuadBytes);
            sums = TSet.Add(sums, last, w + (2 * QuadBytes));
            TEpilogue.Store(sums, block + ChannelBlocks.Width, _range, y);
            if (--pixels == 0)
            {
                return;
            }

            y += outputStride;
            if (dense)
            {
                left = middle;
                middle = last;
            }
            else
            {
                left = last;
                at += tap;
                middle = TSet.Interleave(r0 + at, r1 + at, r2 + at, r3 + at);
            }
        }
    }

    /// <summary>Where a window's rows begin.</summary>
    private readonly struct Rows(byte* first, byte* second, byte* third, byte* fourth)
    {
        public byte* First => first;

        public byte* Second => second;

        public byte* Third => third;

        public byte* Fourth => fourth;
    }
}
