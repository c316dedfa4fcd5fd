using Halftone.Formats;

namespace Halftone.Onnx.Targets;

/// <summary>The order in which a kernel walks through what one output sums over; it decides which weights are neighbours.</summary>
public enum SumOrder
{
    /// <summary>Input channel outermost, then kernel rows and columns: ConvInteger (dynamic quantization).</summary>
    ChannelFirst,

    /// <summary>Input channel innermost: QLinearConv, which reorders its weights.</summary>
    ChannelLast,
}

/// <summary>The worst that one output channel can do to a pair.</summary>
/// <param name="Channel">Output channel.</param>
/// <param name="Highest">Greatest sum of two products over activations 0..255.</param>
/// <param name="Lowest">Least sum.</param>
public readonly record struct PairBound(int Channel, int Highest, int Lowest)
{
    /// <summary>Whether some activations take it out of 16 bits.</summary>
    public bool Saturates => Highest > short.MaxValue || Lowest < short.MinValue;
}

/// <summary>
/// Proves from the weights alone whether u8 x s8 kernels for x64 without VNNI can saturate. vpmaddubsw adds a[2i] w[2i] + a[2i + 1] w[2i + 1] in 16 bits
/// that saturate; MLAS packs sums in groups of four and pads the end with zeros, so the pairs are (0, 1), (2, 3), ... of the order of the sum.
/// </summary>
/// <remarks>
/// With a in 0..255 a pair reaches at most 255 (max(w, 0) + max(v, 0)) and at least 255 (min(w, 0) + min(v, 0)); one weight alone stays inside,
/// 255 * 128 = 32640. So a pair is safe exactly when weights of the same sign sum to at most 128 in magnitude. Depthwise convolutions have kernels
/// of their own in MLAS, which add in 32 bits.
/// </remarks>
public static class PairSaturation
{
    private const int MostActivation = 255;
    private const int MostSum = 128; // 255 * 128 <= 32767 < 255 * 129

    /// <summary>The worst pair of one channel.</summary>
    /// <param name="codes">Weight codes in the order of the sum.</param>
    /// <param name="channel">What to call the channel.</param>
    public static PairBound WorstCase(ReadOnlySpan<int> codes, int channel = 0)
    {
        int highest = 0;
        int lowest = 0;
        for (int k = 0; k < codes.Length; k += 2)
        {
            int next = k + 1 < codes.Length ? codes[k + 1] : 0;
            highest = Math.Max(highest, Math.Max(codes[k], 0) + Math.Max(next, 0));
            lowest = Math.Min(lowest, Math.Min(codes[k], 0) + Math.Min(next, 0));
        }

        return new(channel, MostActivation * highest, MostActivation * lowest);
    }

    /// <summary>The worst pair of every output channel of a node.</summary>
    /// <param name="node">Conv, Gemm or MatMul; others give nothing.</param>
    /// <param name="dims">Lengths of its weight, as it stands in the model.</param>
    /// <param name="codes">The weight's int8 codes, row-major.</param>
    /// <param name="order">The kernel's order.</param>
    public static PairBound[] WorstCases(Node node, ReadOnlySpan<int> dims, ReadOnlySpan<int> codes, SumOrder order)
    {
        if (dims.Length < 2 || codes.IsEmpty || !(node.Is("Conv") || node.Is("Gemm") || node.Is("MatMul")) || IsDepthwise(node, dims))
        {
            return [];
        }

        bool rows = node.Is("Conv") || (node.Is("Gemm") && node.Int("transB", 0) != 0);
        int channels = rows ? dims[0] : dims[^1];
        int length = rows ? codes.Length / channels : dims[^2];
        int batches = rows ? 1 : codes.Length / channels / length;
        int inputs = node.Is("Conv") ? dims[1] : length;
        var bounds = new PairBound[channels];
        var sum = new int[length];
        for (int channel = 0; channel < channels; channel++)
        {
            bounds[channel] = new(channel, 0, 0);
            for (int batch = 0; batch < batches; batch++)
            {
                for (int k = 0; k < length; k++)
                {
                    int at = order is SumOrder.ChannelLast ? (k % inputs * (length / inputs)) + (k / inputs) : k;
                    sum[k] = rows ? codes[(channel * length) + at] : codes[(((batch * length) + at) * channels) + channel];
                }

                PairBound bound = WorstCase(sum, channel);
                bounds[channel] = new(channel, Math.Max(bounds[channel].Highest, bound.Highest), Math.Min(bounds[channel].Lowest, bound.Lowest));
            }
        }

        return bounds;
    }

    /// <summary>What to multiply the scale of each output channel by, so that no pair can saturate in either order; 1 where none can.</summary>
    /// <remarks>A pair whose magnitudes sum to s becomes at most s / f + 1 after rounding anew, so f = s / 127 is enough.
    /// Codes that stood at the end of the range for larger values may need a second round.</remarks>
    /// <param name="node">The node that reads the weight.</param>
    /// <param name="weight">Its int8 codes.</param>
    /// <returns>One factor an output channel; empty for nodes and codes that cannot saturate.</returns>
    public static float[] Growth(Node node, AffineTensor weight)
    {
        if (!weight.Grid.Signed || weight.Grid.Bits != 8)
        {
            return [];
        }

        int[] codes = weight.Codes();
        PairBound[] first = WorstCases(node, weight.Shape.AsSpan(), codes, SumOrder.ChannelFirst);
        PairBound[] last = WorstCases(node, weight.Shape.AsSpan(), codes, SumOrder.ChannelLast);
        return [.. first.Zip(last, (a, b) => Growth(Math.Max(Math.Max(a.Highest, b.Highest), -Math.Min(a.Lowest, b.Lowest)) / MostActivation))];
    }

    private static float Growth(int sum) => sum <= MostSum ? 1 : sum / (MostSum - 1f);

    private static bool IsDepthwise(Node node, ReadOnlySpan<int> dims) => node.Is("Conv") && dims[1] == 1 && node.Int("group", 1) == dims[0] && dims[0] > 1;
}
