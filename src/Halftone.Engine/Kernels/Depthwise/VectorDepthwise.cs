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
    private const int Column = 4;
    private const int ColumnTaps = 3;
    private const int NarrowPixels = 16;

    private readonly NativeBuffer _memory;
    private readonly ChannelBlocks _blocks;
    private readonly CodeRange _range;
    private readonly bool _columns;
    private readonly int _channels;
    private readonly int _elementBytes;
    private readonly int _quads;
    private readonly nint _tapStride;
    private readonly nint _pixelStride;
    private readonly nint _outputStride;
    private readonly nint* _offsets; // four a quad
    private readonly sbyte* _weights;

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
        _columns = rows <= Column && width == ColumnTaps && (_pixelStride == _tapStride || _pixelStride == 2 * _tapStride);
        _quads = _columns ? ColumnTaps : ((rows * width) + 3) / 4;
        _blocks = new ChannelBlocks(QuadWeights.Bias(problem.Bias, problem.Weights, TSet.ActivationOffset), problem.Epilogue);
        long weightBytes = (long)Blocks * BlockBytes;
        _memory = new NativeBuffer(weightBytes + (4L * _quads * sizeof(nint)));
        _weights = (sbyte*)_memory.Pointer;
        _offsets = (nint*)(_weights + weightBytes);
        Pack(problem);
    }

    private int Blocks => (_channels + ChannelBlocks.Width - 1) / ChannelBlocks.Width;

    private static int QuadBytes => TSet.Steps * QuadWeights.StepBytes;

    private nint BlockBytes => (nint)_quads * QuadBytes;

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int pixels)
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
                Compute(a + first, output, _outputStride, pixels, block);
                continue;
            }

            for (int x = 0; x < pixels; x += NarrowPixels)
            {
                int count = Math.Min(NarrowPixels, pixels - x);
                Compute(a + first + (x * _pixelStride), narrow, ChannelBlocks.MostBytes, count, block);
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

    private void Compute(byte* a, byte* y, nint outputStride, int pixels, int block)
    {
        if (!_columns)
        {
            Taps(a, y, outputStride, pixels, block);
        }
        else if (pixels > 0)
        {
            Columns(a, y, outputStride, pixels, block);
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
    private void Columns(byte* a, byte* y, nint outputStride, int pixels, int index)
    {
        int* block = _blocks.Block(index);
        sbyte* w = _weights + (index * BlockBytes);
        nint tap = _tapStride, r0 = _offsets[0], r1 = _offsets[1], r2 = _offsets[2], r3 = _offsets[3];
        bool dense = _pixelStride == tap;
        TQuads left = TSet.Interleave(a + r0, a + r1, a + r2, a + r3);
        a += tap;
        TQuads middle = TSet.Interleave(a + r0, a + r1, a + r2, a + r3);
        while (true)
        {
            a += tap;
            TQuads right = TSet.Interleave(a + r0, a + r1, a + r2, a + r3);
            TSums sums = TSet.Add(TSet.Sums(block), left, w);
            sums = TSet.Add(sums, middle, w + QuadBytes);
            sums = TSet.Add(sums, right, w + (2 * QuadBytes));
            TEpilogue.Store(sums, block + ChannelBlocks.Width, _range, y);
            if (--pixels == 0)
            {
                return;
            }

            y += outputStride;
            if (dense)
            {
                left = middle;
                middle = right;
            }
            else
            {
                left = right;
                a += tap;
                middle = TSet.Interleave(a + r0, a + r1, a + r2, a + r3);
            }
        }
    }
}
