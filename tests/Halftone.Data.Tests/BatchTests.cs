using System.Collections.Immutable;
using Halftone.Onnx;
using SkiaSharp;

namespace Halftone.Data.Tests;

public sealed class BatchTests
{
    [Fact]
    public void Samples_of_one_shape_are_stacked_in_order()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("<f4", "(5, 2)", (float[])[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        IDataSet data = DataSets.Open(folder.File("a.npy"), [Files.Input(null, 2)], new DataOptions());
        Batch[] batches = [.. Batches.Of(data, null, 2, new SkippedFiles())];
        Assert.Equal([2, 2, 1], batches.Select(b => b.Samples.Length));
        Assert.Equal([2, 2], batches[0].Inputs["x"].Dims);
        Assert.Equal([4, 5, 6, 7], batches[1].Inputs["x"].ToFloats());
        Assert.Equal([8, 9, 0, 1], Batches.Of(data, [4, 0], 2, new SkippedFiles()).Single().Inputs["x"].ToFloats());
    }

    [Fact]
    public void Each_sample_gets_its_own_rows_of_the_outputs()
    {
        var batch = new Batch(new Dictionary<string, Tensor>(), [new Sample([]) { Label = 1 }, new Sample([]) { Label = 2 }]);
        (Sample Sample, IReadOnlyDictionary<string, Tensor> Outputs)[] parts = [.. batch.Split(new Dictionary<string, Tensor> { ["y"] = Tensor.Of((float[])[1, 2, 3, 4], 2, 2) })];
        Assert.Equal([3, 4], parts[1].Outputs["y"].ToFloats());
        Assert.Equal([1, 2], parts[1].Outputs["y"].Dims);
        Assert.Equal(2, parts[1].Sample.Label);
        Assert.Throws<ArgumentException>(() => batch.Split(new Dictionary<string, Tensor> { ["y"] = Tensor.Scalar(1f) }));
    }

    [Fact]
    public void A_fixed_batch_is_never_stacked()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("<f4", "(4, 2)", new float[8]));
        IDataSet data = DataSets.Open(folder.File("a.npy"), [Files.Input(1, 2)], new DataOptions());
        Assert.Equal(4, Batches.Of(data, null, 8, new SkippedFiles()).Count());
    }

    [Fact]
    public void Other_lengths_start_another_batch()
    {
        using var folder = new TemporaryFolder();
        foreach ((string name, int width) in (ReadOnlySpan<(string, int)>)[("a", 3), ("b", 3), ("c", 4), ("d", 4), ("e", 3)])
        {
            Files.Image(folder.File(name + ".png"), width, 2, (_, _) => SKColors.Blue);
        }

        IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 3, null, null)], new DataOptions());
        Assert.Equal([2, 2, 1], Batches.Of(data, null, 8, new SkippedFiles()).Select(b => b.Samples.Length));
    }

    [Theory]
    [InlineData(1, 0.05, true)]
    [InlineData(2, 0.05, false)]
    [InlineData(2, 0.5, true)]
    [InlineData(1, 0, false)]
    public void Corrupt_files_are_named_and_skipped_up_to_the_limit(int corrupt, double limit, bool passes)
    {
        using var folder = new TemporaryFolder();
        for (int i = 0; i < 20; i++)
        {
            Files.Image(folder.File($"{i:D2}.png"), 2, 2, (_, _) => SKColors.Blue);
        }

        for (int i = 0; i < corrupt; i++)
        {
            File.WriteAllText(folder.File($"{3 + i:D2}.png"), "no image");
        }

        IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 3, 2, 2)], new DataOptions());
        var skipped = new SkippedFiles(limit);
        if (passes)
        {
            Assert.Equal(20 - corrupt, Batches.Of(data, null, 4, skipped).Sum(b => b.Samples.Length));
            Assert.Equal(corrupt, skipped.Count);
            Assert.Contains("03.png", skipped.All[0].Reason, StringComparison.Ordinal);
        }
        else
        {
            string message = Assert.Throws<DataException>(() => Batches.Of(data, null, 4, skipped).ToList()).Message;
            Assert.Contains("03.png", message, StringComparison.Ordinal);
            Assert.Contains("of 20", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Reading_ends_when_cancelled()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("<f4", "(4, 2)", new float[8]));
        IDataSet data = DataSets.Open(folder.File("a.npy"), [Files.Input(1, 2)], new DataOptions());
        using var source = new CancellationTokenSource();
        using IEnumerator<Batch> batches = Batches.Of(data, null, 1, new SkippedFiles(), source.Token).GetEnumerator();
        Assert.True(batches.MoveNext());
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => batches.MoveNext());
    }

    [Fact]
    public void A_split_shares_no_sample_and_loses_none()
    {
        Gen.Int[0, 60].Sample(count =>
        {
            var split = DataSplit.Of(new Numbers(count));
            int[] left = [.. ((DataSubset)split.Calibration).Indices];
            int[] right = [.. ((DataSubset)split.Measured).Indices];
            Assert.Empty(left.Intersect(right));
            Assert.Equal(Enumerable.Range(0, count), left.Concat(right).Order());
            Assert.Equal((count + 4) / 5, left.Length);
        });
    }

    [Fact]
    public void A_subset_starts_the_state_anew_where_it_leaves_samples_out()
    {
        var subset = new DataSubset(new Numbers(9), [0, 1, 2, 5, 6]);
        Assert.Equal([true, false, false, true, false], Enumerable.Range(0, 5).Select(i => subset.Read(i).StartsSequence));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DataSubset(new Numbers(3), [3]));
    }

    private sealed class Numbers(int count) : IDataSet
    {
        public string Description => "numbers";

        public int Count => count;

        public bool HasLabels => false;

        public ImmutableArray<string> ClassNames => [];

        public Sample Read(int index) => new([]) { Name = $"{index}", StartsSequence = index == 0 };
    }

    [Theory]
    [InlineData(10, 3, new[] { 0, 3, 6 })]
    [InlineData(3, 10, new[] { 0, 1, 2 })]
    [InlineData(7, 7, new[] { 0, 1, 2, 3, 4, 5, 6 })]
    [InlineData(0, 5, new int[0])]
    public void Some_samples_are_taken_evenly_over_the_set(int count, int most, int[] expected) => Assert.Equal(expected, Batches.Evenly(count, most));
}
