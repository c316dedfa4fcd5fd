using System.Diagnostics;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Tests;

/// <summary>Files that are no models, damaged or hostile: one sentence that names the file and the part, in bounded time and memory.</summary>
public sealed class BadModelTests
{
    private static readonly byte[] s_good = Good().ToByteArray();

    /// <summary>What is wrong, and the words that the sentence must have.</summary>
    public static TheoryData<string, string[]> Graphs => new()
    {
        { "cycle", ["cycle", "'a'"] },
        { "cycle of one", ["cycle", "'a'"] },
        { "value made twice", ["'t'", "twice", "'b'"] },
        { "value made by an initializer too", ["'w'", "twice", "'a'"] },
        { "value made by an input too", ["'x'", "twice", "'a'"] },
        { "input twice", ["input 'x' twice"] },
        { "no outputs", ["no outputs"] },
        { "output twice", ["output 'y' twice"] },
        { "initializer twice", ["'w'", "twice"] },
        { "input nobody makes", ["'b'", "'nowhere'"] },
        { "output nobody makes", ["output 'nowhere'"] },
        { "output without a name", ["output ''"] },
        { "input without a name", ["input", "no name"] },
        { "initializer without a name", ["initializer", "no name"] },
        { "node without an operator", ["'b'", "no operator"] },
        { "node without outputs", ["'b'", "(Add)", "no output"] },
        { "capture of nothing", ["'c'", "(If)", "'nowhere'"] },
        { "capture of nothing, two deep", ["'c'", "(If)", "'nowhere'"] },
        { "cycle in a subgraph", ["subgraph 'then'", "'c'", "cycle"] },
        { "value made twice in a subgraph", ["'u'", "twice", "subgraph 'then'", "'c'"] },
        { "cycle through a subgraph", ["cycle"] },
        { "no opset", ["operator set", "'a'"] },
        { "opset 0", ["operator set 0"] },
        { "two opsets", ["operator set 13 and 17"] },
        { "no graph", ["no graph"] },
        { "negative length", ["'w'", "-3"] },
        { "lengths that overflow", ["'w'", "no tensor can have"] },
        { "huge length", ["'w'", "1000000000000"] },
        { "too few bytes", ["'w'", "12 bytes", "8"] },
        { "too few values", ["'w'", "3 values", "1"] },
        { "unknown element type outside", ["'w'", "element type 99"] },
    };

    [Theory]
    [MemberData(nameof(Graphs))]
    public void A_graph_that_cannot_be_is_refused(string what, string[] words)
    {
        ModelProto model = Good();
        Break(model.Graph, model, what);
        AssertRefused(model.ToByteArray(), words);
    }

    [Fact]
    public void The_model_that_these_are_made_of_is_good() => Assert.Equal(3, Model.Parse(s_good).Graph.Nodes.Count);

    [Fact]
    public void Every_truncation_is_refused()
    {
        for (int length = 0; length < s_good.Length; length++)
        {
            AssertRefused(s_good[..length], []);
        }
    }

    public static TheoryData<string> Magics => ["png", "zip", "gzip", "tflite", "json", "elf", "zeros", "ones", "text"];

    [Theory]
    [MemberData(nameof(Magics))]
    public void Other_kinds_of_files_are_refused(string kind)
    {
        byte[] head = kind switch
        {
            "png" => [0x89, .. "PNG\r\n"u8, 0x1A, 10, 0, 0, 0, 13, .. "IHDR"u8],
            "zip" => [.. "PK"u8, 3, 4, 20, 0],
            "gzip" => [0x1F, 0x8B, 8, 0],
            "tflite" => [0x1C, 0, 0, 0, .. "TFL3"u8],
            "json" => [.. "{\"nodes\": []}"u8],
            "elf" => [0x7F, .. "ELF"u8, 2, 1, 1],
            "zeros" => new byte[64],
            "ones" => [.. Enumerable.Repeat((byte)255, 64)],
            _ => [.. "This is a text and no model at all."u8],
        };
        AssertRefused([.. head, .. new byte[100]], ["not an ONNX model"]);
    }

    [Fact]
    public void Absurd_nesting_is_refused()
    {
        // a subgraph in a subgraph, 5,000 times
        byte[] inner = [];
        for (int i = 0; i < 5000; i++)
        {
            inner = Field(1, Field(5, Field(6, inner)));
        }

        AssertRefused(Field(7, inner), ["nested"]);
    }

    [Fact]
    public void Many_tiny_parts_are_refused_before_they_take_memory()
    {
        // ten million empty nodes of two bytes each
        byte[] nodes = [.. Enumerable.Repeat((byte[])[0x0A, 0], 10_000_000).SelectMany(b => b)];
        AssertRefused(Field(7, nodes), ["memory"]);
    }

    [Fact]
    public void A_hundred_thousand_nodes_back_to_front_and_all_of_one_name_are_sorted_soon()
    {
        ModelProto proto = Good();
        proto.Graph.Node.Clear();
        proto.Graph.Node.Add(Enumerable.Range(0, 100_000).Reverse().Select(i => Node("same", "Relu", [i == 0 ? "x" : $"v{i}"], [$"v{i + 1}"])));
        proto.Graph.Output.Clear();
        proto.Graph.Output.Add(Float("v100000"));
        byte[] bytes = proto.ToByteArray();
        var watch = Stopwatch.StartNew();
        Graph graph = Model.Parse(bytes).Graph;
        Assert.Equal("v1", graph.Nodes[0].Outputs[0]);
        Assert.Equal(100_000, graph.Nodes.Select(n => n.Name).Distinct().Count());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}"); // a second or less; quadratic work takes minutes

        proto.Graph.Node[^1].Input[0] = "v100000";
        AssertRefused(proto.ToByteArray(), ["cycle"]);
    }

    [Fact]
    public void Sharing_a_name_is_no_fault_of_nodes()
    {
        ModelProto proto = Good();
        proto.Graph.Node[1].Name = "a";
        proto.Graph.Node[2].Name = "";
        Graph graph = Model.Parse(proto.ToByteArray()).Graph;
        Assert.Equal(3, graph.Nodes.Select(n => n.Name).Where(n => n.Length > 0).Distinct().Count());
    }

    [Fact]
    public void A_file_that_is_missing_empty_or_no_file_is_named()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("nothing.onnx", Assert.ThrowsAny<IOException>(() => Model.Load(folder.File("nothing.onnx"))).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<IOException>(() => Model.Load(folder.Path));
        File.WriteAllBytes(folder.File("empty.onnx"), []);
        AssertRefusedFile(folder.File("empty.onnx"), ["empty"]);
        if (File.Exists("/dev/zero"))
        {
            AssertRefusedFile("/dev/zero", ["empty"]);
        }
    }

    [Fact]
    public void A_file_beyond_2_GB_is_refused_unread()
    {
        using TemporaryFolder folder = new();
        using (FileStream file = File.Create(folder.File("long.onnx")))
        {
            file.SetLength(5L << 30);
        }

        AssertRefusedFile(folder.File("long.onnx"), ["5368709120 bytes", "2 GB"]);
    }

    /// <summary>A Relu, an Add with an initializer and an If that captures.</summary>
    internal static ModelProto Good()
    {
        GraphProto Branch(string name, string op) => new() { Name = name, Node = { Node(op == "Neg" ? "n" : "p", op, ["t"], ["u"]), Node("i", "Identity", ["u"], ["v"]) }, Output = { Float("v") } };
        var graph = new GraphProto
        {
            Name = "g",
            Node =
            {
                Node("a", "Relu", ["x"], ["t"]),
                Node("b", "Add", ["t", "w"], ["s"]),
                Node("c", "If", ["flag"], ["y"]),
            },
            Initializer = { new TensorProto { Name = "w", DataType = 1, Dims = { 3 }, RawData = ByteString.CopyFrom(new byte[12]) } },
            Input = { Float("x"), new ValueInfoProto { Name = "flag", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 9 } } } },
            Output = { Float("y"), Float("s") },
        };
        graph.Node[2].Attribute.Add(new AttributeProto { Name = "then_branch", Type = 5, G = Branch("then", "Neg") });
        graph.Node[2].Attribute.Add(new AttributeProto { Name = "else_branch", Type = 5, G = Branch("else", "Abs") });
        return new ModelProto { IrVersion = 8, Graph = graph, OpsetImport = { new OperatorSetIdProto { Version = 13 } } };
    }

    private static void Break(GraphProto graph, ModelProto model, string what)
    {
        (NodeProto a, NodeProto b, NodeProto c) = (graph.Node[0], graph.Node[1], graph.Node[2]);
        GraphProto then = c.Attribute[0].G;
        TensorProto w = graph.Initializer[0];
        Action change = what switch
        {
            "cycle" => () => a.Input[0] = "s",
            "cycle of one" => () => a.Input[0] = "t",
            "value made twice" => () => b.Output[0] = "t",
            "value made by an initializer too" => () => a.Output[0] = "w",
            "value made by an input too" => () => a.Output[0] = "x",
            "input twice" => () => graph.Input.Add(Float("x")),
            "no outputs" => graph.Output.Clear,
            "output twice" => () => graph.Output.Add(Float("y")),
            "initializer twice" => () => graph.Initializer.Add(w.Clone()),
            "input nobody makes" => () => b.Input[0] = "nowhere",
            "output nobody makes" => () => graph.Output[0].Name = "nowhere",
            "output without a name" => () => graph.Output[0].Name = "",
            "input without a name" => () => graph.Input[0].Name = "",
            "initializer without a name" => () => w.Name = "",
            "node without an operator" => () => b.OpType = "",
            "node without outputs" => b.Output.Clear,
            "capture of nothing" => () => then.Node[0].Input[0] = "nowhere",
            "capture of nothing, two deep" => () => then.Node.Add(Deep("nowhere")),
            "cycle in a subgraph" => () => then.Node[0].Input[0] = "v",
            "value made twice in a subgraph" => () => then.Node[1].Output[0] = "u",
            "cycle through a subgraph" => () => a.Input[0] = "y",
            "no opset" => model.OpsetImport.Clear,
            "opset 0" => () => model.OpsetImport[0].Version = 0,
            "two opsets" => () => model.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx", Version = 17 }),
            "no graph" => () => model.Graph = null,
            "negative length" => () => w.Dims[0] = -3,
            "lengths that overflow" => () => w.Dims.Add([long.MaxValue, long.MaxValue]),
            "huge length" => () => w.Dims[0] = 1_000_000_000_000,
            "too few bytes" => () => w.RawData = ByteString.CopyFrom(new byte[8]),
            "too few values" => () => graph.Initializer[0] = new TensorProto { Name = "w", DataType = 1, Dims = { 3 }, FloatData = { 1 } },
            _ => () => (w.DataType, w.DataLocation) = (99, TensorFormat.External),
        };
        change();
    }

    private static NodeProto Deep(string capture)
    {
        NodeProto node = Node("deep", "If", ["flag"], ["d"]);
        node.Attribute.Add(new AttributeProto { Name = "then_branch", Type = 5, G = new GraphProto { Name = "inner", Node = { Node("r", "Relu", [capture], ["e"]) }, Output = { Float("e") } } });
        return node;
    }

    private static NodeProto Node(string name, string op, string[] inputs, string[] outputs) => new() { Name = name, OpType = op, Input = { inputs }, Output = { outputs } };

    private static ValueInfoProto Float(string name) => new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } };

    private static byte[] Field(int number, byte[] content)
    {
        using MemoryStream stream = new();
        using (CodedOutputStream output = new(stream, leaveOpen: true))
        {
            output.WriteTag(number, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(content));
        }

        return stream.ToArray();
    }

    private static void AssertRefused(byte[] bytes, string[] words)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("bad.onnx"), bytes);
        AssertRefusedFile(folder.File("bad.onnx"), words);
    }

    /// <summary>One sentence with those words and the file, within a second and 256 MB beyond the file.</summary>
    internal static void AssertRefusedFile(string path, string[] words)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        string message = Assert.Throws<ModelException>(() => Model.Load(path)).Message;
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        long length = Math.Min(new FileInfo(path).Length, 1 << 30);
        Assert.True(allocated < (256L << 20) + length, $"{allocated} bytes allocated");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"took {watch.Elapsed}"); // far more than any takes, and than a busy machine adds
        Assert.All((string[])[Path.GetFileName(path), .. words], word => Assert.Contains(word, message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', message);
        Assert.True(message.Length < 600, message);
    }
}
