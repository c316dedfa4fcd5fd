using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Halftone.Onnx;
using SkiaSharp;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>The same images, stored in every way that --data takes, must measure the same; and what they hold must reach the model as it is.</summary>
public sealed class DataTests : IDisposable
{
    private const int Count = 80;

    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _pixels;
    private readonly byte[] _labels;

    public DataTests() => (_pixels, _labels) = Bundled.Test(Count);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_way_of_storing_images_measures_the_same()
    {
        Bundled.Images(_folder, 20, Count);
        double expected = await Measured(_folder.File("fashion-mnist"));
        Assert.InRange(expected, 80, 99.9);
        foreach ((string ending, SKEncodedImageFormat? format) in ((string, SKEncodedImageFormat?)[])[("png", SKEncodedImageFormat.Png), ("webp", SKEncodedImageFormat.Webp), ("bmp", null)])
        {
            Assert.Equal(expected, await Measured(ClassFolders(ending, format)));
        }

        Assert.InRange(await Measured(ClassFolders("jpg", SKEncodedImageFormat.Jpeg)), expected - 4, expected + 4); // lossy
        (string images, string labels) = Flat();
        Assert.Equal(expected, await Measured(images, "--labels", labels));
        Assert.Equal(expected, await Measured(Path.Combine(images, "*.png"), "--labels", labels.Replace(".txt", ".csv", StringComparison.Ordinal)));
        Assert.Equal(expected, await Measured(Npy()));
        Assert.Equal(expected, await Measured(Npz()));
        string gz = _folder.File("gz/test-images-idx3-ubyte.gz");
        Directory.CreateDirectory(Path.GetDirectoryName(gz)!);
        Pack(_folder.File("fashion-mnist/test-images-idx3-ubyte"), gz);
        Pack(_folder.File("fashion-mnist/test-labels-idx1-ubyte"), gz.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal));
        Assert.Equal(expected, await Measured(gz));
        string words = _folder.File("same.json");
        File.WriteAllText(words, """{ "preset": "unit", "mean": 0.2860, "deviation": 0.3530, "layout": "nchw" }""");
        Assert.Equal(expected, await Measured(gz, "--preprocess", words));
    }

    [Fact]
    public async Task CIFAR_files_reach_the_model_plane_by_plane()
    {
        // y = mean over a plane; class 0, 1 or 2 as red, green or blue is brightest
        string model = _folder.File("brightest.onnx");
        Model made = Model.Create(13, [new ValueInfo("x", ElementType.Float, [null, 3, 32, 32])], [new ValueInfo("y", ElementType.Float, null)]);
        made.Graph.Add(new Node("mean", "ReduceMean", ["x"], ["y"]).With("axes", [2L, 3L]).With("keepdims", 0L));
        made.Save(model);
        byte[] Record(int plane) => [(byte)plane, .. Enumerable.Range(0, 3).SelectMany(p => Enumerable.Repeat((byte)(p == plane ? 200 : 40), 1024))];
        File.WriteAllBytes(_folder.File("test_batch.bin"), [.. Record(0), .. Record(1), .. Record(2), .. Record(1)]);
        Ran ran = await CommandLine.Run("evaluate", model, "--data", _folder.File("test_batch.bin"), "--json");
        Assert.Equal(100, Value(ran));
        Ran swapped = await CommandLine.Run("evaluate", model, "--data", _folder.File("test_batch.bin"), "--preprocess", "none,bgr", "--json");
        Assert.Equal(50, Value(swapped)); // green is still green
    }

    [Fact]
    public async Task Several_inputs_ids_and_a_carried_state_come_from_one_archive()
    {
        // ids pick a row of a table; y = state + row + bias is the next state: a running sum
        string model = _folder.File("sum.onnx");
        Model made = Model.Create(
            13,
            [new ValueInfo("ids", ElementType.Int64, [1]), new ValueInfo("bias", ElementType.Float, [1, 1]), new ValueInfo("state", ElementType.Float, [1, 1])],
            [new ValueInfo("y", ElementType.Float, [1, 1]), new ValueInfo("next", ElementType.Float, [1, 1])]);
        made.Graph.SetConstant("table", Tensor.Of(new float[] { 0, 10, 200 }, 3, 1));
        made.Graph.Add(new Node("row", "Gather", ["table", "ids"], ["r"]));
        made.Graph.Add(new Node("biased", "Add", ["r", "bias"], ["b"]));
        made.Graph.Add(new Node("sum", "Add", ["b", "state"], ["next"]));
        made.Graph.Add(new Node("copy", "Identity", ["next"], ["y"]));
        made.Save(model);
        Npz(_folder.File("sum.npz"), ("ids", Array("<i8", "(4,)", 2L, 1L, 0L, 1L)), ("bias", Array("<f4", "(4, 1)", 1f, 1f, 1f, 1f)));
        File.WriteAllText(_folder.File("sums.csv"), "y\n201\n212\n213\n224\n");
        string[] line = ["evaluate", model, "--data", _folder.File("sum.npz"), "--state", "next=state", "--targets", _folder.File("sums.csv"), "--metric", "mean-absolute-error:output=y", "--json"];
        Ran ran = await CommandLine.Run(line);
        Assert.Equal(0, Value(ran));

        Ran without = await CommandLine.Run("evaluate", model, "--data", _folder.File("sum.npz"), "--targets", _folder.File("sums.csv"));
        Assert.Equal(ExitCode.InvalidInput, without.Code);
        Assert.Contains("'state'", without.Error, StringComparison.Ordinal);
        Ran typo = await CommandLine.Run([.. line[..4], "--state", "nxt=state", .. line[6..]]);
        Assert.Equal(ExitCode.InvalidInput, typo.Code);
        Assert.Contains("'next'", typo.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tensor_sets_of_ONNX_are_compared()
    {
        Ran made = await CommandLine.Run("convert", Bundled.Resnet, "--to", "fp16", "-o", _folder.File("half.onnx"));
        Assert.True(made.Code is ExitCode.Ok, made.Error);
        for (int i = 0; i < 3; i++)
        {
            float[] x = [.. _pixels.Skip(i * 784).Take(784).Select(p => ((p / 255f) - 0.2860f) / 0.3530f)];
            string set = Directory.CreateDirectory(_folder.File($"sets/test_data_set_{i}")).FullName;

            // TensorProto: dims 1,1,28,28; data_type 1; raw_data, whose length 3136 takes two bytes
            byte[] head = [0x08, 1, 0x08, 1, 0x08, 28, 0x08, 28, 0x10, 1, 0x4A, 0xC0, 0x18];
            File.WriteAllBytes(Path.Combine(set, "input_0.pb"), [.. head, .. MemoryMarshal.AsBytes<float>(x)]);
        }

        Ran ran = await CommandLine.Run("compare", Bundled.Resnet, _folder.File("half.onnx"), "--data", _folder.File("sets"), "--json");
        JsonElement output = JsonElement.Parse(ran.Out).GetProperty("outputs")[0];
        Assert.Equal((3, 1.0), (output.GetProperty("rows").GetInt32(), output.GetProperty("argmaxAgreement").GetDouble()));
        Assert.InRange(output.GetProperty("sqnrDecibels").GetDouble(), 40, 90); // as fp16 rounds
    }

    [Fact]
    public async Task A_preprocessing_that_does_not_fit_is_said()
    {
        string data = Bundled.Images(_folder, 20, Count, "misfit");
        Ran range = await CommandLine.Run("evaluate", Bundled.Mobilenet, "--data", data);
        Assert.Matches("warning: The preprocessing 'x' gives accuracy .* Give --preprocess (unit|minus-one-to-one)", range.Error);
        Ran right = await CommandLine.Run("evaluate", Bundled.Mobilenet, "--data", data, "--preprocess", Bundled.Preprocessing);
        Assert.Empty(right.Error);

        // pictures of another size, and of another number of channels
        string other = _folder.File("large/1.png");
        Directory.CreateDirectory(Path.GetDirectoryName(other)!);
        using (SKBitmap bitmap = new(new SKImageInfo(40, 30, SKColorType.Rgba8888, SKAlphaType.Opaque)))
        using (FileStream file = File.Create(other))
        {
            bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
        }

        Ran size = await CommandLine.Run("compare", Bundled.Mobilenet, Bundled.Mobilenet, "--data", _folder.File("large"));
        Assert.Equal(ExitCode.InvalidInput, size.Code);
        Assert.Contains("30 x 40", size.Error, StringComparison.Ordinal);
        Assert.Contains("stretch, short-side or fit-height", size.Error, StringComparison.Ordinal);
        File.WriteAllBytes(_folder.File("test_batch.bin"), new byte[3 * 3073]);
        Ran kind = await CommandLine.Run("evaluate", Bundled.Mobilenet, "--data", _folder.File("test_batch.bin"));
        Assert.Equal(ExitCode.InvalidInput, kind.Code);
        Assert.Contains("32 x 32", kind.Error, StringComparison.Ordinal);
        Ran layout = await CommandLine.Run("compare", Bundled.Mobilenet, Bundled.Mobilenet, "--data", _folder.File("large"), "--preprocess", "unit,stretch,nhwc");
        Assert.Equal(ExitCode.InvalidInput, layout.Code);
        Assert.Contains("nchw", layout.Error, StringComparison.Ordinal);
        Ran colours = await CommandLine.Run("compare", Bundled.Mobilenet, Bundled.Mobilenet, "--data", _folder.File("large"), "--preprocess", "unit,stretch,bgr");
        Assert.Equal(ExitCode.InvalidInput, colours.Code);
        Assert.Contains("bgr", colours.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_split_every_fifth_sample_calibrates_and_the_rest_is_measured()
    {
        Ran ran = await CommandLine.Run("quantize", Bundled.Resnet, "--data", ClassFolders("png", SKEncodedImageFormat.Png), "--preprocess", Bundled.Preprocessing, "--range", "min-max", "-o", _folder.File("out"), "--json");
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        JsonElement outcome = JsonElement.Parse(ran.Out);
        Assert.Equal(Count / 5, outcome.GetProperty("calibration").GetProperty("samples").GetInt32());
        Assert.Equal(Count * 4 / 5, outcome.GetProperty("accuracy")[0].GetProperty("samples").GetInt32());
    }

    [Theory]
    [InlineData("test-images-idx3-ubyte")]
    [InlineData("")] // the same folder
    public async Task What_is_measured_by_name_does_not_calibrate(string measured)
    {
        string data = Bundled.Images(_folder, 20, Count, "both");
        Ran ran = await CommandLine.Run(
            "quantize", Bundled.Resnet, "--data", data, "--measure", Path.Combine(data, measured), "--preprocess", Bundled.Preprocessing, "--range", "min-max", "-o", _folder.File("out"), "--json");
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        JsonElement calibration = JsonElement.Parse(ran.Out).GetProperty("calibration");
        Assert.Equal(20, calibration.GetProperty("samples").GetInt32());
        Assert.Contains("calib-images", calibration.GetProperty("data").GetString()!, StringComparison.Ordinal);
    }

    private static async Task<double> Measured(string data, params string[] more)
    {
        string[] preprocess = more.Contains("--preprocess") ? [] : ["--preprocess", Bundled.Preprocessing];
        Ran ran = await CommandLine.Run(["evaluate", Bundled.Resnet, "--data", data, .. preprocess, .. more, "--json"]);
        Assert.True(ran.Code is ExitCode.Ok, $"{data}: {ran.Error}");
        Assert.Equal(Count, JsonElement.Parse(ran.Out).GetProperty("samples").GetInt32());
        return Value(ran);
    }

    private static double Value(Ran ran)
    {
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        return JsonElement.Parse(ran.Out).GetProperty("value").GetDouble();
    }

    private string ClassFolders(string ending, SKEncodedImageFormat? format)
    {
        string root = _folder.File(ending);
        for (int i = 0; i < Count; i++)
        {
            string path = Path.Combine(root, $"{_labels[i]}", $"{i:D3}.{ending}");
            if (format is { } known)
            {
                Bundled.Write(path, Image(i), known);
            }
            else
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllBytes(path, Bmp(Image(i)));
            }
        }

        return root;
    }

    private (string Images, string Labels) Flat()
    {
        string images = _folder.File("flat");
        string[] lines = [.. Enumerable.Range(0, Count).Select(i => $"{i:D3}.png {_labels[i]}")];
        for (int i = 0; i < Count; i++)
        {
            Bundled.Write(Path.Combine(images, $"{i:D3}.png"), Image(i));
        }

        File.WriteAllLines(_folder.File("flat.txt"), lines);
        File.WriteAllLines(_folder.File("flat.csv"), ["file,class", .. lines.Select(l => "flat/" + l.Replace(' ', ','))]);
        return (images, _folder.File("flat.txt"));
    }

    private string Npy()
    {
        string folder = Directory.CreateDirectory(_folder.File("npy")).FullName;
        File.WriteAllBytes(Path.Combine(folder, "x.npy"), Array("|u1", $"({Count}, 28, 28)", _pixels));
        File.WriteAllBytes(Path.Combine(folder, "y.npy"), Array("|u1", $"({Count},)", _labels));
        return Path.Combine(folder, "x.npy");
    }

    private string Npz()
    {
        string path = _folder.File("set.npz");
        Npz(path, ("input", Array("<f4", $"({Count}, 1, 28, 28)", [.. _pixels.Select(p => (float)p)])), ("labels", Array("<i8", $"({Count},)", [.. _labels.Select(l => (long)l)])));
        return path;
    }

    private ReadOnlySpan<byte> Image(int i) => _pixels.AsSpan(i * 784, 784);

    private static void Pack(string from, string to)
    {
        using var gzip = new GZipStream(File.Create(to), CompressionLevel.Fastest);
        gzip.Write(File.ReadAllBytes(from));
    }

    private static byte[] Array<T>(string type, string shape, params T[] values)
        where T : unmanaged
    {
        string head = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}\n";
        return [0x93, .. "NUMPY"u8, 1, 0, .. BitConverter.GetBytes((ushort)head.Length), .. Encoding.ASCII.GetBytes(head), .. MemoryMarshal.AsBytes<T>(values)];
    }

    private static void Npz(string path, params (string Name, byte[] Bytes)[] arrays)
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach ((string name, byte[] bytes) in arrays)
        {
            using Stream stream = zip.CreateEntry(name + ".npy").Open();
            stream.Write(bytes);
        }
    }

    // 24 bits a pixel, bottom row first; 28 pixels need no padding
    private static byte[] Bmp(ReadOnlySpan<byte> grey)
    {
        byte[] file = new byte[54 + (3 * 784)];
        "BM"u8.CopyTo(file);
        BitConverter.TryWriteBytes(file.AsSpan(2), file.Length);
        BitConverter.TryWriteBytes(file.AsSpan(10), 54);
        BitConverter.TryWriteBytes(file.AsSpan(14), 40);
        BitConverter.TryWriteBytes(file.AsSpan(18), 28);
        BitConverter.TryWriteBytes(file.AsSpan(22), 28);
        (file[26], file[28]) = (1, 24);
        for (int i = 0; i < 784; i++)
        {
            file.AsSpan(54 + (3 * ((27 - (i / 28)) * 28)) + (3 * (i % 28)), 3).Fill(grey[i]);
        }

        return file;
    }
}
