using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

/// <summary>Methods that keep few values or few vectors: k-means, Deep Compression, binarization, product and residual quantization.</summary>
public sealed class CodebookMethodTests
{
    [Fact]
    public void Each_value_takes_the_nearest_codeword_of_its_group() =>
        WeightMethodContract.Any.Sample((weight, target) =>
        {
            var q = (CodebookTensor)new KMeans().Quantize(weight, target, LayerStatistics.None);
            float[] values = weight.Values.ToArray();
            float[] back = q.Dequantize();
            return Enumerable.Range(0, values.Length).All(i =>
            {
                int group = target.Granularity.GroupOf(i, weight.Shape.AsSpan());
                double nearest = q.Codewords.AsSpan().Slice(group * q.CodebookSize, q.CodebookSize).ToArray().Min(c => Math.Abs((double)values[i] - c));
                return Math.Abs((double)values[i] - back[i]) <= nearest * (1 + 1e-15);
            });
        });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_codebook_errs_less_than_the_best_equal_steps(int bits)
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(40_000, seed: 2), 200, 200);
        double uniform = Error(weight, new OptimalMse(), bits);
        double codebook = Error(weight, new KMeans { Start = LloydStart.Density }, bits);
        Assert.True(codebook < uniform, $"{codebook} against {uniform}");
        Assert.True(Error(weight, new KMeans(), bits) < uniform);
        Assert.True(codebook > Math.Pow(4, -bits) * 40_000); // Shannon
    }

    [Fact]
    public void Storage_counts_indices_and_the_codebook()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(1024, seed: 3), 8, 128);
        Assert.Equal((4 * 1024) + (32 * 16), Quantize(new KMeans(), weight, 4).StorageBits);
        Assert.Equal((3 * 1024) + (32 * 8 * 8), new KMeans().Quantize(weight, new(new(3, true), true, Granularity.Channel(0)), LayerStatistics.None).StorageBits);

        // two values need one bit, whatever is allowed
        Assert.Equal(4 + 64, Quantize(new KMeans(), WeightMethodContract.View([1, -3, 1, 1], 2, 2), 8).StorageBits);
    }

    [Fact]
    public void Pruning_takes_what_is_near_zero_and_keeps_the_zeros_there_are()
    {
        float[] values = Generators.Normal(10_000, seed: 4);
        for (int i = 0; i < values.Length; i += 10)
        {
            values[i] = 0;
        }

        WeightView weight = WeightMethodContract.View(values, 100, 100);
        float[] unpruned = Quantize(new DeepCompression(), weight, 5).Dequantize();
        Assert.Equal(values.Select(v => v == 0), unpruned.Select(v => v == 0));

        double mean = values.Average(v => (double)v);
        double threshold = 1.5 * Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
        var pruned = (SparseTensor)Quantize(new DeepCompression { Quality = 1.5 }, weight, 5);
        Assert.Equal(values.Select(v => Math.Abs(v) >= threshold), pruned.Dequantize().Select(v => v != 0));
        Assert.Equal(10_000 + (5 * pruned.Kept.Count) + (32 * 32), pruned.StorageBits);
    }

    [Fact]
    public void Zeros_cost_no_codeword()
    {
        float[] values = [.. Generators.Normal(10_000, seed: 5).Select((v, i) => i % 10 == 0 ? v : 0)];
        WeightView weight = WeightMethodContract.View(values, 100, 100);
        float[] kept = [.. values.Where(v => v != 0)];
        double alone = Error(WeightMethodContract.View(kept, kept.Length), new KMeans(), 2);
        Assert.Equal(alone, Error(weight, new DeepCompression(), 2), 1e-9 * alone);
        Assert.True(alone < 0.8 * Error(weight, new KMeans(), 2));
    }

    [Fact]
    public void Weights_that_are_all_pruned_or_all_kept_are_whole_tensors()
    {
        WeightView zeros = WeightMethodContract.View(new float[6], 2, 3);
        Assert.All(Quantize(new DeepCompression(), zeros, 4).Dequantize(), v => Assert.Equal(0, v));
        Assert.All(Quantize(new DeepCompression { Quality = 9 }, WeightMethodContract.View([1, 2, 4, 8], 4), 4).Dequantize(), v => Assert.Equal(0, v));
        Assert.IsType<CodebookTensor>(Quantize(new DeepCompression(), WeightMethodContract.View([1, 2, 4, 8], 4), 4));
    }

    [Fact]
    public void The_mean_magnitude_errs_least_of_all_factors_of_the_sign() =>
        Gen.Select(WeightMethodContract.Any, Gen.Double[0.5, 1.5]).Sample((any, factor) =>
        {
            (WeightView weight, WeightTarget target) = any;
            QuantizedTensor q = new Binarization().Quantize(weight, target, LayerStatistics.None);
            float[] signs = new Binarization { Bare = true }.Quantize(weight, target, LayerStatistics.None).Dequantize();
            Assert.Equal(weight.Values.ToArray().Select(v => v >= 0 ? 1f : -1f), signs);
            double other = weight.Values.ToArray().Zip(q.Dequantize(), (w, x) => Math.Pow(w - (x * factor), 2)).Sum();
            return WeightMethodTests.SquaredError(weight, q) <= other * (1 + 1e-6);
        });

    [Fact]
    public void Signs_of_normal_weights_err_as_the_best_two_levels()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(400_000, seed: 7), 400_000);
        Assert.InRange(Error(weight, new Binarization(), 8) / 400_000, 0.99 * 0.363380, 1.01 * 0.363380);
    }

    [Fact]
    public void Vectors_of_one_value_with_a_codebook_each_are_k_means_of_each_column()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(40 * 7, seed: 8), 40, 7);
        var target = new WeightTarget(new(3, true), true, Granularity.Channel(1));
        QuantizedTensor columns = new KMeans().Quantize(weight, target, LayerStatistics.None);
        QuantizedTensor places = new ProductQuantization { Width = 1, CodebookPerPlace = true, Iterations = 100 }.Quantize(weight, target, LayerStatistics.None);
        Assert.Equal(columns.Dequantize(), places.Dequantize());
        Assert.Equal(columns.StorageBits, places.StorageBits);
    }

    [Fact]
    public void Vectors_as_long_as_rows_are_rows_that_share_few_forms()
    {
        WeightView weight = WeightMethodContract.View(Generators.Normal(64 * 6, seed: 9), 64, 6);
        float[] rows = Quantize(new ProductQuantization { Width = 1000, CodebookPerPlace = true }, weight, 3).Dequantize();
        string[][] forms = [.. rows.Chunk(6).Select(r => r.Select(v => v.ToString("R", null)).ToArray())];
        Assert.Equal(8, forms.Select(f => string.Join(' ', f)).Distinct().Count());

        // each the mean of the rows that share it
        foreach (IGrouping<string, int> same in Enumerable.Range(0, 64).GroupBy(r => string.Join(' ', forms[r])))
        {
            for (int j = 0; j < 6; j++)
            {
                Assert.Equal(same.Average(r => weight.Values.Span[(r * 6) + j]), rows[(same.First() * 6) + j], 1e-6);
            }
        }
    }

    [Fact]
    public void Vectors_err_less_than_values_at_the_same_bits_and_two_small_codebooks_more_than_a_large_one()
    {
        // 2 bits a weight: 0.0931 with vectors of 4, 0.1175 with single values, 0.122 with two codebooks of 16
        WeightView weight = WeightMethodContract.View(Generators.Normal(4 * 20_000, seed: 10), 20_000, 4);
        double n = weight.Values.Length;
        double product = Error(weight, new ProductQuantization(), 8) / n;
        double scalar = Error(weight, new KMeans(), 2) / n;
        double residual = Error(weight, new ResidualQuantization { Width = 4 }, 4) / n;
        Assert.InRange(product, 0.090, 0.099);
        Assert.InRange(scalar, 0.1163, 0.1187);
        Assert.InRange(residual, 0.117, 0.128);
        Assert.True(product > 0.0625); // Shannon
    }

    [Fact]
    public void No_stage_raises_the_error_and_each_costs_the_same_bits() =>
        Gen.Select(WeightMethodContract.Any, Gen.Int[1, 6]).Sample((any, width) =>
        {
            double before = double.PositiveInfinity;
            for (int stages = 1; stages <= 4; stages++)
            {
                var target = new WeightTarget(new(2, true), true, Granularity.Tensor);
                QuantizedTensor q = new ResidualQuantization { Width = width, Stages = stages }.Quantize(any.Weight, target, LayerStatistics.None);
                double error = WeightMethodTests.SquaredError(any.Weight, q);
                double rounding = 1e-12 * any.Weight.Values.ToArray().Sum(v => (double)v * v);
                Assert.True(error <= before + rounding, $"{error} after {before}");
                Assert.Equal(stages, ((SumTensor)q).Terms.Length);
                before = error;
            }
        }, iter: 50);

    [Fact]
    public void Where_the_inputs_lie_does_not_matter()
    {
        IWeightMethod[] methods = [new ProductQuantization(), new ProductQuantization { CodebookPerPlace = true }, new ResidualQuantization { Width = 4 }, new BitGoesDown { KernelWidth = 4 }];
        foreach (IWeightMethod method in methods)
        {
            float[] values = Generators.Normal(30 * 8, seed: 11);
            float[] upright = Quantize(method, new(WeightKind.MatMul, [30, 8], 0, 1, 1, values), 3).Dequantize();
            Assert.Equal(upright, Move(Quantize(method, new(WeightKind.MatMul, [8, 30], 1, 0, 1, Move(values, 30, 8, 1)), 3).Dequantize(), 8, 30, 1));

            // a batch more
            float[] batch = Quantize(method, new(WeightKind.MatMul, [1, 8, 30], 2, 1, 1, Move(values, 30, 8, 1)), 3).Dequantize();
            Assert.Equal(upright, Move(batch, 8, 30, 1));

            // [O, I, kernel] against [I, O, kernel]
            float[] conv = Quantize(method, new(WeightKind.Conv, [10, 4, 6], 0, 1, 1, values), 3).Dequantize();
            Assert.Equal(conv, Move(Quantize(method, new(WeightKind.ConvTranspose, [4, 10, 6], 1, 0, 1, Move(values, 10, 4, 6)), 3).Dequantize(), 4, 10, 6));
        }
    }

    [Theory]
    [InlineData(WeightKind.Conv, new[] { 8, 6, 3, 3 }, 1, 3)] // 54 inputs: 4 does not divide them, 3 does
    [InlineData(WeightKind.Conv, new[] { 8, 4, 3, 3 }, 1, 4)]
    [InlineData(WeightKind.Conv, new[] { 8, 1, 3, 3 }, 8, 3)] // depthwise
    [InlineData(WeightKind.Conv, new[] { 8, 3, 1, 1 }, 1, 3)]
    [InlineData(WeightKind.Conv, new[] { 8, 1, 1, 1 }, 8, 1)]
    [InlineData(WeightKind.Conv, new[] { 8, 7 }, 1, 1)]
    [InlineData(WeightKind.ConvTranspose, new[] { 6, 4, 3, 3 }, 2, 3)]
    [InlineData(WeightKind.ConvTranspose, new[] { 8, 4, 2, 2 }, 4, 4)]
    public void Vectors_stay_within_the_inputs_of_an_output(WeightKind kind, int[] shape, int groups, int width)
    {
        int output = kind is WeightKind.ConvTranspose ? 1 : 0;
        float[] values = Generators.Normal(shape.Aggregate((a, b) => a * b), seed: 1);
        var q = (CodebookTensor)Quantize(new ProductQuantization(), new(kind, [.. shape], output, 1 - output, groups, values), 2);
        Assert.Equal(width, q.Width);
        Assert.Equal(shape, q.Shape);
    }

    [Fact]
    public void Vectors_that_are_alike_share_a_codeword_and_unused_ones_take_no_room()
    {
        WeightView weight = WeightMethodContract.View([.. Enumerable.Repeat(0.5f, 4096)], 64, 64);
        foreach (IWeightMethod method in (IWeightMethod[])[new ProductQuantization(), new BitGoesDown(), new KMeans()])
        {
            QuantizedTensor q = Quantize(method, weight, 8);
            Assert.All(q.Dequantize(), v => Assert.Equal(0.5f, v));
            Assert.InRange(q.StorageBits, 32, 128);
        }
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new KMeans { Iterations = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeepCompression { Quality = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeepCompression { Quality = double.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProductQuantization { Width = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ResidualQuantization { Stages = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new BitGoesDown { LinearBits = 17 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new HashedNets { Compression = 0 });
    }

    // [a, b, inner] to [b, a, inner]
    private static float[] Move(float[] values, int a, int b, int inner) =>
        [.. Enumerable.Range(0, values.Length).Select(i => values[(((i / inner % a) * b) + (i / inner / a)) * inner + (i % inner)])];

    private static QuantizedTensor Quantize(IWeightMethod method, WeightView weight, int bits) =>
        method.Quantize(weight, new(new(bits, signed: true), true, Granularity.Tensor), LayerStatistics.None);

    private static double Error(WeightView weight, IWeightMethod method, int bits) => WeightMethodTests.SquaredError(weight, Quantize(method, weight, bits));
}
