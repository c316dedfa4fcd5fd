using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Core.Tests.Formats;

/// <summary>Each format against numbers worked out by hand.</summary>
public sealed class FormatTests
{
    [Fact]
    public void Affine_subtracts_the_zero_point_and_scales_by_group()
    {
        var tensor = new AffineTensor([2, 3], Granularity.Channel(0), new(4, signed: false), [0, 5, 15, 1, 2, 3], [0.5f, 2], [5, 1]);
        Assert.Equal([-2.5f, 0, 5, 0, 2, 4], tensor.Dequantize());
        Assert.Equal((6 * 4) + (2 * 32) + (2 * 4), tensor.StorageBits);
    }

    [Fact]
    public void Affine_counts_the_bits_of_each_group_and_adds_its_offset()
    {
        var tensor = new AffineTensor(
            [3, 2], Granularity.Channel(1), new(4, signed: true), [0, 1, -1, 0, 7, -1], [1, 2], offsets: [10, 0], bits: [4, 1], halfCodes: true);
        Assert.Equal([10.5f, 3, 9.5f, 1, 17.5f, -1], tensor.Dequantize());
        Assert.Equal((3 * 4) + (3 * 1) + (2 * 32) + (2 * 32), tensor.StorageBits);
    }

    [Fact]
    public void Affine_values_are_those_of_each_code_alone() =>
        GranularityTests.Any.SelectMany(g =>
        {
            int count = g.Shape.Aggregate(1, (a, b) => a * b);
            int groups = g.Granularity.GroupCount(g.Shape.AsSpan());
            return Gen.Select(Gen.Int[0, 65535].Array[count], Gen.Float[0.01f, 4].Array[groups], Gen.Int[0, 65535].Array[groups], (codes, scales, zeros) =>
                (new AffineTensor(g.Shape, g.Granularity, new(16, signed: false), codes, [.. scales], [.. zeros]), codes, scales, zeros));
        }).Sample((tensor, codes, scales, zeros) =>
        {
            float[] values = tensor.Dequantize();
            return Enumerable.Range(0, values.Length).All(i =>
            {
                int g = tensor.Granularity.GroupOf(i, tensor.Shape.AsSpan());
                return values[i] == new AffineParameters(scales[g], zeros[g]).Dequantize(codes[i]) && tensor.Code(i) == codes[i];
            });
        });

    [Fact]
    public void Affine_refuses_parts_that_do_not_fit()
    {
        Assert.Throws<ArgumentException>(() => new AffineTensor([2], Granularity.Tensor, IntegerGrid.Int8, [0, 128], [1]));
        Assert.Throws<ArgumentException>(() => new AffineTensor([2], Granularity.Tensor, IntegerGrid.Int8, [0, 0], [0]));
        Assert.Throws<ArgumentException>(() => new AffineTensor([2], Granularity.Channel(0), IntegerGrid.Int8, [0, 0], [1]));
        Assert.Throws<ArgumentException>(() => new AffineTensor([2], Granularity.Tensor, IntegerGrid.Int8, [0, 0], [1], [300]));
    }

    [Fact]
    public void Float_rounds_to_its_type()
    {
        var half = FloatTensor.Round([3], [1, 1.0004f, -70000], SmallFloat.Float16);
        Assert.Equal([1, 1, -65504], half.Dequantize());
        Assert.Equal(3 * 16, half.StorageBits);
    }

    [Fact]
    public void Float_blocks_are_those_of_MX() // methods catalogue F13, from the OCP MX 1.0 rules
    {
        float[] block = [0.1f, -0.37f, 1.9f, 5.2f, -7.3f, .02f, 2.5f, 3.5f, .. new float[24]];
        var tensor = FloatTensor.RoundInBlocks([1, 32], block, SmallFloat.Float4E2M1, Granularity.Block(1, 32));
        Assert.Equal([0, -.5f, 2, 6, -6, 0, 2, 4, .. new float[24]], tensor.Dequantize());
        Assert.Equal([(sbyte)0], tensor.Exponents);
        Assert.Equal((32 * 4) + 8, tensor.StorageBits);

        var scaled = FloatTensor.RoundInBlocks([1, 32], [.. block.Select(x => x / 1024)], SmallFloat.Float4E2M1, Granularity.Block(1, 32));
        Assert.Equal(tensor.Dequantize().Select(x => x / 1024), scaled.Dequantize());
    }

    [Fact]
    public void Codebook_looks_vectors_up_in_the_book_of_their_group()
    {
        var tensor = new CodebookTensor([2, 4], 2, 3, [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60], [0, 2, 1, 1], Granularity.Channel(0));
        Assert.Equal([1, 2, 5, 6, 30, 40, 30, 40], tensor.Dequantize());
        Assert.Equal((4 * 2) + (12 * 32), tensor.StorageBits);
    }

    [Fact]
    public void Codebooks_of_subspaces_take_turns()
    {
        var tensor = new CodebookTensor([2, 4], 2, 2, [1, 2, 3, 4, 10, 20, 30, 40], [0, 1, 1, 0], subspaces: 2);
        Assert.Equal([1, 2, 30, 40, 3, 4, 10, 20], tensor.Dequantize());
        Assert.Equal((4 * 1) + (8 * 32), tensor.StorageBits);
        Assert.Equal(0, new CodebookTensor([2], 1, 1, [7], [0, 0]).IndexBits);
        Assert.Throws<ArgumentException>(() => new CodebookTensor([3], 2, 1, [1, 1], [0]));
        Assert.Throws<ArgumentException>(() => new CodebookTensor([2], 1, 2, [1, 1], [0, 2]));
    }

    [Fact]
    public void Codebooks_of_another_order_of_axes_run_along_the_columns()
    {
        // [[a, b, c], [d, e, f]] by columns: a d, b e, c f
        var tensor = new CodebookTensor([2, 3], 2, 3, [1, 2, 3, 4, 5, 6], [0, 2, 1], order: [1, 0]);
        Assert.Equal([1, 5, 3, 2, 6, 4], tensor.Dequantize());
        Assert.Equal((3 * 2) + (6 * 32), tensor.StorageBits);

        // the group is that of the element, wherever the order takes it
        var rows = new CodebookTensor([2, 2], 1, 2, [1, 2, 3, 4], [0, 0, 1, 1], Granularity.Channel(0), order: [1, 0]);
        Assert.Equal([1, 2, 3, 4], rows.Dequantize());
        Assert.Throws<ArgumentException>(() => new CodebookTensor([2, 2], 1, 1, [1], [0, 0, 0, 0], order: [1, 1]));
    }

    [Fact]
    public void Binary_bases_add_scaled_signs()
    {
        float[] first = [.. Enumerable.Range(0, 130).Select(i => i % 3 == 0 ? 1f : -1)];
        float[] second = [.. Enumerable.Range(0, 130).Select(i => i % 5 == 0 ? -1f : 1)];
        int words = BinaryBasisTensor.WordCount(65 * 2);
        var packed = new ulong[2 * words];
        BinaryBasisTensor.PackSigns(first, packed.AsSpan(0, words));
        BinaryBasisTensor.PackSigns(second, packed.AsSpan(words));
        var tensor = new BinaryBasisTensor([2, 65], Granularity.Channel(0), [1, 10, 0.25f, 2], packed);
        Assert.Equal(Enumerable.Range(0, 130).Select(i => i < 65 ? first[i] + (0.25f * second[i]) : (10 * first[i]) + (2 * second[i])), tensor.Dequantize());
        Assert.Equal((2 * 130) + (4 * 32), tensor.StorageBits);
        Assert.Throws<ArgumentException>(() => new BinaryBasisTensor([2, 65], Granularity.Channel(0), [1, 10, 0.25f], packed));
    }

    [Fact]
    public void A_sum_adds_its_terms_and_their_bits()
    {
        var one = new AffineTensor([2], Granularity.Tensor, IntegerGrid.Int8, [1, -2], [1]);
        var rest = new AffineTensor([2], Granularity.Tensor, new(2, signed: true), [1, -2], [0.125f]);
        var sum = new SumTensor([one, rest]);
        Assert.Equal([1.125f, -2.25f], sum.Dequantize());
        Assert.Equal(one.StorageBits + rest.StorageBits, sum.StorageBits);
        Assert.Throws<ArgumentException>(() => new SumTensor([]));
        Assert.Throws<ArgumentException>(() => new SumTensor([one, FloatTensor.Round([1, 2], [0, 0], SmallFloat.Float16)]));
    }

    [Fact]
    public void A_sparse_tensor_puts_what_is_kept_where_its_mask_says()
    {
        var mask = new ulong[2];
        mask[0] = 0b1001;
        mask[1] = 0b10;
        var kept = new AffineTensor([3], Granularity.Tensor, IntegerGrid.Int8, [1, 2, 3], [1]);
        var tensor = new SparseTensor([66], mask, kept);
        var expected = new float[66];
        (expected[0], expected[3], expected[65]) = (1, 2, 3);
        Assert.Equal(expected, tensor.Dequantize());
        Assert.Equal(66 + kept.StorageBits, tensor.StorageBits);
        mask[1] = 0b110;
        Assert.Throws<ArgumentException>(() => new SparseTensor([66], mask, kept));
    }

    [Fact]
    public void A_hashed_tensor_spreads_its_buckets_and_signs_evenly()
    {
        var tensor = new HashedTensor([100, 100], [1, 2, 3, 4], seed: 5);
        float[] values = tensor.Dequantize();
        Assert.All(new[] { 1, 2, 3, 4, -1, -2, -3, -4 }, v => Assert.InRange(values.Count(x => x == v), 1250 - 165, 1250 + 165)); // 5 deviations
        Assert.Equal(values, new HashedTensor([100, 100], [1, 2, 3, 4], seed: 5).Dequantize());
        Assert.NotEqual(values, new HashedTensor([100, 100], [1, 2, 3, 4], seed: 6).Dequantize());
        Assert.Equal((4 * 32) + 32, tensor.StorageBits);
    }

    [Fact]
    public void Levels_and_bases_refuse_parts_that_do_not_fit()
    {
        Assert.Throws<ArgumentException>(() => new Levels([0, 1], [float.NaN], upperClosed: true));
        Assert.Throws<ArgumentException>(() => new BinaryBases([1, 2], [0]));
        Assert.Equal([-3, 1, 3], new[] { -1f, 0.2f, 0.7f }.Select(new BinaryBases([1, 2], [0.0f, 0.5f]).Quantize));
        Assert.Equal([0, 0, 1], new[] { 0.4f, 0.5f, 0.6f }.Select(new Levels([0, 1], [0.5f], upperClosed: true).Quantize));
        Assert.Equal([0, 1, 1], new[] { 0.4f, 0.5f, 0.6f }.Select(new Levels([0, 1], [0.5f], upperClosed: false).Quantize));
    }
}
