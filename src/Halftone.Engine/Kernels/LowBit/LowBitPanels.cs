using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>The weights of a <see cref="LowBitProblem"/>, packed for kernels that take 16 channels at a time.</summary>
/// <remarks>
/// <para>A panel is 16 channels; a block of it is so many steps of 64 bytes, then 16 scales. A step is 16 words of 32 bits, one a channel, and holds 32 / CodeBits elements of each.
/// The byte j of a word has the codes of elements j, 4 + j, 8 + j, ... of the step, from the lowest bits up: a mask, or a shift and a mask, leaves four bytes a channel of successive
/// elements, which is what vpdpbusd multiplies by four bytes of x, the same for all channels.</para>
/// <para>Blocks are padded to whole steps, and the last panel to 16 channels, with zeros. x is padded with zeros too, so that they count for nothing.
/// Zero points, 16 bytes a block, are kept only where they are not all the same.</para>
/// </remarks>
internal sealed unsafe class LowBitPanels : IDisposable
{
    /// <summary>Channels of a panel.</summary>
    public const int Width = 16;

    /// <summary>Bytes of a step.</summary>
    public const int StepBytes = 64;

    private readonly NativeBuffer? _buffer;

    /// <summary>Packs.</summary>
    /// <param name="problem">What to pack.</param>
    /// <param name="memory">Where to: <see cref="ByteCount"/> bytes that outlive this, at a multiple of 64; null to allocate them.</param>
    public LowBitPanels(LowBitProblem problem, byte* memory = null)
    {
        problem.Verify();
        Problem = problem;
        CodeBits = problem.Bits <= 2 ? 2 : 4;
        BlockLength = Math.Min(problem.BlockSize, problem.K);
        Steps = (BlockLength + StepElements - 1) / StepElements;
        Count = (problem.N + Width - 1) / Width;
        UniformZero = problem.ZeroPoints.AsSpan().ContainsAnyExcept(problem.ZeroPoints[0]) ? null : problem.ZeroPoints[0];
        if (memory is null)
        {
            _buffer = new NativeBuffer(ByteCount);
            memory = _buffer.Pointer;
        }

        Weights = memory;
        Bias = (float*)(memory + (Count * PanelBytes));
        Zeros = UniformZero is null ? (byte*)(Bias + (Count * Width)) : null;
        new Span<byte>(Bias, Count * Width * sizeof(float)).Clear();
        problem.Bias?.CopyTo(new Span<float>(Bias, problem.N));
        for (int panel = 0; panel < Count; panel++)
        {
            for (int block = 0; block < problem.Blocks; block++)
            {
                PackBlock(panel, block);
            }
        }
    }

    /// <summary>What is packed.</summary>
    public LowBitProblem Problem { get; }

    /// <summary>Bits that a code takes here, 2 or 4.</summary>
    public int CodeBits { get; }

    /// <summary>Elements of a channel in a step.</summary>
    public int StepElements => 32 / CodeBits;

    /// <summary>Elements of a block, but for the last.</summary>
    public int BlockLength { get; }

    /// <summary>Steps of a block.</summary>
    public int Steps { get; }

    /// <summary>Elements of a block with padding.</summary>
    public int PaddedLength => Steps * StepElements;

    /// <summary>Bytes of a block of a panel.</summary>
    public int BlockBytes => (Steps * StepBytes) + (Width * sizeof(float));

    /// <summary>Bytes of a panel.</summary>
    public long PanelBytes => (long)BlockBytes * Problem.Blocks;

    /// <summary>Number of panels.</summary>
    public int Count { get; }

    /// <summary>The zero point of all blocks; null where they differ.</summary>
    public byte? UniformZero { get; }

    /// <summary>Bytes of everything.</summary>
    public long ByteCount => Count * (PanelBytes + (Width * sizeof(float)) + (UniformZero is null ? (long)Problem.Blocks * Width : 0));

    /// <summary>Panels of steps and scales.</summary>
    public byte* Weights { get; }

    /// <summary>16 a block of a panel; null where they are all the same.</summary>
    public byte* Zeros { get; }

    /// <summary>16 a panel.</summary>
    public float* Bias { get; }

    /// <inheritdoc/>
    public void Dispose() => _buffer?.Dispose();

    private void PackBlock(int panel, int block)
    {
        byte* steps = Weights + (panel * PanelBytes) + ((long)block * BlockBytes);
        new Span<byte>(steps, BlockBytes).Clear();
        var scales = (float*)(steps + (Steps * StepBytes));
        byte* zeros = Zeros is null ? null : Zeros + ((((long)panel * Problem.Blocks) + block) * Width);
        int first = block * BlockLength;
        int count = Math.Min(BlockLength, Problem.K - first);
        for (int lane = 0; lane < Width; lane++)
        {
            int n = (panel * Width) + lane;
            bool real = n < Problem.N;
            if (real)
            {
                scales[lane] = Problem.Scales[((long)n * Problem.Blocks) + block];
                PackChannel(Problem.Codes.AsSpan((int)((long)n * Problem.K) + first, count), steps + (4 * lane));
            }

            if (zeros is not null)
            {
                zeros[lane] = real ? Problem.ZeroPoints[((long)n * Problem.Blocks) + block] : (byte)0;
            }
        }
    }

    private void PackChannel(ReadOnlySpan<byte> codes, byte* words)
    {
        for (int k = 0; k < codes.Length; k++)
        {
            int inStep = k % StepElements;
            words[(k / StepElements * StepBytes) + (inStep % 4)] |= (byte)(codes[k] << (inStep / 4 * CodeBits));
        }
    }
}
