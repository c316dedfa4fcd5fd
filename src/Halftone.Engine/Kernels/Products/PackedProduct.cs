using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Weights, biases and constants of a product, laid out for the AVX-512 VNNI kernel.</summary>
/// <remarks>Weights: [panel][segment][step][lane][4]; of 4 or 2 bits, two or four steps share the bytes of one, the first in the lowest bits.</remarks>
internal sealed unsafe class PackedProduct : IDisposable
{
    private const int ShortSums = 32;

    private readonly ProductProblem _problem;
    private readonly NativeBuffer _weights;
    private readonly NativeBuffer _offsets;

    public PackedProduct(ProductProblem problem)
    {
        _problem = problem;
        int depth = problem.SegmentOffsets.Length * problem.SegmentBytes;
        Constants = new PanelConstants(PanelVectors(problem.Channels, depth), problem.Bias, depth, problem.Epilogue, problem.Residual);
        Steps = (problem.SegmentBytes + 3) / 4;
        _weights = new NativeBuffer((long)PanelBytes * Panels);
        _offsets = NativeBuffer.Of<int>(problem.SegmentOffsets.AsSpan());
        for (int panel = 0; panel < Panels; panel++)
        {
            PackWeights(panel);
            *(uint*)(Constants.Of(panel) + Constants.TailOffset(Constants.Vectors(panel)) + PanelConstants.WeightMaskOffset) = 0x01010101u * (byte)(0xFF << (8 - WeightBits));
        }
    }

    /// <summary>Biases and constants.</summary>
    public PanelConstants Constants { get; }

    /// <summary>Channels of a whole panel.</summary>
    public int PanelWidth => Constants.PanelWidth;

    /// <summary>Number of panels.</summary>
    public int Panels => Constants.Panels;

    /// <summary>Groups of 4 bytes in a segment.</summary>
    public int Steps { get; }

    /// <summary>Bytes that all weights take.</summary>
    public long WeightBytes => _weights.Length;

    /// <summary>Bits that a weight takes.</summary>
    public int WeightBits => _problem.WeightBits;

    /// <summary>Steps that share bytes.</summary>
    public int StepsTogether => 8 / WeightBits;

    private int StepGroups => (Steps + StepsTogether - 1) / StepsTogether;

    private int PanelBytes => _problem.SegmentOffsets.Length * StepGroups * PanelWidth * 4;

    public sbyte* Weights(int panel, int segment) => (sbyte*)_weights.Pointer + ((long)panel * PanelBytes) + ((long)segment * StepGroups * 64 * Constants.Vectors(panel));

    public int* Offsets(int segment) => (int*)_offsets.Pointer + segment;

    /// <inheritdoc/>
    public void Dispose()
    {
        _weights.Dispose();
        _offsets.Dispose();
        Constants.Dispose();
    }

    /// <summary>Vectors of a panel: the widest that leaves no lanes idle, or 4 and a narrower last panel, also where sums are so short that what becomes of them matters most.</summary>
    private static int PanelVectors(int channels, int depth) => channels switch
    {
        <= 64 => (channels + 15) / 16,
        _ when channels % 64 == 0 => 4,
        _ when channels % 48 == 0 && depth > ShortSums => 3,
        _ => 4,
    };

    private void PackWeights(int panel)
    {
        int vectors = Constants.Vectors(panel);
        int channels = Constants.ChannelsOf(panel);
        int segments = _problem.SegmentOffsets.Length;
        int bytes = _problem.SegmentBytes;
        sbyte* to = Weights(panel, 0);
        for (int j = 0; j < vectors; j++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                int channel = Constants.Channel(vectors, j, lane);
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
}
