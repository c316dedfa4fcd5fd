namespace Halftone.Data.Pictures;

/// <summary>Resizes by a separable triangle filter, widened when shrinking.</summary>
/// <remarks>
/// <para>Along an axis of length n resized to m, with r = n / m and s = max(r, 1): out[i] = sum_k w[k] x[k] / sum_k w[k],
/// w[k] = max(0, 1 - |k + 0.5 - (i + 0.5) r| / s), over the k inside the image. The same filter as Pillow's BILINEAR, in floats.</para>
/// <para>Cost: O(rows read * width * r + pixels * r); memory: rows read * width * channels floats.</para>
/// </remarks>
internal static class Resampler
{
    /// <summary>A window of a picture as it would be at another size.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="size">Height and width of the whole, resized.</param>
    /// <param name="window">Top, left, height and width of what is wanted of that.</param>
    /// <returns>[window height, window width, channels], 0..255.</returns>
    public static float[] Resize(Picture picture, (int Height, int Width) size, (int Top, int Left, int Height, int Width) window)
    {
        Tap[] across = Taps(picture.Width, size.Width, window.Left, window.Width);
        Tap[] down = Taps(picture.Height, size.Height, window.Top, window.Height);
        int first = down[0].Start;
        int rows = down[^1].Start + down[^1].Weights.Length - first;
        int channels = picture.Channels;
        int length = window.Width * channels;
        float[] source = new float[picture.Width * channels];
        float[] narrow = new float[(long)rows * length];
        for (int y = 0; y < rows; y++)
        {
            picture.Row(first + y, source);
            Across(source, across, channels, narrow.AsSpan(y * length, length));
        }

        float[] result = new float[(long)window.Height * length];
        for (int y = 0; y < window.Height; y++)
        {
            Span<float> to = result.AsSpan(y * length, length);
            for (int k = 0; k < down[y].Weights.Length; k++)
            {
                float weight = down[y].Weights[k];
                ReadOnlySpan<float> row = narrow.AsSpan((down[y].Start - first + k) * length, length);
                for (int x = 0; x < length; x++)
                {
                    to[x] += weight * row[x];
                }
            }
        }

        return result;
    }

    private static void Across(ReadOnlySpan<float> row, Tap[] taps, int channels, Span<float> to)
    {
        for (int x = 0; x < taps.Length; x++)
        {
            for (int c = 0; c < channels; c++)
            {
                float sum = 0;
                for (int k = 0; k < taps[x].Weights.Length; k++)
                {
                    sum += taps[x].Weights[k] * row[((taps[x].Start + k) * channels) + c];
                }

                to[(x * channels) + c] = sum;
            }
        }
    }

    private static Tap[] Taps(int from, int to, int offset, int count)
    {
        double ratio = (double)from / to;
        double reach = Math.Max(ratio, 1);
        var taps = new Tap[count];
        for (int i = 0; i < count; i++)
        {
            double centre = (offset + i + 0.5) * ratio;
            int start = Math.Max(0, (int)Math.Floor(centre - reach + 0.5));
            int end = Math.Min(from, (int)Math.Floor(centre + reach + 0.5));
            double[] weights = [.. Enumerable.Range(start, end - start).Select(k => Math.Max(0, 1 - (Math.Abs(k + 0.5 - centre) / reach)))];
            double sum = weights.Sum();
            taps[i] = new Tap(start, [.. weights.Select(w => (float)(w / sum))]);
        }

        return taps;
    }

    private readonly record struct Tap(int Start, float[] Weights);
}
