namespace Halftone.Samples.Train;

/// <summary>Cuts a set into batches of floats as the networks take them.</summary>
internal static class Batches
{
    // Images move by up to this many pixels each way; what comes in is black, as the set's own border is.
    private const int Shift = 2;

    /// <summary>One pass over the set in random order, each image shifted and mirrored at random; a last short batch is left out.</summary>
    public static IEnumerable<(float[] Images, long[] Labels)> Augmented(ImageSet set, int batchSize, Random random)
    {
        int[] order = [.. Enumerable.Range(0, set.Count)];
        random.Shuffle(order);
        float[] normalized = Normalized();
        for (int start = 0; start + batchSize <= order.Length; start += batchSize)
        {
            float[] images = new float[batchSize * FashionMnist.Pixels];
            long[] labels = new long[batchSize];
            for (int i = 0; i < batchSize; i++)
            {
                int index = order[start + i];
                labels[i] = set.Labels[index];
                int down = random.Next(-Shift, Shift + 1);
                int right = random.Next(-Shift, Shift + 1);
                bool mirrored = random.Next(2) == 1;
                Move(set.Image(index), images.AsSpan(i * FashionMnist.Pixels, FashionMnist.Pixels), down, right, mirrored, normalized);
            }

            yield return (images, labels);
        }
    }

    /// <summary>The set in its order, as it is; the last batch may be short.</summary>
    public static IEnumerable<(float[] Images, long[] Labels)> InOrder(ImageSet set, int batchSize)
    {
        float[] normalized = Normalized();
        for (int start = 0; start < set.Count; start += batchSize)
        {
            int count = Math.Min(batchSize, set.Count - start);
            byte[] pixels = set.Pixels[(start * FashionMnist.Pixels)..((start + count) * FashionMnist.Pixels)];
            yield return (Array.ConvertAll(pixels, pixel => normalized[pixel]), Array.ConvertAll(set.Labels[start..(start + count)], label => (long)label));
        }
    }

    private static float[] Normalized() => [.. Enumerable.Range(0, 256).Select(pixel => FashionMnist.Normalize((byte)pixel))];

    private static void Move(ReadOnlySpan<byte> image, Span<float> result, int down, int right, bool mirrored, float[] normalized)
    {
        const int Size = FashionMnist.Size;
        for (int y = 0; y < Size; y++)
        {
            for (int x = 0; x < Size; x++)
            {
                int fromY = y - down;
                int fromX = (mirrored ? Size - 1 - x : x) - right;
                bool inside = fromY is >= 0 and < Size && fromX is >= 0 and < Size;
                result[(y * Size) + x] = normalized[inside ? image[(fromY * Size) + fromX] : (byte)0];
            }
        }
    }
}
