using Halftone.Onnx;

namespace Halftone.Data.Tests;

public sealed class PreprocessingTests
{
    [Fact]
    public void JSON_reads_back_as_the_same()
    {
        foreach (string words in (string[])["none", "unit", "imagenet,short-side=256,224x224", "caffe,stretch,rgb", "minus-one-to-one,fit-height,nhwc,48x192"])
        {
            var value = Preprocessing.Parse(words);
            Assert.Equal(value, Preprocessing.FromJson(value.ToJson()));
            Assert.Equal(value.GetHashCode(), Preprocessing.FromJson(value.ToJson()).GetHashCode());
        }

        Assert.NotEqual(Preprocessing.Parse("imagenet"), Preprocessing.Parse("unit"));
    }

    [Fact]
    public void Words_and_JSON_say_the_same()
    {
        var json = Preprocessing.FromJson("""{"preset":"imagenet","resize":"short-side","shortSide":256,"height":224,"width":224,"colours":"bgr","layout":"nhwc"}""");
        Assert.Equal(Preprocessing.Parse("imagenet,short-side=256,224x224,bgr,nhwc"), json);
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("p.json"), json.ToJson());
        Assert.Equal(json, Preprocessing.Parse(folder.File("p.json")));
        Assert.Equal("short-side 256 224x224, (x * 0.003921569 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225), bgr, nhwc", json.ToString());
    }

    [Fact]
    public void A_misspelling_gets_the_nearest_word()
    {
        Assert.Contains("'imagenet'", Assert.Throws<ArgumentException>(() => Preprocessing.Parse("imagnet")).Message, StringComparison.Ordinal);
        Assert.Contains("'deviation'", Assert.Throws<DataException>(() => Preprocessing.FromJson("""{"deviaton":[1]}""")).Message, StringComparison.Ordinal);
        Assert.Contains("'stretch'", Assert.Throws<DataException>(() => Preprocessing.FromJson("""{"resize":"strech"}""")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"scale":0}""")]
    [InlineData("""{"deviation":[1,0,1]}""")]
    [InlineData("""{"height":-3}""")]
    [InlineData("""{"mean":["a"]}""")]
    [InlineData("[1]")]
    [InlineData("{")]
    public void Nonsense_is_refused(string json) => Assert.Throws<DataException>(() => Preprocessing.FromJson(json));

    [Fact]
    public void Three_means_do_not_fit_one_channel()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a-images-idx3-ubyte"), Files.Idx(new byte[4], 1, 2, 2));
        var error = Assert.Throws<DataException>(() => DataSets.Open(folder.Path, [Files.Input(null, 1, 2, 2)], new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") }));
        Assert.Contains("3 deviations", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspection_names_input_expected_and_actual_lengths()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a-images-idx3-ubyte"), Files.Idx(new byte[8], 2, 2, 2));
        IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 1, 2, 2)], new DataOptions());
        PreprocessReport report = PreprocessCheck.Inspect(data, [Files.Input(null, 1, 3, 3)]);
        string message = report.Findings.First(f => f.IsError).Message;
        Assert.Contains("'x'", message, StringComparison.Ordinal);
        Assert.Contains("[?,1,3,3]", message, StringComparison.Ordinal);
        Assert.Contains("[1,1,2,2]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspection_measures_each_channel()
    {
        using var folder = new TemporaryFolder();
        byte[] record = [0, .. Enumerable.Repeat((byte)10, 1024), .. Enumerable.Range(0, 1024).Select(i => (byte)(i % 2 == 0 ? 0 : 100)), .. Enumerable.Repeat((byte)200, 1024)];
        File.WriteAllBytes(folder.File("a.bin"), record);
        ValueInfo[] inputs = [Files.Input(null, 3, 32, 32)];
        PreprocessReport raw = PreprocessCheck.Inspect(DataSets.Open(folder.Path, inputs, new DataOptions()), inputs);
        InputFacts facts = Assert.Single(raw.Facts);
        Assert.Equal([10.0, 50, 200], facts.Means);
        Assert.Equal([0.0, 50, 0], facts.Deviations);
        Assert.Equal((0, 200), (facts.Least, facts.Most));
        Assert.Contains(raw.Findings, f => !f.IsError && f.Message.Contains("raw pixels", StringComparison.Ordinal));
        PreprocessReport unit = PreprocessCheck.Inspect(DataSets.Open(folder.Path, inputs, new DataOptions { Preprocessing = Preprocessing.Parse("unit") }), inputs);
        Assert.Empty(unit.Findings);
    }

    [Fact]
    public void A_better_preprocessing_is_reported_only_when_it_is_surely_better()
    {
        var unit = Preprocessing.Parse("unit");
        var none = Preprocessing.Parse("none");
        double[] weak = [.. Enumerable.Range(0, 100).Select(i => i % 5 == 0 ? 1.0 : 0)];
        double[] strong = [.. Enumerable.Range(0, 100).Select(i => i % 5 != 1 ? 1.0 : 0)];
        double[] alike = [.. Enumerable.Range(0, 100).Select(i => i % 5 == 0 || i == 1 ? 1.0 : 0)];
        PreprocessComparison better = PreprocessCheck.Compare(none, [unit], p => p == unit ? strong : weak, labelled: true);
        Assert.Equal(unit, better.Better);
        Assert.Equal(0.6, better.Ranked[0].Gain, 12);
        Assert.Contains("80.0", better.Message, StringComparison.Ordinal);
        Assert.Null(PreprocessCheck.Compare(none, [unit], p => p == unit ? alike : weak, labelled: true).Better);
        Assert.Null(PreprocessCheck.Compare(none, [unit], p => p == unit ? throw new DataException("no") : weak, labelled: true).Better);
    }

    [Fact]
    public void Candidates_hold_the_swapped_colours_and_the_other_scalings()
    {
        var candidates = PreprocessCheck.Candidates(Preprocessing.Parse("imagenet,stretch"), Files.Input(null, 3, 8, 8));
        Assert.Contains(Preprocessing.Parse("imagenet,stretch,bgr"), candidates);
        Assert.Contains(Preprocessing.Parse("unit,stretch"), candidates);
        Assert.All(PreprocessCheck.Candidates(new(), Files.Input(null, 1, 8, 8)), c => Assert.InRange(c.Mean.Length, 0, 1));
    }
}
