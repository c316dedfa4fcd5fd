using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>Depthwise 3x3 convolutions of stride 1 or 2 by a kernel that is assembled for the problem: AVX-512 VNNI.</summary>
internal sealed unsafe class Avx512VnniDepthwiseKernel : DepthwiseKernel
{
    private const int Widest = 64;
    private const int NearBytes = 256 << 10; // of lines that stay in the second cache

    private readonly DepthwiseProblem _problem;
    private readonly NativeBuffer _constants;
    private readonly Part[] _parts;
    private readonly Dictionary<DepthwiseBlock, ExecutableMemory> _codes = [];

    /// <summary>Packs and assembles.</summary>
    /// <exception cref="ArgumentException">The problem's arrays do not fit.</exception>
    /// <exception cref="NotSupportedException">The system grants no executable memory.</exception>
    public Avx512VnniDepthwiseKernel(DepthwiseProblem problem)
    {
        KernelChecks.Require(problem);
        _problem = problem;
        (int First, int Channels)[] blocks = [.. Blocks(problem.Channels)];
        _constants = new NativeBuffer(2L * blocks.Length * DepthwiseCode.Bytes);
        int stride = problem.PixelStride / problem.TapStride;
        _parts = new Part[blocks.Length];
        for (int i = 0; i < blocks.Length; i++)
        {
            (int first, int channels) = blocks[i];
            int bytes = channels <= 16 ? 16 : channels <= 32 ? 32 : Widest;
            Part part = Make(2 * i, first, new(channels, bytes, stride));

            // two pixels share registers where one would leave them half empty: 16 bytes cost as much as 32 on many processors, and 32 that follow each other in memory are one load of 64
            bool pairs = bytes == 16 || (bytes == 32 && problem.PixelStride == bytes && problem.OutputStride == bytes);
            _parts[i] = pairs ? part with { Pairs = Make((2 * i) + 1, first, new(channels, 2 * bytes, 2 * stride, AreTwoPixels: true)) } : part;
        }
    }

    /// <summary>The tier's entry for the list. It leaves other windows and arithmetic to the best of the tiers that are not assembled.</summary>
    public static DepthwiseTier Tier { get; } = new(
        "avx512vnni",
        _ => Cpu.HasAvx512Vnni,
        p => Fits(p) ? new Avx512VnniDepthwiseKernel(p) : DepthwiseTiers.All.First(t => t != Tier && t.IsSupported(p)).Build(p));

    /// <inheritdoc/>
    public override void Run(in DepthwiseLines lines)
    {
        ObjectDisposedException.ThrowIf(_constants.IsClosed, this);
        if (lines.Pixels == 0)
        {
            return;
        }

        // blocks share lines of the cache, so they take turns while what one has read is still near
        int together = (int)Math.Clamp(NearBytes / Math.Max(lines.Stride, 1), 1, lines.Count);
        for (int line = 0; line < lines.Count; line += together)
        {
            Some(lines, line, Math.Min(together, lines.Count - line));
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _constants.Dispose();
        foreach (ExecutableMemory code in _codes.Values)
        {
            code.Dispose();
        }

        base.Dispose();
    }

    /// <summary>Blocks whose registers end where their channels do, if channels are a multiple of 16.</summary>
    private static IEnumerable<(int First, int Channels)> Blocks(int channels)
    {
        for (int first = 0; first < channels;)
        {
            int left = channels - first;
            int count = left == 48 ? 32 : Math.Min(left, Widest);
            yield return (first, count);
            first += count;
        }
    }

    private static bool Fits(DepthwiseProblem p) => p.TakesEdges && p.RowOffsets.Length == 3 && p.Epilogue is FloatRequantize;

    private static bool Overflows(DepthwiseProblem problem)
    {
        float[] scale = ((FloatRequantize)problem.Epilogue).Scale;
        return !Enumerable.Range(0, problem.Channels).All(c => Math.Min(Math.Abs((double)problem.Bias[c]) + (255 * 128 * 9), 1L << 31) * Math.Abs(scale[c]) < 1 << 30);
    }

    private void Some(in DepthwiseLines lines, int line, int count)
    {
        foreach (Part part in _parts)
        {
            (LineEdges edges, int pixels) = (lines.Edges, lines.Pixels);
            int paired = part.Pairs is null ? 0 : pixels / 2 * 2;
            if (paired > 0)
            {
                Call(part.Pairs!, lines, line, count, 0, paired / 2, paired == pixels ? edges : edges & LineEdges.Left);
                edges &= LineEdges.Right;
            }

            if (paired < pixels)
            {
                Call(part, lines, line, count, paired, pixels - paired, edges);
            }
        }
    }

    private void Call(Part part, in DepthwiseLines lines, int line, int count, nint pixel, int pixels, LineEdges edges)
    {
        nint at = (pixel * _problem.PixelStride) + part.FirstChannel;
        var call = new DepthwiseCall
        {
            Row0 = lines.Row(line, 0, _problem.RowOffsets[0]) + at,
            Row1 = lines.Row(line, 1, _problem.RowOffsets[1]) + at,
            Row2 = lines.Row(line, 2, _problem.RowOffsets[2]) + at,
            Stride0 = lines.IsInside(0) ? lines.Stride : 0,
            Stride1 = lines.IsInside(1) ? lines.Stride : 0,
            Stride2 = lines.IsInside(2) ? lines.Stride : 0,
            Y = lines.Output(line) + (pixel * _problem.OutputStride) + part.FirstChannel,
            OutputStride = lines.OutputStride,
            Lines = count,
            Pixels = pixels,
            Constants = _constants.Pointer + part.Constants,
            Edges = (long)edges,
        };
        ((delegate* unmanaged<DepthwiseCall*, void>)part.Code.Address)(&call);
    }

    private Part Make(int place, int firstChannel, DepthwiseBlock block)
    {
        if (!_codes.TryGetValue(block, out ExecutableMemory? code))
        {
            code = ExecutableMemory.Assemble(DepthwiseCode.Assemble(_problem, block, Overflows(_problem), OperatingSystem.IsWindows()))
                ?? throw new NotSupportedException("The system grants no executable memory.");
            _codes.Add(block, code);
        }

        long constants = (long)place * DepthwiseCode.Bytes;
        Pack(_constants.Pointer + constants, firstChannel, block);
        return new Part(code, firstChannel, constants);
    }

    private void Pack(byte* to, int firstChannel, DepthwiseBlock block)
    {
        var epilogue = (FloatRequantize)_problem.Epilogue;
        for (int j = 0; j < 4; j++)
        {
            for (int lane = 0; lane < block.Bytes / 4; lane++)
            {
                // unpacking deals channel 16 l + 4 j + e to 32-bit lane 4 l + e of register j
                int within = (16 * (lane >> 2)) + (4 * j) + (lane & 3);
                within %= block.AreTwoPixels ? block.Bytes / 2 : block.Bytes; // both pixels of a pair have the same
                if (within >= block.Channels)
                {
                    continue;
                }

                int channel = firstChannel + within;
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
        *(uint*)(tail + DepthwiseCode.PaddingQuad) = 0x010101u * _problem.Padding;
        *(ulong*)(tail + 16) = block.Channels == Widest ? ulong.MaxValue : (1UL << block.Channels) - 1;
    }

    private sealed record Part(ExecutableMemory Code, int FirstChannel, long Constants)
    {
        /// <summary>The same for two pixels at a time.</summary>
        public Part? Pairs { get; init; }
    }
}
