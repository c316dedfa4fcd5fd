using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>Models with one thing wrong each, around a quantized convolution and a pool: refused by name, or run.</summary>
public sealed class HostileCaseTests
{
    public static TheoryData<string, Action<Model>> Refused => new()
    {
        { "conv", m => Find(m, "conv").With("group", 0) },
        { "conv", m => Find(m, "conv").With("group", 3) },
        { "conv", m => Find(m, "conv").With("strides", [0L, 1]) },
        { "conv", m => Find(m, "conv").With("strides", [1L << 32, 1]) },
        { "conv", m => Find(m, "conv").With("dilations", [1L, 0]) },
        { "conv", m => Find(m, "conv").With("dilations", [1L, long.MaxValue]) },
        { "conv", m => Find(m, "conv").With("pads", [-1L, 0, 0, 0]) },
        { "conv", m => Find(m, "conv").With("pads", [0L, 0, 0, (1L << 32) + 1]) },
        { "conv", m => Find(m, "conv").With("pads", [0L, 0, 0]) },
        { "conv", m => Find(m, "conv").With("pads", [500_000L, 500_000, 500_000, 500_000]) },
        { "conv", m => Find(m, "conv").With("auto_pad", "SOMEHOW") },
        { "pool", m => Find(m, "pool").With("kernel_shape", [int.MaxValue, 2L]) },
        { "pool", m => Find(m, "pool").With("kernel_shape", [0L, 2]) },
        { "pool", m => Find(m, "pool").With("kernel_shape", [-2L, 2]) },
        { "pool", m => Find(m, "pool").With("pads", [2L, 2, 2, 2]) },
        { "wq", m => Find(m, "wq").With("axis", 4) },
        { "wq", m => m.Graph.SetConstant("ws", Tensor.Of([1f, 1, 1], 3)) },
        { "xd", m => m.Graph.SetConstant("xz", Tensor.Scalar((sbyte)3)) },
        { "xd", m => m.Graph.SetConstant("xz", Tensor.Scalar(3f)) },
        { "conv", m => m.Graph.SetConstant("w", new Tensor(ElementType.Int8, [4, 3, 3, 3], new byte[108])) },
        { "nowhere", m => m.Graph.SetInput(Find(m, "xd"), 0, "nowhere") },
        { "conv", m => m.Graph.SetInput(Find(m, "conv"), 0, "") },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void It_is_refused_by_name(string name, Action<Model> harm)
    {
        Model model = Make();
        harm(model);
        ModelException error = Assert.Throws<ModelException>(() => EngineSession.Load(model));
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
    }

    // floats of no use are still floats: what ONNX says of them is computed
    [Theory]
    [InlineData("xs", 0f)]
    [InlineData("xs", float.NaN)]
    [InlineData("xs", float.PositiveInfinity)]
    [InlineData("xs", -1f)]
    [InlineData("xs", float.Epsilon)]
    [InlineData("xs", float.MaxValue)]
    [InlineData("ys", 0f)]
    [InlineData("ys", float.NaN)]
    [InlineData("ys", float.PositiveInfinity)]
    [InlineData("ys", -1f)]
    [InlineData("ys", float.Epsilon)]
    [InlineData("ys", float.MaxValue)]
    public void Scales_that_say_nothing_do_no_harm(string scale, float value)
    {
        Model model = Make();
        model.Graph.SetConstant(scale, Tensor.Scalar(value));
        using EngineSession session = EngineSession.Load(model);
        Assert.Equal([1L, 4, 4, 4], session.Run(new Dictionary<string, Tensor> { ["x"] = new Tensor(ElementType.UInt8, [1, 2, 5, 5], new byte[50]) })["y"].Dims.AsSpan());
    }

    [Theory]
    [InlineData(1L << 40, 2, 5, 5)]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue)]
    [InlineData(-1, 2, 5, 5)]
    [InlineData(1 << 20, 2, 1 << 20, 5)]
    public void Lengths_beyond_memory_are_refused_by_name(long batch, long channels, long height, long width)
    {
        ModelException error = Assert.Throws<ModelException>(() => EngineSession.Load(Make(batch, channels, height, width)));
        Assert.Contains("'x'", error.Message, StringComparison.Ordinal);
    }

    // room around an image is memory too
    [Fact]
    public void Borders_that_no_memory_holds_are_left_to_the_plain_operator()
    {
        Model model = Make();
        Find(model, "conv").With("pads", [40_000L, 40_000, 0, 0]).With("strides", [39_990L, 39_990]);
        using EngineSession session = EngineSession.Load(model, new EngineOptions { MaxMemory = 1 << 20 });
        Assert.Equal([1L, 4, 2, 2], session.Run(new Dictionary<string, Tensor> { ["x"] = new Tensor(ElementType.UInt8, [1, 2, 5, 5], new byte[50]) })["c"].Dims.AsSpan());
    }

    // each is small in the file
    [Fact]
    public void Constants_that_grow_are_refused()
    {
        Model model = Model.Create(13, [], Enumerable.Range(0, 20).Select(i => new ValueInfo($"y{i}", ElementType.Undefined, null)));
        model.Graph.SetConstant("one", Tensor.Of([1f], 1));
        model.Graph.SetConstant("shape", Tensor.Of([100L << 20], 1));
        for (int i = 0; i < 20; i++)
        {
            model.Graph.Add(new Node($"grow{i}", "Expand", ["one", "shape"], [$"y{i}"]));
        }

        ModelException error = Assert.Throws<ModelException>(() => EngineSession.Load(model, new EngineOptions { MaxMemory = 300L << 20 }));
        Assert.Contains("'grow0'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_beyond_a_thousand_are_refused()
    {
        ValueInfo[] inputs = [.. Enumerable.Range(0, 100_000).Select(i => new ValueInfo($"x{i}", ElementType.Float, [1]))];
        Model model = Model.Create(13, inputs, [new ValueInfo("y", ElementType.Float, [1])]);
        model.Graph.Add(new Node("copy", "Identity", ["x0"], ["y"]));
        ModelException error = Assert.Throws<ModelException>(() => EngineSession.Load(model));
        Assert.Contains("100000 inputs", error.Message, StringComparison.Ordinal);
    }

    private static Node Find(Model model, string name) => model.Graph.Nodes.Single(n => n.Name == name);

    private static Model Make(params long[] dims)
    {
        Model model = Model.Create(
            13,
            [new ValueInfo("x", ElementType.UInt8, [.. (dims.Length > 0 ? dims : [1, 2, 5, 5]).Select(d => (long?)d)])],
            [new ValueInfo("c", ElementType.Undefined, null), new ValueInfo("y", ElementType.Undefined, null)]);
        Graph graph = model.Graph;
        graph.SetConstant("xs", Tensor.Scalar(0.02f));
        graph.SetConstant("xz", Tensor.Scalar((byte)3));
        graph.SetConstant("ws", Tensor.Of([0.01f, 0.02f, 0.03f, 0.04f], 4));
        graph.SetConstant("w", new Tensor(ElementType.Int8, [4, 2, 3, 3], Enumerable.Range(0, 72).Select(i => (byte)(i * 37)).ToArray()));
        graph.SetConstant("ys", Tensor.Scalar(0.1f));
        graph.SetConstant("yz", Tensor.Scalar((byte)100));
        graph.Add(new Node("xd", "DequantizeLinear", ["x", "xs", "xz"], ["xf"]));
        graph.Add(new Node("wq", "DequantizeLinear", ["w", "ws"], ["wf"]).With("axis", 0));
        graph.Add(new Node("conv", "Conv", ["xf", "wf"], ["cf"]).With("pads", [1L, 1, 1, 1]));
        graph.Add(new Node("cq", "QuantizeLinear", ["cf", "ys", "yz"], ["c"]));
        graph.Add(new Node("cd", "DequantizeLinear", ["c", "ys", "yz"], ["pf"]));
        graph.Add(new Node("pool", "MaxPool", ["pf"], ["mf"]).With("kernel_shape", [2L, 2]));
        graph.Add(new Node("pq", "QuantizeLinear", ["mf", "ys", "yz"], ["y"]));
        return model;
    }
}
