using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Codebooks of single values: k-means for each group, and every value on its nearest codeword.</summary>
internal static class ScalarCodebooks
{
    private const int Chunk = 1 << 14;

    /// <summary>The values with a codebook of up to 2^bits codewords a group.</summary>
    public static CodebookTensor Lloyd(ImmutableArray<int> shape, ReadOnlyMemory<float> values, Granularity granularity, int bits, LloydStart start, int iterations, int seed, CancellationToken cancel)
    {
        var grouped = new GroupedValues(values.Span, shape, granularity);
        var codebooks = new float[grouped.Count][];
        grouped.ForEach(group =>
        {
            float[] sorted = grouped[group].ToArray();
            Array.Sort(sorted);
            codebooks[group] = ScalarLloyd.Codewords(sorted, 1 << bits, start, iterations, seed, cancel);
        }, cancel);
        return Nearest(shape, values, granularity, codebooks, cancel);
    }

    /// <summary>Every value on the nearest of its group's rising codewords.</summary>
    private static CodebookTensor Nearest(ImmutableArray<int> shape, ReadOnlyMemory<float> values, Granularity granularity, float[][] codebooks, CancellationToken cancel)
    {
        // groups of fewer values repeat their last codeword, which is never looked up
        int size = codebooks.Select(c => c.Length).Append(1).Max();
        float[] codewords = [.. codebooks.SelectMany(c => c.Concat(Enumerable.Repeat(c.LastOrDefault(), size - c.Length)))];
        double[][] thresholds = [.. codebooks.Select(c => c.Length == 0 ? [] : NearestLevel.Thresholds(c))];
        var indices = new int[values.Length];
        Parallel.For(0, (indices.Length + Chunk - 1) / Chunk, new ParallelOptions { CancellationToken = cancel }, chunk =>
        {
            ReadOnlySpan<float> all = values.Span;
            for (int i = chunk * Chunk; i < Math.Min(all.Length, (chunk + 1) * Chunk); i++)
            {
                indices[i] = NearestLevel.Index(thresholds[granularity.GroupOf(i, shape.AsSpan())], all[i]);
            }
        });
        return new CodebookTensor(shape, 1, size, [.. codewords], indices, granularity);
    }
}
