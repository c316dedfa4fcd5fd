using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Biases of channels and constants of their epilogue, in panels, as the assembled kernels read them.</summary>
/// <remarks>
/// A panel has 16 * vectors lanes; for outputs of bytes lane d of vector j holds the channel <see cref="Channel"/> tells.
/// Constants of a panel: a float for each lane (two with <see cref="ToFloat"/>), then the tail: zero point, bounds, store mask, order of the permutation.
/// </remarks>
internal sealed unsafe class PanelConstants : IDisposable
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

    private const int TailBytes = 128;
    private const int SpreadBytes = 256;
    private const float MostBeforeConversion = 1 << 30;

    private readonly int _channels;
    private readonly int[] _biases;
    private readonly Epilogue _epilogue;
    private readonly ProductResidual? _residual;
    private readonly NativeBuffer _bias;
    private readonly NativeBuffer _constants;
    private readonly int _panelVectors;

    /// <summary>Lays them out.</summary>
    /// <param name="vectors">Registers of 16 lanes that a whole panel takes.</param>
    /// <param name="biases">One a channel.</param>
    /// <param name="depth">Weights of a channel.</param>
    /// <param name="epilogue">What becomes of the sums.</param>
    /// <param name="residual">What is added to codes; null for nothing.</param>
    /// <param name="unit">What a kernel's sums stand for, a power of two: it takes scales times this.</param>
    public PanelConstants(int vectors, int[] biases, long depth, Epilogue epilogue, ProductResidual? residual, float unit = 1)
    {
        (_channels, _panelVectors, _biases, _epilogue, _residual) = (biases.Length, vectors, biases, epilogue, residual);
        Panels = (_channels + PanelWidth - 1) / PanelWidth;
        Raised = (int)(residual?.Range.Raised ?? 0);
        (Least, Most) = residual is { } sum ? (sum.Range.Least, sum.Range.Most) : epilogue is FloatRequantize q ? (q.Least, q.Most) : ((byte)0, (byte)255);
        MayOverflow = residual is not null ? Overflows(residual.Step) : epilogue is FloatRequantize r && Overflows(biases, depth, r);
        _bias = new NativeBuffer(64L * vectors * Panels);
        _constants = new NativeBuffer((long)ConstantBytes * Panels);
        for (int panel = 0; panel < Panels; panel++)
        {
            Pack(panel, unit);
        }
    }

    /// <summary>Channels of a whole panel.</summary>
    public int PanelWidth => 16 * _panelVectors;

    /// <summary>Number of panels.</summary>
    public int Panels { get; }

    /// <summary>Lowest byte stored.</summary>
    public byte Least { get; }

    /// <summary>Highest byte stored.</summary>
    public byte Most { get; }

    /// <summary>Zero point of the product's codes.</summary>
    public int ZeroPoint => _epilogue is FloatRequantize q ? q.ZeroPoint : 0;

    /// <summary>What codes are raised by, where a residual is added to them as they were.</summary>
    public int Raised { get; }

    /// <summary>Whether a scaled sum, or one with a residual, can exceed 32 bits.</summary>
    public bool MayOverflow { get; }

    private int FloatsPerLane => _epilogue is ToFloat ? 2 : 1;

    private int ConstantBytes => (64 * _panelVectors * FloatsPerLane) + TailBytes + (_residual is null ? 0 : SpreadBytes);

    /// <summary>Channels of a panel.</summary>
    public int ChannelsOf(int panel) => Math.Min(PanelWidth, _channels - (panel * PanelWidth));

    /// <summary>Registers of 16 sums that a panel takes.</summary>
    public int Vectors(int panel) => (ChannelsOf(panel) + 15) / 16;

    /// <summary>Where the tail begins in a panel's constants.</summary>
    public int TailOffset(int vectors) => 64 * vectors * FloatsPerLane;

    /// <summary>The channel, within its panel, of a lane.</summary>
    public int Channel(int vectors, int vector, int lane) =>
        _epilogue.ElementBytes == 1 ? (4 * vectors * (lane >> 2)) + (4 * vector) + (lane & 3) : (16 * vector) + lane;

    /// <summary>The biases of a panel.</summary>
    public int* Bias(int panel) => (int*)_bias.Pointer + (panel * PanelWidth);

    /// <summary>The constants of a panel.</summary>
    public byte* Of(int panel) => _constants.Pointer + ((long)panel * ConstantBytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        _bias.Dispose();
        _constants.Dispose();
    }

    private static bool Overflows(int[] biases, long depth, FloatRequantize epilogue)
    {
        for (int n = 0; n < biases.Length; n++)
        {
            double sum = Math.Abs((double)biases[n]) + (255.0 * 128 * depth);
            if (!(Math.Min(sum, 1L << 31) * Math.Abs(epilogue.Scale[n]) < MostBeforeConversion))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Overflows(AddStep step) => !((255 * (Math.Abs((double)step.A) + Math.Abs((double)step.B))) + Math.Abs((double)step.Constant) < MostBeforeConversion);

    private void Pack(int panel, float unit)
    {
        int vectors = Vectors(panel);
        int first = panel * PanelWidth;
        int channels = ChannelsOf(panel);
        float* floats = (float*)Of(panel);
        for (int j = 0; j < vectors; j++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                int channel = Channel(vectors, j, lane);
                if (channel >= channels)
                {
                    continue;
                }

                Bias(panel)[(16 * j) + lane] = _biases[first + channel];
                if (_epilogue is FloatRequantize requantize)
                {
                    floats[(16 * j) + lane] = requantize.Scale[first + channel] * unit;
                }
                else if (_epilogue is ToFloat affine)
                {
                    floats[(16 * j) + lane] = affine.Scale[first + channel] * unit;
                    floats[(16 * (vectors + j)) + lane] = affine.Offset[first + channel];
                }
            }
        }

        if (_epilogue is FloatRequantize bytes)
        {
            PackTail(Of(panel) + TailOffset(vectors), vectors, channels);
            if (_residual is { } residual)
            {
                PackResidual(Of(panel) + TailOffset(vectors), vectors, bytes, residual);
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
        *(short*)tail = (short)(_residual is null ? ZeroPoint : Raised);
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
