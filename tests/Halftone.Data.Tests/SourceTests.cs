using Halftone.Onnx;
using SkiaSharp;

namespace Halftone.Data.Tests;

public sealed class SourceTests
{
    private static readonly ValueInfo s_cifar = Files.Input(null, 3, 32, 32);

    [Fact]
    public void MNIST_is_read_as_published()
    {
        IDataSet test = DataSets.Open(Paths.Shared("data/datasets/mnist"), [Files.Input(1, 1, 28, 28)], new DataOptions());
        Assert.Equal(10000, test.Count);
        Assert.Equal([7, 2, 1, 0, 4, 1, 4, 9, 5, 9], Enumerable.Range(0, 10).Select(i => test.Read(i).Label!.Value));
        DataSplit split = DataSets.OpenSplit(Paths.Shared("data/datasets/mnist"), [Files.Input(1, 1, 28, 28)], new DataOptions { Limit = 20 });
        Assert.Equal((20, 20), (split.Calibration.Count, split.Measured.Count));
        Assert.Contains("train-images", split.Calibration.Read(0).Name, StringComparison.Ordinal);
        Assert.Contains("t10k-images", split.Measured.Read(0).Name, StringComparison.Ordinal);
    }

    [Fact]
    public void CIFAR_holds_five_hundred_of_each_class()
    {
        IDataSet data = DataSets.Open(Paths.Shared("data/datasets/cifar10-jpeg/test_a.bin.gz"), [s_cifar], new DataOptions());
        Assert.Equal(5000, data.Count);
        Assert.Equal("airplane", data.ClassNames[0]);
        Assert.Equal(Enumerable.Repeat(500, 10), Enumerable.Range(0, 5000).GroupBy(i => data.Read(i).Label).OrderBy(g => g.Key).Select(g => g.Count()));
    }

    [Fact]
    public void Labels_of_ImageNet_and_of_text_lines_are_found_by_themselves()
    {
        IDataSet images = DataSets.Open(Paths.Shared("data/datasets/imagenet-val"), [Files.Input(null, 3, 227, 227)], new DataOptions());
        Assert.Equal(500, images.Count);
        Assert.Equal([625, 705, 388], Enumerable.Range(0, 3).Select(i => images.Read(i).Label!.Value));
        IDataSet lines = DataSets.Open(Paths.Shared("data/datasets/ocr-lines"), [Files.Input(null, 3, 48, 192)], new DataOptions { Preprocessing = Preprocessing.Parse("none,fit-height") });
        Assert.Equal(240, lines.Count);
        Assert.Equal(["0", "180"], lines.ClassNames);
        Assert.Equal([0, 1, 0, 0], Enumerable.Range(0, 4).Select(i => lines.Read(i).Label!.Value));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void IDX_gives_pixels_and_labels_packed_or_plain(bool gzip)
    {
        using var folder = new TemporaryFolder();
        byte[] pixels = [.. Enumerable.Range(0, 3 * 6).Select(i => (byte)(i * 7))];
        string end = gzip ? ".gz" : "";
        Write(folder.File("t-images-idx3-ubyte" + end), Files.Idx(pixels, 3, 2, 3), gzip);
        Write(folder.File("t-labels-idx1-ubyte" + end), Files.Idx([4, 0, 9], 3), gzip);
        IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 1, 2, 3)], new DataOptions());
        Assert.Equal([4, 0, 9], Enumerable.Range(0, 3).Select(i => data.Read(i).Label!.Value));
        Assert.Equal(pixels[6..12].Select(b => (float)b), data.Read(1).Inputs["x"].ToFloats());
        Assert.Equal([1, 6], DataSets.Open(folder.File("t-images-idx3-ubyte" + end), [Files.Input(null, 6)], new DataOptions()).Read(0).Inputs["x"].Dims);
        Assert.Throws<DataException>(() => DataSets.Open(folder.Path, [Files.Input(null, 7)], new DataOptions()).Read(0));
    }

    [Fact]
    public void CIFAR_planes_become_channels_and_the_fine_label_counts()
    {
        using var folder = new TemporaryFolder();
        byte[] planes = [.. Enumerable.Range(0, 3072).Select(i => (byte)((i / 1024 * 50) + (i % 32)))];
        File.WriteAllBytes(folder.File("ten.bin"), [3, .. planes, 8, .. planes]);
        File.WriteAllBytes(folder.File("hundred.bin"), [1, 77, .. planes]);
        IDataSet ten = DataSets.Open(folder.File("ten.bin"), [s_cifar], new DataOptions());
        Assert.Equal([3, 8], Enumerable.Range(0, 2).Select(i => ten.Read(i).Label!.Value));
        Assert.Equal(planes.Select(b => (float)b), ten.Read(1).Inputs["x"].ToFloats());
        Assert.Equal(77, DataSets.Open(folder.File("hundred.bin"), [s_cifar], new DataOptions()).Read(0).Label);
    }

    [Fact]
    public void Class_folders_count_in_code_point_order()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["b/1.png", "a/2.png", "a/1.png", "Z/1.png"])
        {
            Files.Image(folder.File(name), 2, 2, (_, _) => SKColors.Red);
        }

        IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 3, 2, 2)], new DataOptions());
        Assert.Equal(["Z", "a", "b"], data.ClassNames);
        Assert.Equal([0, 1, 1, 2], Enumerable.Range(0, 4).Select(i => data.Read(i).Label!.Value));
        Assert.EndsWith("a/1.png", data.Read(1).Name, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("labels.csv", "file,label\na.png,2\n\"b,c.png\",0\n", "2,0")]
    [InlineData("labels.txt", "a.png 5\nb,c.png 1\n", "5,1")]
    [InlineData("labels.tsv", "file\ttext\tclass\na.png\tq\tdog\nb,c.png\tr\tcat\n", "1,0")]
    public void Labels_files_of_every_form_are_read(string name, string text, string expected)
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 2, 2, (_, _) => SKColors.Red);
        Files.Image(folder.File("b,c.png"), 2, 2, (_, _) => SKColors.Red);
        File.WriteAllText(folder.File(name), text);
        IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 3, 2, 2)], new DataOptions());
        Assert.Equal(expected, string.Join(",", Enumerable.Range(0, 2).Select(i => data.Read(i).Label)));
    }

    [Fact]
    public void An_unclear_class_column_is_asked_for_and_can_be_named()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 2, 2, (_, _) => SKColors.Red);
        File.WriteAllText(folder.File("l.tsv"), "file\tshape\tsize\na.png\tround\tbig\na.png\tround\tbig\n");
        ValueInfo[] inputs = [Files.Input(null, 3, 2, 2)];
        var error = Assert.Throws<DataException>(() => DataSets.Open(folder.Path, inputs, new DataOptions { Labels = folder.File("l.tsv") }));
        Assert.Contains("shape, size", error.Message, StringComparison.Ordinal);
        IDataSet data = DataSets.Open(folder.Path, inputs, new DataOptions { Labels = folder.File("l.tsv") + ":size" });
        Assert.Equal(["big"], data.ClassNames);
    }

    [Fact]
    public void Labels_that_name_no_file_here_are_refused()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 2, 2, (_, _) => SKColors.Red);
        File.WriteAllText(folder.File("labels.txt"), "z.png 1\n");
        var error = Assert.Throws<DataException>(() => DataSets.Open(folder.Path, [Files.Input(null, 3, 2, 2)], new DataOptions()));
        Assert.Contains("do not match", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Targets_of_a_table_go_with_their_files()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 2, 2, (_, _) => SKColors.Red);
        Files.Image(folder.File("b.png"), 2, 2, (_, _) => SKColors.Red);
        File.WriteAllText(folder.File("t.csv"), "file,x,y\nb.png,1.5,2\na.png,-1,0.25\n");
        IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 3, 2, 2)], new DataOptions { Targets = folder.File("t.csv") });
        Assert.Equal([-1, 0.25f], data.Read(0).Target!.ToFloats());
        Assert.Equal([1.5f, 2], data.Read(1).Target!.ToFloats());
    }

    [Fact]
    public void ONNX_test_sets_come_in_the_order_of_the_inputs()
    {
        string node = Paths.Shared("data/onnx-node-tests/test_add_bcast");
        ValueInfo[] inputs = [new("x", ElementType.Float, [3, 4, 5]), new("y", ElementType.Float, [5])];
        IDataSet data = DataSets.Open(node, inputs, new DataOptions());
        Sample sample = data.Read(0);
        float[] x = sample.Inputs["x"].ToFloats();
        float[] y = sample.Inputs["y"].ToFloats();
        Assert.Equal(x.Select((v, i) => v + y[i % 5]), sample.Target!.ToFloats());
        var error = Assert.Throws<DataException>(() => DataSets.Open(node, [.. inputs.Reverse()], new DataOptions()).Read(0));
        Assert.Contains("'y'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_written_tensor_reads_back()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("test_data_set_0"));
        TensorFile.Write(folder.File("test_data_set_0/input_0.pb"), "x", Tensor.Of((float[])[1, 2], 1, 2));
        Assert.Equal([1, 2], DataSets.Open(folder.Path, [Files.Input(1, 2)], new DataOptions()).Read(0).Inputs["x"].ToFloats());
        File.WriteAllBytes(folder.File("test_data_set_0/input_0.pb"), [0xFF, 1, 2]);
        Assert.Contains("input_0.pb", Assert.Throws<DataException>(() => DataSets.Open(folder.Path, [Files.Input(1, 2)], new DataOptions()).Read(0)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nothing-here", "no data")]
    [InlineData("", "nothing that is read")]
    public void A_path_without_data_says_so(string path, string part)
    {
        using var folder = new TemporaryFolder();
        Assert.Contains(part, Assert.Throws<DataException>(() => DataSets.Open(folder.File(path), [s_cifar], new DataOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_draws_the_same_samples_for_the_same_seed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("x-images-idx3-ubyte"), Files.Idx([.. Enumerable.Range(0, 200).Select(i => (byte)i)], 200, 1, 1));
        float[] Drawn(int seed)
        {
            IDataSet data = DataSets.Open(folder.Path, [Files.Input(null, 1, 1, 1)], new DataOptions { Limit = 20, Seed = seed });
            return [.. Enumerable.Range(0, data.Count).Select(i => data.Read(i).Inputs["x"].ToFloats()[0])];
        }

        Assert.Equal(Drawn(1), Drawn(1));
        Assert.NotEqual(Drawn(1), Drawn(2));
        Assert.Equal(20, Drawn(3).Distinct().Count());
        Assert.Equal(Drawn(1).Order(), Drawn(1));
    }

    private static void Write(string path, byte[] bytes, bool gzip) => File.WriteAllBytes(path, gzip ? Files.Gzip(bytes) : bytes);
}
