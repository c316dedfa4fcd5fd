namespace Halftone.Onnx.Tests;

/// <summary>A model is written whole or not at all: what stood there before stays, and no part is left behind.</summary>
public sealed class SavingTests
{
    private const string Full = "/dev/full"; // every write to it fails for want of space

    public static TheoryData<bool, int> Failures => new() { { false, 1 }, { true, 1 }, { true, 2 } };

    [Theory]
    [MemberData(nameof(Failures))]
    public void A_full_disk_leaves_the_old_files_and_nothing_else(bool externalData, int failingFile)
    {
        Assert.SkipUnless(File.Exists(Full), $"needs {Full}, which is not here");
        using TemporaryFolder folder = new();
        Large(1).Save(folder.File("m.onnx"), externalData);
        Dictionary<string, byte[]> before = Content(folder);

        int files = 0;
        IOException error = Assert.Throws<IOException>(() => ModelWriter.Write(
            Large(2), folder.File("m.onnx"), externalData, path => ++files == failingFile ? new FileStream(Full, FileMode.Open, FileAccess.Write) : File.Create(path)));
        Assert.Contains("m.onnx", error.Message, StringComparison.Ordinal);
        Assert.Contains("space", error.Message, StringComparison.OrdinalIgnoreCase);
        Dictionary<string, byte[]> after = Content(folder);
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        Assert.All(before, file => Assert.Equal(file.Value, after[file.Key]));
    }

    [Fact]
    public void A_full_disk_leaves_nothing_of_a_new_model()
    {
        Assert.SkipUnless(File.Exists(Full), $"needs {Full}, which is not here");
        using TemporaryFolder folder = new();
        Assert.Throws<IOException>(() => ModelWriter.Write(Large(1), folder.File("m.onnx"), externalData: true, _ => new FileStream(Full, FileMode.Open, FileAccess.Write)));
        Assert.Empty(Content(folder));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_target_that_cannot_be_replaced_leaves_nothing(bool externalData)
    {
        // a folder stands where the model's file is to go, the last to be put in place
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("m.onnx"));
        File.WriteAllText(folder.File("m.onnx.data"), "of another model");
        Assert.Throws<IOException>(() => Large(1).Save(folder.File("m.onnx"), externalData));
        Assert.Equal(["m.onnx.data"], Directory.EnumerateFiles(folder.Path).Select(Path.GetFileName));
        Assert.Equal("of another model", File.ReadAllText(folder.File("m.onnx.data")));
    }

    [Fact]
    public void A_folder_that_is_missing_or_no_folder_is_named()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("file"), "");
        foreach (string path in (string[])[folder.File("missing/m.onnx"), folder.File("file/m.onnx")])
        {
            Assert.Contains(path, Assert.ThrowsAny<IOException>(() => Large(1).Save(path)).Message, StringComparison.Ordinal);
            Assert.ThrowsAny<IOException>(() => TensorFile.Write(path, "t", Tensor.Scalar(1f)));
        }
    }

    [Theory]
    [InlineData("/dev/full")]
    [InlineData("/dev/null")]
    public void A_device_is_no_target_and_stays_a_device(string device)
    {
        Assert.SkipUnless(File.Exists(device), $"needs {device}, which is not here");
        Assert.Contains(device, Assert.Throws<IOException>(() => Large(1).Save(device)).Message, StringComparison.Ordinal);
        Assert.Contains(device, Assert.Throws<IOException>(() => TensorFile.Write(device, "t", Tensor.Scalar(1f))).Message, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(device).Length);
    }

    [Fact]
    public void An_empty_file_is_replaced()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("m.onnx"), []);
        Large(1).Save(folder.File("m.onnx"));
        Assert.Equal(1, Model.Load(folder.File("m.onnx")).Graph.Constant("w")!.ToFloats()[0]);
    }

    [Fact]
    public void A_model_may_be_saved_over_the_files_it_is_mapped_from()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("m.onnx");
        Large(3).Save(path, externalData: true);
        var model = Model.Load(path);
        model.Save(path, externalData: true);
        model.Save(path, externalData: true);
        Assert.Equal(2, Directory.EnumerateFiles(folder.Path).Count());
        Assert.All(Model.Load(path).Graph.Constant("w")!.ToFloats(), v => Assert.Equal(3, v));
        Assert.All(model.Graph.Constant("w")!.ToFloats(), v => Assert.Equal(3, v));
    }

    private static Model Large(float value)
    {
        var model = Model.Create(13, [new("x", ElementType.Float, [20_000])], [new("y", ElementType.Float, null)]);
        model.Graph.SetConstant("w", Tensor.Of([.. Enumerable.Repeat(value, 20_000)], 20_000));
        model.Graph.Add(new Node("n", "Add", ["x", "w"], ["y"]));
        return model;
    }

    private static Dictionary<string, byte[]> Content(TemporaryFolder folder) =>
        Directory.EnumerateFiles(folder.Path).ToDictionary(f => Path.GetFileName(f)!, File.ReadAllBytes);
}
