using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data.Tests;

public sealed class DataSplitTests
{
    [Fact]
    public void A_carried_state_keeps_runs_of_successive_samples_together()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("x.npy"), Files.Npy("<f4", "(400, 1)", [.. Enumerable.Range(0, 400).Select(i => (float)i)]));
        ValueInfo[] inputs = [Files.Input(1, 1), new("state", ElementType.Float, [1, 1])];
        DataSplit split = DataSets.OpenSplit(folder.File("x.npy"), inputs, new DataOptions { StateLinks = new Dictionary<string, string> { ["next"] = "state" }.ToImmutableDictionary() });
        Assert.Equal((80, 320), (split.Calibration.Count, split.Measured.Count));
        Sample[] samples = [.. Enumerable.Range(0, 80).Select(split.Calibration.Read)];
        Assert.Equal(8, samples.Count(s => s.StartsSequence)); // eight runs of ten
        float[] values = [.. samples.Select(s => s.Inputs["x"].ToFloats()[0])];
        Assert.All(Enumerable.Range(1, 79), i => Assert.True(samples[i].StartsSequence || values[i] == values[i - 1] + 1));
        Assert.Empty(values.Intersect(Enumerable.Range(0, 320).Select(i => split.Measured.Read(i).Inputs["x"].ToFloats()[0])));
    }

    [Fact]
    public void A_resize_without_a_size_to_resize_to_is_refused()
    {
        using TemporaryFolder folder = new();
        Files.Image(folder.File("a.png"), 5, 4, (_, _) => new SkiaSharp.SKColor(1, 2, 3));
        foreach ((string words, bool fits) in ((string, bool)[])[("unit,fit-height", false), ("unit,stretch", false), ("unit,fit-height,8x16", true), ("unit,short-side,4x4", true), ("unit", true)])
        {
            IDataSet Open() => DataSets.Open(folder.Path, [Files.Input(null, 3, null, null)], new DataOptions { Preprocessing = Preprocessing.Parse(words) });
            if (fits)
            {
                Assert.Equal(1, Open().Count);
            }
            else
            {
                Assert.Contains("to what size", Assert.Throws<DataException>(Open).Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void What_calibrates_beside_other_measured_data_is_the_part_to_train()
    {
        using TemporaryFolder folder = new();
        foreach ((string part, int count) in ((string, int)[])[("train", 3), ("t10k", 2)])
        {
            File.WriteAllBytes(folder.File($"{part}-images-idx3-ubyte"), Files.Idx(new byte[4 * count], count, 2, 2));
        }

        ValueInfo[] inputs = [Files.Input(null, 1, 2, 2)];
        Assert.Equal(3, DataSets.OpenCalibration(folder.Path, inputs, new DataOptions()).Count);
        Assert.Equal(2, DataSets.Open(folder.Path, inputs, new DataOptions()).Count);
        Assert.Equal(2, DataSets.OpenCalibration(folder.File("t10k-images-idx3-ubyte"), inputs, new DataOptions()).Count);
    }
}
