using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class LloydTests
{
    /// <summary>Error of the best quantizer of K levels, unit variance: Max 1960, and for Laplace the same by numerical integration.</summary>
    public static TheoryData<int, double, double> BestLevels => new() { { 2, 0.363380, 0.500000 }, { 3, 0.190174, 0.264241 }, { 4, 0.117482, 0.176195 }, { 8, 0.034548, 0.054476 }, { 16, 0.009501, 0.015373 } };

    [Theory, MemberData(nameof(BestLevels))]
    public void Reaches_the_error_of_the_best_levels(int levels, double gauss, double laplace)
    {
        float[] normal = Sorted(Generators.Normal(400_000, seed: 5));
        Assert.InRange(Error(normal, ScalarLloyd.Codewords(normal, levels, LloydStart.Density, 1000)) / 400_000, 0.99 * gauss, 1.01 * gauss);
        float[] twoSided = Sorted([.. Generators.Laplace(400_000, seed: 6).Select(x => x / MathF.Sqrt(2))]);

        // the outermost cells hold few values of great spread: a sample's error is known to 1.2 %
        Assert.InRange(Error(twoSided, ScalarLloyd.Codewords(twoSided, levels, LloydStart.Density, 1000)) / 400_000, 0.96 * laplace, 1.04 * laplace);
    }

    [Fact]
    public void The_levels_of_a_normal_distribution_are_those_of_the_literature()
    {
        float[] normal = Sorted(Generators.Normal(400_000, seed: 8));
        float[] levels = ScalarLloyd.Codewords(normal, 4, LloydStart.Linear, 100);
        Assert.All(levels.Zip([-1.5104, -0.4528, 0.4528, 1.5104]), l => Assert.InRange(l.First, l.Second - 0.015, l.Second + 0.015));
    }

    [Theory]
    [InlineData(LloydStart.Linear)]
    [InlineData(LloydStart.Density)]
    [InlineData(LloydStart.Random)]
    public void Never_errs_less_than_the_exact_solution_and_seldom_much_more(LloydStart start)
    {
        double worst = 0;
        foreach (int levels in (int[])[1, 2, 4, 8, 16])
        {
            for (int seed = 0; seed < 4; seed++)
            {
                float[] values = Sorted(Generators.Normal(400, seed));
                float[] found = ScalarLloyd.Codewords(values, levels, start, 100, seed);
                Assert.Equal(levels, found.Length);
                double ratio = Error(values, found) / ExactError(values, levels);
                Assert.True(ratio > 1 - 1e-6, $"{ratio} with {levels} levels");
                worst = Math.Max(worst, ratio);
            }
        }

        Assert.InRange(worst, 1, 2);
    }

    [Fact]
    public void Codewords_rise_and_each_is_the_mean_of_its_values_once_it_stops() =>
        Gen.Select(Generators.Value.Array[1, 60], Gen.Int[1, 20], Gen.Enum<LloydStart>()).Sample((values, most, start) =>
        {
            float[] sorted = Sorted(values);
            float[] found = ScalarLloyd.Codewords(sorted, most, start, 1000);
            Assert.Equal(Math.Min(most, values.Distinct().Count()), found.Length);
            Assert.Equal(found.Order().Distinct(), found);
            double[] thresholds = NearestLevel.Thresholds(found);
            foreach (IGrouping<int, float> cell in values.GroupBy(v => NearestLevel.Index(thresholds, v)))
            {
                double mean = cell.Average(v => (double)v);
                Assert.InRange(found[cell.Key], mean - (1e-6 * Math.Abs(mean)) - 1e-45, mean + (1e-6 * Math.Abs(mean)) + 1e-45);
            }
        });

    [Fact]
    public void As_many_codewords_as_values_keep_them_exactly() =>
        Generators.Value.Array[0, 40].Sample(values => ScalarLloyd.Codewords(Sorted(values), 64, LloydStart.Linear, 100).SequenceEqual(values.Select(v => v + 0f).Distinct().Order()));

    [Fact]
    public void Codewords_whose_cells_are_empty_go_where_values_spread_most()
    {
        // at equal distances fourteen of sixteen codewords would have no values
        float[] values = Sorted([.. Generators.Normal(1000, seed: 1).Select(x => x * 1e-3f), 1]);
        float[] found = ScalarLloyd.Codewords(values, 16, LloydStart.Linear, 100);
        Assert.InRange(Error(values, found), 0, 1.6 * ExactError(values, 16));
    }

    [Fact]
    public void Large_values_do_not_swallow_the_sums_of_small_ones()
    {
        float[] found = ScalarLloyd.Codewords([-1e30f, -3e-3f, -1e-3f, 1e-3f, 3e-3f, 1e30f], 4, LloydStart.Linear, 100);
        Assert.All(found.Zip([-1e30f, -2e-3f, 2e-3f, 1e30f]), f => Assert.InRange(f.First / f.Second, 1 - 1e-6f, 1 + 1e-6f));
    }

    [Fact]
    public void The_number_of_midpoints_below_a_value_is_the_index_of_its_nearest_level() =>
        Gen.Select(Generators.Value.Array[1, 20], Generators.Value.Array[20]).Sample((some, values) =>
        {
            float[] levels = [.. some.Distinct().Order()];
            double[] thresholds = NearestLevel.Thresholds(levels);
            return values.Concat(levels).All(v => Math.Abs((double)v - levels[NearestLevel.Index(thresholds, v)]) <= levels.Min(l => Math.Abs((double)v - l)) * (1 + 1e-15));
        });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(9)]
    public void Vectors_go_to_the_nearest_codeword(int width)
    {
        float[] vectors = Generators.Normal(5000 * width, seed: width);
        float[] codewords = Generators.Normal(37 * width, seed: 100 + width);
        var nearest = new int[5000];
        VectorLloyd.Nearest(vectors, width, codewords, nearest, default);
        for (int v = 0; v < nearest.Length; v++)
        {
            double[] distances = [.. Enumerable.Range(0, 37).Select(c => Distance(vectors, v, codewords, c, width))];
            Assert.InRange(distances[nearest[v]], distances.Min(), distances.Min() + 1e-5);
        }
    }

    [Fact]
    public void Clusters_of_few_vectors_are_never_better_than_the_best_of_all_and_mostly_that_in_ten_trials()
    {
        int best = 0;
        for (int seed = 0; seed < 100; seed++)
        {
            float[] vectors = Generators.Normal(12, seed);
            double least = Enumerable.Range(1, 62).Min(set => Spread(vectors, 2, [.. Enumerable.Range(0, 6).Select(v => (set >> v) & 1)]));
            double found = Enumerable.Range(0, 10).Min(trial => Spread(vectors, 2, VectorLloyd.Clusters(vectors, 2, VectorLloyd.SpreadStart(vectors, 2, 2, trial), 100, trial)));
            Assert.True(found >= least * (1 - 1e-6));
            best += found <= least * (1 + 1e-6) ? 1 : 0;
        }

        Assert.InRange(best, 95, 100);
    }

    [Fact]
    public void A_cluster_that_is_empty_gets_a_part_of_the_largest()
    {
        // both codewords at one place: the second has no vectors at first
        float[] vectors = [0, 0, 0, 1, 10, 10, 10, 11, 0, 0, 10, 10];
        int[] clusters = VectorLloyd.Clusters(vectors, 2, [0, 4], 100, seed: 0);
        Assert.Equal([clusters[0], clusters[0], 1 - clusters[0], 1 - clusters[0], clusters[0], 1 - clusters[0]], clusters);

        // vectors that are alike cannot be told apart
        Assert.Single(VectorLloyd.Clusters([.. Enumerable.Repeat(0.3f, 40)], 4, [0, 1, 2], 100, seed: 0).Distinct());
    }

    [Fact]
    public void Neither_neighbours_nor_chunks_change_the_cluster_of_a_vector()
    {
        float[] vectors = Generators.Normal(3000 * 3, seed: 2);
        float[] codewords = Generators.Normal(50 * 3, seed: 3);
        var all = new int[3000];
        VectorLloyd.Nearest(vectors, 3, codewords, all, default);
        var some = new int[777];
        VectorLloyd.Nearest(vectors[(101 * 3)..(878 * 3)], 3, codewords, some, default);
        Assert.Equal(all[101..878], some);
    }

    [Fact]
    public void Subsets_are_different_numbers_and_each_is_as_likely()
    {
        var hits = new int[10];
        for (int seed = 0; seed < 20_000; seed++)
        {
            int[] subset = new CounterRandom(seed).Subset(3, 10);
            Assert.Equal(3, subset.Distinct().Count());
            foreach (int i in subset)
            {
                hits[i]++;
            }
        }

        Assert.All(hits, h => Assert.InRange(h, 6000 - 330, 6000 + 330)); // 5 standard deviations
        Assert.Equal(Enumerable.Range(0, 7), new CounterRandom(1).Subset(7, 7));
    }

    /// <summary>Dynamic programming over the start of the last cell: D[m, j] = min over i of D[m - 1, i] + cost(i, j).</summary>
    private static double ExactError(float[] sorted, int levels)
    {
        int n = sorted.Length;
        var sums = new double[n + 1];
        var squares = new double[n + 1];
        for (int i = 0; i < n; i++)
        {
            (sums[i + 1], squares[i + 1]) = (sums[i] + sorted[i], squares[i] + ((double)sorted[i] * sorted[i]));
        }

        var least = new double[n + 1];
        Array.Fill(least, double.PositiveInfinity);
        least[0] = 0;
        for (int m = 1; m <= levels; m++)
        {
            var next = new double[n + 1];
            for (int j = 1; j <= n; j++)
            {
                next[j] = double.PositiveInfinity;
                for (int i = 0; i < j; i++)
                {
                    double sum = sums[j] - sums[i];
                    next[j] = Math.Min(next[j], least[i] + Math.Max(0, squares[j] - squares[i] - (sum * sum / (j - i))));
                }
            }

            least = next;
        }

        return least[n];
    }

    private static double Error(float[] values, float[] levels)
    {
        double sum = 0;
        foreach (float value in values)
        {
            double least = double.PositiveInfinity;
            foreach (float level in levels)
            {
                least = Math.Min(least, Math.Abs((double)value - level));
            }

            sum += least * least;
        }

        return sum;
    }

    private static double Spread(float[] vectors, int width, int[] clusters)
    {
        float[] means = VectorLloyd.Means(vectors, width, clusters, clusters.Max() + 1);
        return Enumerable.Range(0, clusters.Length).Sum(v => Distance(vectors, v, means, clusters[v], width));
    }

    private static double Distance(float[] vectors, int v, float[] codewords, int c, int width) =>
        Enumerable.Range(0, width).Sum(j => Math.Pow((double)vectors[(v * width) + j] - codewords[(c * width) + j], 2));

    private static float[] Sorted(float[] values)
    {
        float[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted;
    }
}
