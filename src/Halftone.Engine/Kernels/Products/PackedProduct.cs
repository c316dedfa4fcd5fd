using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Weights, biases and constants of a product, laid out for the AVX-512 VNNI kernel.</summary>
/// <remarks>
/// Weights: [panel][segment][step][lane][4]; of 4 or 2 bits, two or four steps share the bytes of one, the first in the lowest bits. A panel has 16 * vectors lanes; for outputs of bytes lane d of vector j holds the channel <see cref="Channel"/> tells.
/// Constants of a panel: a float for each lane (two with <see cref="ToFloat"/>), then the tail: zero point, bounds, store mask, order of the permutation.
/// </remarks>
internal sealed unsafe class PackedProduct : IDisposable
{
    /// <summary>Of the lowest byte to store, within the tail.</summary>
    public const int LeastOffset = 4;

    /// <summary>Of the highest byte to store.</summary>
    public const int MostOffset = 5;

    /// <summary>Of the float that products must not exceed.</summary>
    public const int BoundOffset = 8;

    /// <summary>Of the mask of bytes to store, 64 bits.</summary>
    public const int MaskOffset = 16;

    /// <summary>Of the order in which packed lanes are stored, 64 bytes.</summary>
    public const int OrderOffset = 64;

    /// <summary>Of what adds a residual: floats of the zero point, the least and most codes, the factors of the first and second operand, the constant, the least and most sums, and what codes are raised by; all but the last without it.</summary>
    public const int ResidualOffset = 24;

    /// <summary>Of the byte shuffles that spread other codes over lanes, 64 bytes a vector, and of the order of their dwords before.</summary>
    public const int SpreadOffset = 128;

    /// <summary>Of the mask that leaves the highest bits of bytes: those of a weight.</summary>
    public const int WeightMaskOffset = 60;

    private const int ShortSums = 32;
    private const int TailBytes = 128;
    private const int SpreadBytes = 256;
    private const float MostBeforeConversion = 1 << 30;

    private readonly ProductProblem _problem;
    private readonly NativeBuffer _weights;
    private readonly NativeBuffer _bias;
    private readonly NativeBuffer _constants;
    private readonly NativeBuffer _offsets;
    private readonly int _panelVectors;

    public PackedProduct(ProductProblem problem)
    {
        _problem = problem;
        _panelVectors = PanelVectors(problem.Channels, problem.SegmentOffsets.Length * problem.SegmentBytes);
        Steps = (problem.SegmentBytes + 3) / 4;
        Panels = (problem.Channels + (16 * _panelVectors) - 1) / (16 * _panelVectors);
        Raised = (int)(problem.Residual?.Range.Raised ?? 0);
        (Least, Most) = problem.Residual is { } sum ? (sum.Range.Least, sum.Range.Most) : problem.Epilogue is FloatRequantize q ? (q.Least, q.Most) : ((byte)0, (byte)255);
        MayOverflow = problem.Residual is { } residual ? Overflows(residual.Step) : problem.Epilogue is FloatRequantize r && Overflows(problem, r);
        _weights = new NativeBuffer((long)PanelBytes * Panels);
        _bias = new NativeBuffer(64L * _panelVectors * Panels);
        _constants = new NativeBuffer((long)ConstantBytes * Panels);
        _offsets = NativeBuffer.Of<int>(problem.SegmentOffsets.AsSpan());
        for (int panel = 0; panel < Panels; panel++)
        {
            PackWeights(panel);
            PackConstants(panel);
        }
    }

    /// <summary>Channels of a whole panel.</summary>
    public int PanelWidth => 16 * _panelVectors;

    /// <summary>Number of panels.</summary>
    public int Panels { get; }

    /// <summary>Groups of 4 bytes in a segment.</summary>
    public int Steps { get; }

    /// <summary>Lowest byte stored.</summary>
    public byte Least { get; }

    /// <summary>Highest byte stored.</summary>
    public byte Most { get; }

    /// <summary>Zero point of the product's codes.</summary>
    public int ZeroPoint => _problem.Epilogue is FloatRequantize q ? q.ZeroPoint : 0;

    /// <summary>What codes are raised by, where a residual is added to them as they were.</summary>
    public int Raised { get; }

    /// <summary>Whether a scaled sum, or one with a residual, can exceed 32 bits.</summary>
    public bool MayOverflow { get; }

    /// <summary>Bytes that all weights take.</summary>
    public long WeightBytes => _weights.Length;

    /// <summary>Bits that a weight takes.</summary>
    public int WeightBits => _problem.WeightBits;

    /// <summary>Steps that share bytes.</summary>
    public int StepsTogether => 8 / WeightBits;

    private int StepGroups => (Steps + StepsTogether - 1) / StepsTogether;

    private int PanelBytes => _problem.SegmentOffsets.Length * StepGroups * PanelWidth * 4;

    private int FloatsPerLane => _problem.Epilogue is ToFloat ? 2 : 1;

    private int ConstantBytes => (64 * _panelVectors * FloatsPerLane) + TailBytes + (_problem.Residual is null ? 0 : SpreadBytes);

    /// <summary>Channels of a panel.</summary>
    public int ChannelsOf(int panel) => Math.Min(PanelWidth, _problem.Channels - (panel * PanelWidth));

    /// <summary>Registers of 16 sums that a panel takes.</summary>
    public int Vectors(int panel) => (ChannelsOf(panel) + 15) / 16;

    /// <summary>Where the tail begins in a panel's constants.</summary>
    public int TailOffset(int vectors) => 64 * vectors * FloatsPerLane;

    /// <summary>The channel, within its panel, of a lane.</summary>
    public int Channel(int vectors, int vector, int lane) =>
        _problem.Epilogue.ElementBytes == 1 ? (4 * vectors * (lane >> 2)) + (4 * vector) + (lane & 3) : (16 * vector) + lane;

    public sbyte* Weights(int panel, int segment) => (sbyte*)_weights.Pointer + ((long)panel * PanelBytes) + ((long)segment * StepGroups * 64 * Vectors(panel));

    public int* Bias(int panel) => (int*)_bias.Pointer + (panel * PanelWidth);

    public byte* Constants(int panel) => _constants.Pointer + ((long)panel * ConstantBytes);

    public int* Offsets(int segment) => (int*)_offsets.Pointer + segment;

    /// <inheritdoc/>
    public void Dispose()
    {
        _weights.Dispose();
        _bias.Dispose();
        _constants.Dispose();
        _offsets.Dispose();
    }

    /// <summary>Vectors of a panel: the widest that leaves no lanes idle, or 4 and a narrower last panel, also where sums are so short that what becomes of them matters most.</summary>
    private static int PanelVectors(int channels, int depth) => channels switch
    {
        <= 64 => (channels + 15) / 16,
        _ when channels % 64 == 0 => 4,
        _ when channels % 48 == 0 && depth > ShortSums => 3,
        _ => 4,
    };

    private static bool Overflows(ProductProblem problem, FloatRequantize epilogue)
    {
        long perChannel = problem.Weights.LongLength / problem.Channels;
        for (int n = 0; n < problem.Channels; n++)
        {
            double sum = Math.Abs((double)problem.Bias[n]) + (255.0 * 128 * perChannel);
            if (!(Math.Min(sum, 1L << 31) * Math.Abs(epilogue.Scale[n]) < MostBeforeConversion))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Overflows(AddStep step) => !((255 * (Math.Abs((double)step.A) + Math.Abs((double)step.B))) + Math.Abs((double)step.Constant) < MostBeforeConversion);

    private void PackWeights(int panel)
    {
        int vectors = Vectors(panel);
        int channels = ChannelsOf(panel);
        int segments = _problem.SegmentOffsets.Length;
        int bytes = _problem.SegmentBytes;
        sbyte* to = Weights(panel, 0);
        for (int j = 0; j < vectors; j++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                int channel = Channel(vectors, j, lane);
                if (channel >= channels)
                {
                    continue;
                }

                ReadOnlySpan<sbyte> from = _problem.Weights.AsSpan(((panel * PanelWidth) + channel) * segments * bytes, segments * bytes);
                for (int s = 0; s < segments; s++)
                {
                    PackSegment(from.Slice(s * bytes, bytes), to + ((((long)s * StepGroups * vectors) + j) * 64) + (4 * lane), 64 * vectors);
                }
            }
        }
    }

    /// <summary>A channel's weights of one segment, four at a time; packed ones beside those of the steps they share bytes with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackSegment(ReadOnlySpan<sbyte> from, sbyte* lane, int stride)
    {
        (int bits, int together, int mask) = (WeightBits, StepsTogether, 0x01010101 * (0xFF >> (8 - WeightBits)));
        ReadOnlySpan<int> fours = MemoryMarshal.Cast<sbyte, int>(from);
        int place = 0;
        foreach (int four in fours)
        {
            *(int*)lane |= (four & mask) << (place * bits);
            if (++place == together)
            {
                place = 0;
                lane += stride;
            }
        }

        for (int k = 0; k < from.Length % 4; k++)
        {
            lane[k] |= (sbyte)((from[(4 * fours.Length) + k] & mask) << (place * bits));
        }
    }

    private void PackConstants(int panel)
    {
        int vectors = Vectors(panel);
        int first = panel * PanelWidth;
        int channels = ChannelsOf(panel);
        float* floats = (float*)Constants(panel);
        for (int j = 0; j < vectors; j++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                int channel = Channel(vectors, j, lane);
                if (channel >= channels)
                {
                    continue;
                }

                Bias(panel)[(16 * j) + lane] = _problem.Bias[first + channel];
                if (_problem.Epilogue is FloatRequantize requantize)
                {
                    floats[(16 * j) + lane] = requantize.Scale[first + channel];
                }
                else if (_problem.Epilogue is ToFloat affine)
                {
                    floats[(16 * j) + lane] = affine.Scale[first + channel];
                    floats[(16 * (vectors + j)) + lane] = affine.Offset[first + channel];
                }
            }
        }

        *(uint*)(Constants(panel) + TailOffset(vectors) + WeightMaskOffset) = 0x01010101u * (byte)(0xFF << (8 - WeightBits));
        if (_problem.Epilogue is FloatRequantize bytes)
        {
            PackTail(Constants(panel) + TailOffset(vectors), vectors, channels);
            if (_problem.Residual is { } residual)
            {
                PackResidual(Constants(panel) + TailOffset(vectors), vectors, bytes, residual);
            }
        }
    }

    private static void PackResidual(byte* tail, int vectors, FloatRequantize product, ProductResidual residual)
    {
        (AddStep step, QuantizedBinary range) = (residual.Step, residual.Range);
        float raised = range.Raised;
        ReadOnlySpan<float> floats =
            [product.ZeroPoint - raised, product.Least - raised, product.Most - raised, step.A, step.B, step.Constant, range.Least - raised, range.Most - raised, raised];
        floats.CopyTo(new Span<float>(tail + ResidualOffset, floats.Length));
        byte* spread = tail + SpreadOffset;
        const byte Nothing = 0x80;
        for (int at = 0; at < 64 * vectors; at++)
        {
            // dword d of a 128-bit lane is one byte of the vector's own four, which two vectors have 8 bytes apart (vpmovzxdq)
            int own = (at / 64) * (vectors == 2 ? 8 : 4);
            spread[at] = at % 4 == 0 ? (byte)(own + (at / 4 % 4)) : Nothing;
        }

        if (vectors == 3)
        {
            int* order = (int*)(spread + 192);
            for (int i = 0; i < 16; i++)
            {
                order[i] = i % 4 < 3 ? (3 * (i / 4)) + (i % 4) : 0;
            }
        }
    }

    private void PackTail(byte* tail, int vectors, int channels)
    {
        *(short*)tail = (short)(_problem.Residual is null ? ZeroPoint : Raised);
        tail[LeastOffset] = Least;
        tail[MostOffset] = Most;
        *(float*)(tail + BoundOffset) = MostBeforeConversion;
        *(ulong*)(tail + MaskOffset) = channels == 64 ? ulong.MaxValue : (1UL << channels) - 1;
        int* order = (int*)(tail + OrderOffset);
        for (int i = 0; i < 16; i++)
        {
            // vpermd gathers 4-byte pieces of each lane (3: the first three, then what is not stored); vpermq, for 2, 8-byte ones
            order[i] = vectors == 1 ? (4 * (i & 3)) + (i >> 2) : vectors == 3 && i < 12 ? (4 * (i / 3)) + (i % 3) : 0;
        }

        if (vectors == 2)
        {
            long* pieces = (long*)order;
            for (int i = 0; i < 8; i++)
            {
                pieces[i] = i < 4 ? 2 * i : (2 * (i - 4)) + 1;
            }
        }
    }
}
