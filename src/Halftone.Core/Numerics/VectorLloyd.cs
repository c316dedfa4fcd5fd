using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Halftone.Numerics;

/// <summary>k-means of vectors by Lloyd's algorithm: clusters whose members are nearest to their mean.</summary>
/// <remarks>
/// <para>A step takes sum over vectors of ||x - c||^2 down: each vector goes to the codeword with the least ||c||^2 - 2 x c, the first of equals, then codewords become the means of
/// their clusters, in double precision. Scores are floats of values scaled to at most 1; lanes are vectors, and sums are made in order, so neither the width of the machine's
/// vectors nor the number of threads changes a bit.</para>
/// <para>An empty cluster gets a part of the most populated one: the members on one side of a plane through its mean, of random direction. This is what adding and taking away
/// a tiny noise from its codeword comes to (Stock et al. 2020, arXiv:1907.05686, section 3.2), without a size of the noise to choose. Clusters stay empty only where there are fewer
/// different vectors.</para>
/// <para>Cost of a step: vectors * codewords * width multiply-adds.</para>
/// </remarks>
public static class VectorLloyd
{
    /// <summary>Vectors a codeword that <see cref="SpreadStart"/> draws from.</summary>
    public const int SpreadSample = 64;

    private const int Blocks = 4; // vectors that a codeword is compared with at once: lanes * Blocks
    private const int Chunk = 1024;

    /// <summary>The cluster of each vector.</summary>
    /// <param name="vectors">[n, width], row-major, finite.</param>
    /// <param name="width">Values in a vector.</param>
    /// <param name="start">The vectors that are codewords at first, one a cluster.</param>
    /// <param name="iterations">Steps at most; it stops when no vector changes its cluster.</param>
    /// <param name="seed">For the planes that cut clusters.</param>
    /// <param name="cancel">Stops it.</param>
    public static int[] Clusters(float[] vectors, int width, int[] start, int iterations, int seed, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(iterations);
        int count = vectors.Length / width;
        if (start.Length >= count)
        {
            return [.. Enumerable.Range(0, count)];
        }

        float[] unit = Scaled(vectors);
        float[] codewords = [.. start.SelectMany(v => unit[(v * width)..((v + 1) * width)])];
        var clusters = new int[count];
        var next = new int[count];
        for (int i = 0; i < iterations; i++)
        {
            Nearest(unit, width, codewords, next, cancel);
            Fill(unit, width, next, start.Length, seed);
            if (i > 0 && next.AsSpan().SequenceEqual(clusters))
            {
                break;
            }

            (clusters, next) = (next, clusters);
            codewords = Means(unit, width, clusters, start.Length);
        }

        return clusters;
    }

    /// <summary>The mean of each cluster, [clusters, width]; zeros for an empty one.</summary>
    /// <param name="vectors">[n, width], row-major.</param>
    /// <param name="width">Values in a vector.</param>
    /// <param name="clusters">The cluster of each vector.</param>
    /// <param name="count">Number of clusters.</param>
    public static float[] Means(ReadOnlySpan<float> vectors, int width, ReadOnlySpan<int> clusters, int count)
    {
        var sums = new double[count * width];
        var members = new int[count];
        for (int v = 0; v < clusters.Length; v++)
        {
            Span<double> sum = sums.AsSpan(clusters[v] * width, width);
            ReadOnlySpan<float> vector = vectors.Slice(v * width, width);
            for (int j = 0; j < vector.Length; j++)
            {
                sum[j] += vector[j];
            }

            members[clusters[v]]++;
        }

        var means = new float[sums.Length];
        for (int i = 0; i < means.Length; i++)
        {
            means[i] = (float)(sums[i] / Math.Max(1, members[i / width]));
        }

        return means;
    }

    /// <summary>Vectors to start from, drawn one after another with a probability that grows with the squared distance to those there are (k-means++, Arthur and Vassilvitskii 2007).</summary>
    /// <remarks>Drawn from a random part of <see cref="SpreadSample"/> vectors a codeword, where there are more.</remarks>
    /// <param name="vectors">[n, width], row-major.</param>
    /// <param name="width">Values in a vector.</param>
    /// <param name="most">How many are wanted; never more than there are vectors.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="cancel">Stops it.</param>
    public static int[] SpreadStart(ReadOnlySpan<float> vectors, int width, int most, int seed, CancellationToken cancel = default)
    {
        int total = vectors.Length / width;
        int count = Math.Min(most, total);
        var random = new CounterRandom(seed);
        int[] sample = random.Subset((int)Math.Min(total, (long)SpreadSample * count), total);
        if (count == sample.Length)
        {
            return sample;
        }

        var start = new int[count];
        var distances = new double[sample.Length];
        Array.Fill(distances, double.PositiveInfinity);
        start[0] = sample[(int)(random.Uniform(-1) * sample.Length)];
        for (int c = 1; c < count; c++)
        {
            cancel.ThrowIfCancellationRequested();
            double sum = 0;
            ReadOnlySpan<float> last = vectors.Slice(start[c - 1] * width, width);
            for (int i = 0; i < sample.Length; i++)
            {
                distances[i] = Math.Min(distances[i], SquaredDistance(vectors.Slice(sample[i] * width, width), last));
                sum += distances[i];
            }

            double rest = random.Uniform(-1 - c) * sum;
            int chosen = 0;
            for (int i = 0; i < sample.Length && rest >= 0; i++)
            {
                if (distances[i] > 0)
                {
                    (chosen, rest) = (i, rest - distances[i]);
                }
            }

            start[c] = sample[chosen];
        }

        return start;
    }

    private static double SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int j = 0; j < a.Length; j++)
        {
            double difference = (double)a[j] - b[j];
            sum += difference * difference;
        }

        return sum;
    }

    // by a power of two, which changes no digit, so that squares neither overflow nor vanish
    private static float[] Scaled(float[] vectors)
    {
        float largest = vectors.Length == 0 ? 0 : Math.Abs(TensorPrimitives.MaxMagnitude<float>(vectors));
        int exponent = largest == 0 ? 0 : -Math.ILogB(largest);
        return Array.ConvertAll(vectors, x => (float)Math.ScaleB(x, exponent));
    }

    /// <summary>The codeword nearest to each vector.</summary>
    internal static void Nearest(float[] vectors, int width, float[] codewords, int[] nearest, CancellationToken cancel)
    {
        // score of x: norm + sum of twice[j] * x[j] = ||c||^2 - 2 x c
        float[] twice = Array.ConvertAll(codewords, c => -2 * c);
        var norms = new float[codewords.Length / width];
        for (int c = 0; c < norms.Length; c++)
        {
            norms[c] = (float)codewords[(c * width)..((c + 1) * width)].Sum(x => (double)x * x);
        }

        int chunks = (nearest.Length + Chunk - 1) / Chunk;
        Parallel.For(0, chunks, new ParallelOptions { CancellationToken = cancel }, chunk =>
        {
            int first = chunk * Chunk;
            int count = Math.Min(Chunk, nearest.Length - first);
            Nearest(vectors.AsSpan(first * width, count * width), width, twice, norms, nearest.AsSpan(first, count));
        });
    }

    private static void Nearest(ReadOnlySpan<float> vectors, int width, float[] twice, float[] norms, Span<int> nearest)
    {
        int lanes = Vector<float>.Count;
        int side = Blocks * lanes;
        var turned = new float[width * side]; // [width, side]
        Span<int> found = stackalloc int[side];
        ref float first = ref MemoryMarshal.GetArrayDataReference(turned);
        for (int at = 0; at < nearest.Length; at += side)
        {
            int count = Math.Min(side, nearest.Length - at);
            for (int i = 0; i < count * width; i++)
            {
                turned[(i % width * side) + (i / width)] = vectors[(at * width) + i];
            }

            var (best0, best1, best2, best3) = (new Vector<float>(float.PositiveInfinity), new Vector<float>(float.PositiveInfinity), new Vector<float>(float.PositiveInfinity), new Vector<float>(float.PositiveInfinity));
            var (index0, index1, index2, index3) = (Vector<int>.Zero, Vector<int>.Zero, Vector<int>.Zero, Vector<int>.Zero);
            for (int c = 0; c < norms.Length; c++)
            {
                var score0 = new Vector<float>(norms[c]);
                Vector<float> score1 = score0;
                Vector<float> score2 = score0;
                Vector<float> score3 = score0;
                nuint column = 0;
                foreach (float factor in twice.AsSpan(c * width, width))
                {
                    var f = new Vector<float>(factor);
                    score0 = Vector.FusedMultiplyAdd(f, Vector.LoadUnsafe(ref first, column), score0);
                    score1 = Vector.FusedMultiplyAdd(f, Vector.LoadUnsafe(ref first, column + (nuint)lanes), score1);
                    score2 = Vector.FusedMultiplyAdd(f, Vector.LoadUnsafe(ref first, column + (nuint)(2 * lanes)), score2);
                    score3 = Vector.FusedMultiplyAdd(f, Vector.LoadUnsafe(ref first, column + (nuint)(3 * lanes)), score3);
                    column += (nuint)side;
                }

                var index = new Vector<int>(c);
                Keep(score0, index, ref best0, ref index0);
                Keep(score1, index, ref best1, ref index1);
                Keep(score2, index, ref best2, ref index2);
                Keep(score3, index, ref best3, ref index3);
            }

            index0.CopyTo(found);
            index1.CopyTo(found[lanes..]);
            index2.CopyTo(found[(2 * lanes)..]);
            index3.CopyTo(found[(3 * lanes)..]);
            found[..count].CopyTo(nearest[at..]);
        }
    }

    private static void Keep(Vector<float> score, Vector<int> index, ref Vector<float> best, ref Vector<int> bestIndex)
    {
        Vector<int> less = Vector.LessThan(score, best);
        best = Vector.ConditionalSelect(less, score, best);
        bestIndex = Vector.ConditionalSelect(less, index, bestIndex);
    }

    /// <summary>Gives every empty cluster a part of the most populated one, as long as that has different members.</summary>
    private static void Fill(float[] vectors, int width, int[] clusters, int count, int seed)
    {
        var starts = new int[count + 1];
        foreach (int cluster in clusters)
        {
            starts[cluster + 1]++;
        }

        Queue<int> empty = new(Enumerable.Range(0, count).Where(c => starts[c + 1] == 0));
        if (empty.Count == 0)
        {
            return;
        }

        for (int c = 0; c < count; c++)
        {
            starts[c + 1] += starts[c];
        }

        // members of a cluster side by side
        int[] members = [.. Enumerable.Range(0, clusters.Length)];
        int[] keys = [.. clusters];
        Array.Sort(keys, members, Comparer<int>.Default);
        PriorityQueue<(int Cluster, int Start, int End), (int Members, int Cluster)> populated = new();
        void Enqueue(int cluster, int start, int end) => populated.Enqueue((cluster, start, end), (start - end, cluster));
        for (int c = 0; c < count; c++)
        {
            Enqueue(c, starts[c], starts[c + 1]);
        }

        var random = new CounterRandom(seed);
        for (int draw = 0; empty.Count > 0 && populated.TryDequeue(out (int Cluster, int Start, int End) largest, out _); draw++)
        {
            int cut = Cut(vectors, width, members.AsSpan(largest.Start..largest.End), random, draw) + largest.Start;
            if (cut == largest.Start || cut == largest.End)
            {
                continue; // all alike
            }

            int cluster = empty.Dequeue();
            foreach (int member in members.AsSpan(cut..largest.End))
            {
                clusters[member] = cluster;
            }

            Enqueue(largest.Cluster, largest.Start, cut);
            Enqueue(cluster, cut, largest.End);
        }
    }

    /// <summary>Brings the members on one side of a random plane through their mean to the front, and gives how many they are.</summary>
    private static int Cut(float[] vectors, int width, Span<int> members, CounterRandom random, int draw)
    {
        var direction = new double[width];
        for (int j = 0; j < width; j++)
        {
            direction[j] = random.Normal(((long)draw * width) + j);
        }

        double Along(int member)
        {
            double sum = 0;
            for (int j = 0; j < width; j++)
            {
                sum += direction[j] * vectors[(member * width) + j];
            }

            return sum;
        }

        double mean = 0;
        foreach (int member in members)
        {
            mean += Along(member) / members.Length;
        }

        int front = 0;
        for (int i = 0; i < members.Length; i++)
        {
            if (Along(members[i]) > mean)
            {
                (members[front], members[i]) = (members[i], members[front]);
                front++;
            }
        }

        return front;
    }
}
