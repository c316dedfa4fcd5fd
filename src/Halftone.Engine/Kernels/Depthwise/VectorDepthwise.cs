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
    public override void Run(in DepthwiseLine line, byte* y, int pixels)
    {
        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        // kernels store 16 channels; where a block has fewer, they store some pixels here
        byte* narrow = stackalloc byte[NarrowPixels * ChannelBlocks.MostBytes];
        for (int block = 0; block < Blocks; block++)
        {
            int first = block * ChannelBlocks.Width;
            byte* output = y + ((nint)first * _elementBytes);
            if (first + ChannelBlocks.Width <= _channels)
            {
                Compute(line, first, output, _outputStride, pixels, block, line.Edges);
                continue;
            }

            for (int x = 0; x < pixels; x += NarrowPixels)
            {
                int count = Math.Min(NarrowPixels, pixels - x);
                LineEdges inside = (x > 0 ? LineEdges.Left : LineEdges.None) | (x + count < pixels ? LineEdges.Right : LineEdges.None);
                Compute(line, first + (x * _pixelStride), narrow, ChannelBlocks.MostBytes, count, block, line.Edges & ~inside);
                ChannelBlocks.Copy(narrow, output + (x * _outputStride), _outputStride, count, (_channels - first) * _elementBytes);
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

    private void Compute(in DepthwiseLine line, nint at, byte* y, nint outputStride, int pixels, int block, LineEdges edges)
    {
        if (!_columns)
        {
            Taps(line.Row(0, at), y, outputStride, pixels, block);
        }
        else if (pixels > 0)
        {
            Columns(line, at, y, outputStride, pixels, block, edges);
        }
    }

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
    private void Columns(in DepthwiseLine line, nint at, byte* y, nint outputStride, int pixels, int index, LineEdges edges)
    {
        int* block = _blocks.Block(index);
        sbyte* w = _weights + (index * BlockBytes);
        byte* r0 = Row(line, 0) + at, r1 = Row(line, 1) + at, r2 = Row(line, 2) + at, r3 = Row(line, 3) + at, padding = _padding;
        nint tap = _tapStride;
        bool dense = _pixelStride == tap, right = (edges & LineEdges.Right) != 0;
        TQuads left = (edges & LineEdges.Left) != 0 ? TSet.Interleave(padding, padding, padding, padding) : TSet.Interleave(r0, r1, r2, r3);
        at = tap;
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

    private byte* Row(in DepthwiseLine line, int row) => line.Row(Math.Min(row, _lastRow), _offsets[row]);
}
