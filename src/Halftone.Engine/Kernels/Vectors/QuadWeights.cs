namespace Halftone.Engine.Kernels.Vectors;

/// <summary>Weights as the instruction sets read them.</summary>
internal static unsafe class QuadWeights
{
    /// <summary>Bytes of a step's weights: 16 channels, four each.</summary>
    public const int StepBytes = 64;

    /// <summary>Bytes of a quad's weights of 4 bits.</summary>
    public const int PackedBytes = 32;

    /// <summary>Stores a weight of a group of 16 channels and a quad.</summary>
    /// <param name="to">Where the group's weights of the quad begin.</param>
    /// <param name="channel">Channel within the group.</param>
    /// <param name="place">Place within the quad.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="steps">1: bytes as they are. 2: the quad's even bytes as 16-bit pairs, then the odd ones.</param>
    public static void Store(sbyte* to, int channel, int place, sbyte weight, int steps)
    {
        if (steps == 1)
        {
            to[(4 * channel) + place] = weight;
        }
        else
        {
            ((short*)(to + (StepBytes * (place & 1))))[(2 * channel) + (place >> 1)] = weight;
        }
    }

    /// <summary>Stores a weight of 4 bits: channels 0 to 7 in the lower halves of bytes that are zero before, 8 to 15 in the upper.</summary>
    /// <param name="to">Where the group's weights of the quad begin.</param>
    /// <param name="channel">Channel within the group.</param>
    /// <param name="place">Place within the quad.</param>
    /// <param name="weight">The weight, -8 to 7.</param>
    public static void Pack(sbyte* to, int channel, int place, sbyte weight) => to[(4 * (channel & 7)) + place] |= (sbyte)((weight & 0xF) << (4 * (channel >> 3)));

    /// <summary>Biases that make up for what is taken off activations: bias + offset * sum of the channel's weights.</summary>
    public static int[] Bias(int[] bias, sbyte[] weights, int offset)
    {
        int each = weights.Length / bias.Length;
        return [.. bias.Select((b, c) => b + (offset * weights.AsSpan(c * each, each).ToArray().Sum(w => (int)w)))];
    }
}
