using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>Depthwise 3x3 convolutions of stride 1 or 2 by a kernel that is assembled for the problem: AVX-512 VNNI.</summary>
internal sealed unsafe class Avx512VnniDepthwiseKernel : DepthwiseKernel
{
    private const int Block = 64;

    private readonly DepthwiseProblem _problem;
    private readonly NativeBuffer _constants;
    private readonly ExecutableMemory _full;
    private readonly ExecutableMemory _last;
    private readonly int _blocks;

    /// <summary>Packs and assembles.</summary>
    /// <exception cref="NotSupportedException">The system grants no executable memory.</exception>
    public Avx512VnniDepthwiseKernel(DepthwiseProblem problem)
    {
        KernelChecks.Require(problem);
        _problem = problem;
        _blocks = (problem.Channels + Block - 1) / Block;
        _constants = new NativeBuffer((long)_blocks * DepthwiseCode.Bytes);
        for (int block = 0; block < _blocks; block++)
        {
            Pack(block);
        }

        bool mayOverflow = Overflows(problem);
        _last = Assemble(problem.Channels % Block == 0, mayOverflow);
        _full = _blocks == 1 || problem.Channels % Block == 0 ? _last : Assemble(full: true, mayOverflow);
    }

    /// <summary>The tier's entry for the list. It leaves other windows and arithmetic to the best of the tiers that are not assembled.</summary>
    public static DepthwiseTier Tier { get; } = new(
        "avx512vnni",
        _ => Cpu.HasAvx512Vnni,
        p => Fits(p) ? new Avx512VnniDepthwiseKernel(p) : DepthwiseTiers.All.First(t => t != Tier && t.IsSupported(p)).Build(p));

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int pixels)
    {
        ObjectDisposedException.ThrowIf(_constants.IsClosed, this);
        if (pixels == 0)
        {
            return;
        }

        DepthwiseCall call;
        for (int block = 0; block < _blocks; block++)
        {
            byte* first = a + (block * Block);
            call.Row0 = first + _problem.RowOffsets[0];
            call.Row1 = first + _problem.RowOffsets[1];
            call.Row2 = first + _problem.RowOffsets[2];
            call.Y = y + (block * Block);
            call.Pixels = pixels;
            call.Constants = _constants.Pointer + ((long)block * DepthwiseCode.Bytes);
            ((delegate* unmanaged<DepthwiseCall*, void>)(block == _blocks - 1 ? _last : _full).Address)(&call);
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _constants.Dispose();
        _last.Dispose();
        _full.Dispose();
        base.Dispose();
    }

    private static bool Fits(DepthwiseProblem p) =>
        p.KernelWidth == 3 && p.RowOffsets.Length == 3 && p.Epilogue is FloatRequantize && (p.PixelStride == p.TapStride || p.PixelStride == 2 * p.TapStride);

    private static bool Overflows(DepthwiseProblem problem)
    {
        float[] scale = ((FloatRequantize)problem.Epilogue).Scale;
        return !Enumerable.Range(0, problem.Channels).All(c => Math.Min(Math.Abs((double)problem.Bias[c]) + (255 * 128 * 9), 1L << 31) * Math.Abs(scale[c]) < 1 << 30);
    }

    private ExecutableMemory Assemble(bool full, bool mayOverflow) =>
        ExecutableMemory.Assemble(DepthwiseCode.Assemble(_problem, full, mayOverflow, OperatingSystem.IsWindows()))
        ?? throw new NotSupportedException("The system grants no executable memory.");

    private void Pack(int block)
    {
        byte* to = _constants.Pointer + ((long)block * DepthwiseCode.Bytes);
        int channels = Math.Min(Block, _problem.Channels - (block * Block));
        var epilogue = (FloatRequantize)_problem.Epilogue;
        for (int j = 0; j < 4; j++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                // unpacking deals channel 16 l + 4 j + e to 32-bit lane 4 l + e of register j
                int within = (16 * (lane >> 2)) + (4 * j) + (lane & 3);
                if (within >= channels)
                {
                    continue;
                }

                int channel = (block * Block) + within;
                int at = (16 * j) + lane;
                ((int*)(to + DepthwiseCode.Biases))[at] = _problem.Bias[channel];
                ((float*)(to + DepthwiseCode.Scales))[at] = epilogue.Scale[channel];
                for (int tap = 0; tap < 9; tap++)
                {
                    to[(256 * (tap % 3)) + (4 * at) + (tap / 3)] = (byte)_problem.Weights[(channel * 9) + tap];
                }
            }
        }

        byte* tail = to + DepthwiseCode.Tail;
        *(short*)tail = (short)epilogue.ZeroPoint;
        tail[4] = epilogue.Least;
        tail[5] = epilogue.Most;
        *(float*)(tail + 8) = 1 << 30;
        *(ulong*)(tail + 16) = channels == Block ? ulong.MaxValue : (1UL << channels) - 1;
    }
}
