using System.Globalization;
using Google.Protobuf;
using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests;

/// <summary>Payloads in files beside the model: found, mapped and bounded; whatever points elsewhere is refused.</summary>
public sealed class ExternalDataTests
{
    /// <summary>Location, offset and length of a 12-byte payload, and the words that the sentence must have.</summary>
    public static TheoryData<string, string, string, string[]> Refused => new()
    {
        { "missing.bin", "0", "12", ["'w'", "'missing.bin'", "not there"] },
        { "", "0", "12", ["'w'", "outside"] },
        { "../secret.bin", "0", "12", ["'w'", "'../secret.bin'", "outside"] },
        { "sub/../../secret.bin", "0", "12", ["outside"] },
        { "sub/../data.bin", "0", "12", ["'sub/../data.bin'"] },
        { "..\\secret.bin", "0", "12", ["outside"] },
        { "/etc/hostname", "0", "12", ["'/etc/hostname'", "outside"] },
        { ".", "0", "12", ["outside"] },
        { "data.bin\0.txt", "0", "12", ["outside"] },
        { "out.bin", "0", "12", ["'out.bin'", "outside"] }, // a link
        { "through/secret.bin", "0", "12", ["outside"] }, // a link to a folder
        { "sub", "0", "12", ["'sub'", "not there"] },
        { "data.bin", "9", "12", ["'w'", "12 bytes", "byte 9", "20 bytes"] },
        { "data.bin", "21", "12", ["byte 21"] },
        { "data.bin", "9223372036854775807", "12", ["'w'", "20 bytes"] },
        { "data.bin", "-1", "12", ["'-1'"] },
        { "data.bin", "99999999999999999999", "12", ["'99999999999999999999'"] },
        { "data.bin", "0x4", "12", ["'0x4'"] },
        { "data.bin", "0", "11", ["'w'", "'11'"] },
        { "data.bin", "0", "-12", ["'-12'"] },
        { "data.bin", "0", "9223372036854775807", ["'9223372036854775807'"] },
        { "empty.bin", "0", "12", ["'w'", "0 bytes"] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_points_outside_or_is_not_there_is_refused(string location, string offset, string length, string[] words)
    {
        using TemporaryFolder folder = Folder();
        string path = Path.Combine(folder.Path, "model", "m.onnx");
        File.WriteAllBytes(path, WithEntry(location, offset, length).ToByteArray());
        BadModelTests.AssertRefusedFile(path, words);
    }

    [Theory]
    [InlineData("data.bin")]
    [InlineData("./data.bin")]
    [InlineData("sub/more.bin")]
    public void A_file_beside_the_model_or_below_is_read(string location)
    {
        using TemporaryFolder folder = Folder();
        string path = Path.Combine(folder.Path, "model", "m.onnx");
        File.WriteAllBytes(path, WithEntry(location, "4", "12").ToByteArray());
        Tensor w = Model.Load(path).Graph.Constant("w")!;
        Assert.True(w.IsMapped);
        Assert.Equal(Enumerable.Range(4, 12).Select(i => (byte)i), w.Bytes.ToArray());
    }

    [Fact]
    public void A_model_from_memory_has_no_folder() =>
        Assert.Contains("'data.bin'", Assert.Throws<ModelException>(() => Model.Parse(WithEntry("data.bin", "0", "12").ToByteArray())).Message, StringComparison.Ordinal);

    [Fact]
    public void Payloads_of_attributes_subgraphs_and_sparse_initializers_come_inside()
    {
        using TemporaryFolder folder = Folder();
        string path = Path.Combine(folder.Path, "model", "m.onnx");
        ModelProto proto = WithEntry("data.bin", "4", "12");
        TensorProto Outside(string name) => new(proto.Graph.Initializer[0]) { Name = name };
        GraphProto then = proto.Graph.Node[2].Attribute[0].G;
        then.Initializer.Add(Outside("inner"));
        then.Node.Add(new NodeProto { Name = "k", OpType = "Constant", Output = { "k" }, Attribute = { new AttributeProto { Name = "value", Type = 4, T = Outside("k") } } });
        proto.Graph.SparseInitializer.Add(new SparseTensorProto { Values = Outside("sparse"), Indices = new TensorProto { Name = "i", DataType = 7, Dims = { 3 }, RawData = ByteString.CopyFrom(new byte[24]) }, Dims = { 9 } });
        File.WriteAllBytes(path, proto.ToByteArray());

        string moved = folder.File("moved.onnx"); // without data.bin beside it
        Model.Load(path).Save(moved);
        GraphProto graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(moved)).Graph;
        GraphProto inner = graph.Node[2].Attribute[0].G;
        byte[] expected = [.. Enumerable.Range(4, 12).Select(i => (byte)i)];
        Assert.All([graph.Initializer[0], inner.Initializer[0], inner.Node[^1].Attribute[0].T, graph.SparseInitializer[0].Values], t =>
        {
            Assert.Equal(0, t.DataLocation);
            Assert.Empty(t.ExternalData);
            Assert.Equal(expected, t.RawData.ToByteArray());
        });
    }

    [Fact]
    public void The_same_place_is_the_same_payload_and_is_saved_once()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = new byte[40_000];
        new Random(3).NextBytes(bytes);
        var model = Model.Create(13, [new("x", ElementType.Float, [1])], [new("y", ElementType.Float, null)]);
        Tensor tied = new(ElementType.Float, [10_000], bytes);
        model.Graph.SetConstant("a", tied);
        model.Graph.SetConstant("b", tied.Reshape(100, 100));
        model.Graph.SetConstant("c", new Tensor(ElementType.Float, [10_000], (byte[])bytes.Clone())); // equal, and not the same
        model.Graph.Add(new Node("n", "Sum", ["x", "a", "c"], ["s"]));
        model.Graph.Add(new Node("m", "ReduceSum", ["b"], ["r"]).With("keepdims", 0));
        model.Graph.Add(new Node("o", "Add", ["s", "r"], ["y"]));
        model.Save(folder.File("m.onnx"), externalData: true);
        Assert.InRange(new FileInfo(folder.File("m.onnx.data")).Length, 80_000, 90_000);

        // and again, after the way through a file
        var loaded = Model.Load(folder.File("m.onnx"));
        loaded.Save(folder.File("again.onnx"), externalData: true);
        Assert.InRange(new FileInfo(folder.File("again.onnx.data")).Length, 80_000, 90_000);
        Dictionary<string, Tensor> feed = new() { ["x"] = Tensor.Of([1f], 1) };
        Assert.True(Outputs.Same(Ort.Run(model, feed), Ort.Run(loaded, feed)));
    }

    [Fact]
    public void Small_payloads_stay_in_the_model_and_the_rest_is_aligned()
    {
        using TemporaryFolder folder = new();
        var model = Model.Create(13, [new("x", ElementType.Float, [500])], [new("y", ElementType.Float, null)]);
        model.Graph.SetConstant("small", Tensor.Scalar(2f));
        model.Graph.SetConstant("one", Tensor.Of(new float[500], 500));
        model.Graph.SetConstant("two", Tensor.Of(new float[500], 500));
        model.Graph.Add(new Node("n", "Sum", ["x", "small", "one", "two"], ["y"]));
        model.Save(folder.File("m.onnx"), externalData: true);
        var proto = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("m.onnx")));
        Assert.Equal(0, proto.Graph.Initializer.Single(i => i.Name == "small").DataLocation);
        Assert.All(proto.Graph.Initializer.Where(i => i.Name != "small"), i =>
        {
            Assert.Equal("m.onnx.data", i.ExternalData.Single(e => e.Key == "location").Value);
            Assert.Equal(0, long.Parse(i.ExternalData.Single(e => e.Key == "offset").Value, CultureInfo.InvariantCulture) % 4096);
        });

        // the one file again
        Model.Load(folder.File("m.onnx")).Save(folder.File("inline.onnx"));
        Assert.False(File.Exists(folder.File("inline.onnx.data")));
        Assert.All(ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("inline.onnx"))).Graph.Initializer, i => Assert.Equal(0, i.DataLocation));
    }

    // model/{data.bin of 20 bytes, empty.bin, sub/more.bin, out.bin -> ../secret.bin, through -> ..} beside secret.bin
    private static TemporaryFolder Folder()
    {
        TemporaryFolder folder = new();
        byte[] bytes = [.. Enumerable.Range(0, 20).Select(i => (byte)i)];
        File.WriteAllBytes(folder.File("secret.bin"), bytes);
        Directory.CreateDirectory(folder.File("model/sub"));
        File.WriteAllBytes(folder.File("model/data.bin"), bytes);
        File.WriteAllBytes(folder.File("model/sub/more.bin"), bytes);
        File.WriteAllBytes(folder.File("model/empty.bin"), []);
        File.CreateSymbolicLink(folder.File("model/out.bin"), folder.File("secret.bin"));
        Directory.CreateSymbolicLink(folder.File("model/through"), folder.Path);
        return folder;
    }

    private static ModelProto WithEntry(string location, string offset, string length)
    {
        ModelProto model = BadModelTests.Good();
        TensorProto w = model.Graph.Initializer[0];
        w.ClearRawData();
        w.DataLocation = TensorFormat.External;
        foreach ((string key, string value) in ((string, string)[])[("location", location), ("offset", offset), ("length", length)])
        {
            w.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
        }

        return model;
    }
}
