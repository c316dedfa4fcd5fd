using Halftone.Onnx.Opsets;
using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests.Opsets;

/// <summary>Every operator that is rewritten on the way, as old files have it, against ONNX Runtime's own old kernels.</summary>
public sealed class OldOperatorTests
{
    private static readonly Dictionary<string, Tensor> s_feed = new() { ["x"] = Floats(5, 2, 3, 4, 6), ["flag"] = Tensor.Scalar(true) };

    // operator set, operator, number of outputs, and attributes by name
    private static readonly (int Opset, string Op, int Outputs, (string, object)[] Attributes)[] s_cases =
    [
        .. from op in (string[])["Softmax", "LogSoftmax", "Hardmax"]
           from opset in (int[])[7, 11]
           from axis in (int?[])[null, 0, 1, 2, 3, -1, -2]
           where axis is null or >= 0 || opset >= 11
           select (opset, op, 1, axis is { } a ? new (string, object)[] { ("axis", (long)a) } : []),
        .. from op in (string[])["ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"]
           from axes in (long[]?[])[null, [1], [0, 2], [2, 3]]
           from keep in (long[])[0, 1]
           select (7, op, 1, axes is null ? new (string, object)[] { ("keepdims", keep) } : [("axes", axes), ("keepdims", keep)]),
        (7, "Clip", 1, [("min", -.25f), ("max", .5f)]),
        (7, "Clip", 1, [("min", -.25f)]),
        (7, "Clip", 1, [("max", .25f)]),
        (7, "Clip", 1, []),
        (7, "Pad", 1, [("pads", new long[] { 0, 0, 1, 2, 0, 0, 3, 1 }), ("value", 1.5f)]),
        (7, "Pad", 1, [("pads", new long[] { 0, 1, 1, 2, 0, 0, 3, 1 })]),
        (7, "Pad", 1, [("pads", new long[] { 0, 0, 1, 2, 0, 0, 3, 1 }), ("mode", "reflect")]),
        (7, "Pad", 1, [("pads", new long[] { 0, 0, 1, 2, 0, 0, 3, 1 }), ("mode", "edge")]),
        (7, "Slice", 1, [("starts", new long[] { 1, 0 }), ("ends", new long[] { 2, 9999 })]),
        (7, "Slice", 1, [("starts", new long[] { 1, -3 }), ("ends", new long[] { -1, 5 }), ("axes", new long[] { 1, 3 })]),
        (7, "TopK", 2, [("k", 2L), ("axis", 3L)]),
        (7, "Split", 2, [("split", new long[] { 1, 3 }), ("axis", 2L)]),
        (7, "Split", 2, [("axis", 3L)]),
        (7, "Unsqueeze", 1, [("axes", new long[] { 0, 3 })]),
        (11, "Unsqueeze", 1, [("axes", new long[] { -1 })]),
        (7, "Upsample", 1, [("scales", new[] { 1f, 1, 2, 3 })]),
        (7, "Upsample", 1, [("scales", new[] { 1f, 1, 2, 3 }), ("mode", "linear")]),
        (7, "Upsample", 1, [("scales", new[] { 1f, 1, 1.5f, 1.25f })]),
        (7, "Dropout", 2, [("ratio", .3f)]),
        (7, "Dropout", 1, []),
        (7, "Flatten", 1, [("axis", 2L)]),
        (7, "LpPool", 1, [("kernel_shape", new long[] { 2, 2 })]),
        (7, "MaxPool", 1, [("kernel_shape", new long[] { 3, 2 }), ("strides", new long[] { 2, 1 }), ("auto_pad", "SAME_LOWER")]),
        (7, "AveragePool", 1, [("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }), ("count_include_pad", 1L)]),
        (7, "LRN", 1, [("size", 3L)]),
        (7, "DepthToSpace", 1, [("blocksize", 1L)]),
        (7, "ArgMax", 1, [("axis", 2L)]),
    ];

    public static TheoryData<int> Targets => [9, 10, 11, 12, 13, 18, 21, 25];

    [Theory]
    [MemberData(nameof(Targets))]
    public void They_compute_the_same_at_every_operator_set(int target)
    {
        foreach ((int opset, string op, int outputs, (string, object)[] attributes) in s_cases.Where(c => c.Opset < target))
        {
            string[] names = [.. Enumerable.Range(0, outputs).Select(i => $"y{i}")];
            var node = new Node("n", op, ["x"], names);
            string text = $"{op} {opset} {string.Join(' ', attributes.Select(a => $"{a.Item1}={(a.Item2 is long[] v ? string.Join(',', v) : a.Item2)}"))}";
            Add(node, attributes);
            var model = Model.Create(opset, [new("x", ElementType.Float, [2, 3, 4, 6])], (op == "Dropout" ? names[..1] : names).Select(n => new ValueInfo(n, op is "ArgMax" || n != "y0" && op == "TopK" ? ElementType.Int64 : ElementType.Float, null)));
            model.Graph.Add(node);
            AssertSame(model, target, text);
            AssertSame(InsideIf(model), target, $"{text} in a subgraph");
        }
    }

    [Fact]
    public void Squeeze_Scatter_BatchNormalization_and_Resize()
    {
        AssertSame(Build(7, (g, add) =>
        {
            add("Unsqueeze", ["x"], ["u"], [("axes", new long[] { 0, 3 })]);
            add("Squeeze", ["u"], ["v"], [("axes", new long[] { 3 })]);
            add("Squeeze", ["v"], ["y"], []);
        }), 13, "Squeeze");
        AssertSame(Build(9, (g, add) =>
        {
            g.SetConstant("i", Tensor.Of<long>([1, 0, 1, 1, 0, 0], 1, 1, 1, 6));
            g.SetConstant("v", Floats(9, 1, 1, 1, 6));
            add("Scatter", ["x", "i", "v"], ["y"], [("axis", 1L)]);
        }), 13, "Scatter");
        AssertSame(Build(7, (g, add) =>
        {
            foreach (string name in (string[])["s", "b", "m", "v"])
            {
                g.SetConstant(name, Tensor.Of([.5f, 1.5f, 1f], 3));
            }

            add("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], [("spatial", 1L), ("momentum", .5f)]);
        }), 15, "BatchNormalization");
        foreach (string mode in (string[])["nearest", "linear"])
        {
            AssertSame(Build(10, (g, add) =>
            {
                g.SetConstant("s", Tensor.Of([1f, 1, 2, 1.5f], 4));
                add("Resize", ["x", "s"], ["y"], [("mode", mode)]);
            }), 21, $"Resize {mode}");
        }
    }

    [Theory]
    [InlineData("bilinear")]
    [InlineData("bicubic")]
    [InlineData("nearest")]
    public void GridSample_is_called_otherwise(string mode) => AssertSame(Build(16, (g, add) =>
    {
        g.SetConstant("grid", Floats(2, 2, 5, 5, 2));
        add("GridSample", ["x", "grid"], ["y"], [("mode", mode)]);
    }), 20, mode);

    [Fact]
    public void RoiAlign_had_no_half_pixel_and_DFT_took_the_axis_as_an_attribute()
    {
        AssertSame(Build(10, (g, add) =>
        {
            g.SetConstant("rois", Tensor.Of([0f, 0, 3, 3, 1, 1, 2, 3], 2, 4));
            g.SetConstant("batch", Tensor.Of<long>([0, 1], 2));
            add("RoiAlign", ["x", "rois", "batch"], ["y"], [("output_height", 2L), ("output_width", 2L)]);
        }), 16, "RoiAlign");
        AssertSame(Build(17, (g, add) =>
        {
            g.SetConstant("shape", Tensor.Of<long>([2, 12, 6, 1], 4));
            add("Reshape", ["x", "shape"], ["r"], []);
            add("DFT", ["r"], ["d"], []);
            add("DFT", ["r"], ["e"], [("axis", 2L)]);
            add("Add", ["d", "e"], ["y"], []);
        }), 20, "DFT");
    }

    [Fact]
    public void A_mask_of_Dropout_that_is_read_is_refused()
    {
        Model model = Build(7, (_, add) =>
        {
            add("Dropout", ["x"], ["d", "mask"], []);
            add("Add", ["d", "mask"], ["y"], []);
        });
        Assert.Contains("mask", Assert.Throws<ModelException>(() => OpsetUpgrade.To(model, 13)).Message, StringComparison.Ordinal);
    }

    private static Model Build(int opset, Action<Graph, Action<string, string[], string[], (string, object)[]>> build)
    {
        var model = Model.Create(opset, [new("x", ElementType.Float, [2, 3, 4, 6])], [new("y", ElementType.Float, null)]);
        int count = 0;
        build(model.Graph, (op, inputs, outputs, attributes) => model.Graph.Add(Add(new Node($"n{count++}", op, inputs, outputs), attributes)));
        return model;
    }

    private static Node Add(Node node, (string, object)[] attributes)
    {
        foreach ((string name, object value) in attributes)
        {
            AttributeProto attribute = new() { Name = name };
            switch (value)
            {
                case long i:
                    (attribute.Type, attribute.I) = (2, i);
                    break;
                case float f:
                    (attribute.Type, attribute.F) = (1, f);
                    break;
                case string s:
                    (attribute.Type, attribute.S) = (3, Google.Protobuf.ByteString.CopyFromUtf8(s));
                    break;
                case float[] floats:
                    attribute.Type = 6;
                    attribute.Floats.Add(floats);
                    break;
                default:
                    attribute.Type = 7;
                    attribute.Ints.Add((long[])value);
                    break;
            }

            node.Proto.Attribute.Add(attribute);
        }

        return node;
    }

    // both branches are the model, which captures its input
    private static Model InsideIf(Model model)
    {
        GraphProto branch = ModelWriter.ToProto(model).Graph.Clone();
        branch.Input.Clear();
        var outer = Model.Create(model.Opset, [.. model.Graph.Inputs, new("flag", ElementType.Bool, [])], model.Graph.Outputs.Select(o => o with { Name = "outer_" + o.Name }));
        var node = new NodeProto { Name = "if", OpType = "If", Input = { "flag" }, Output = { model.Graph.Outputs.Select(o => "outer_" + o.Name) } };
        foreach (string name in (string[])["then_branch", "else_branch"])
        {
            GraphProto copy = branch.Clone();
            copy.Name = name;
            node.Attribute.Add(new AttributeProto { Name = name, Type = 5, G = copy });
        }

        outer.Graph.Add(new Node(node) { CapturedNames = Subgraphs.Captured(node) });
        return outer;
    }

    private static void AssertSame(Model model, int target, string what)
    {
        Dictionary<string, Tensor> feed = s_feed.Where(f => model.Graph.Inputs.Any(i => i.Name == f.Key)).ToDictionary(f => f.Key, f => f.Value);
        Tensor[] before = Ort.Run(model, feed);
        Model upgraded = Model.Parse(model.ToBytes());
        OpsetUpgrade.To(upgraded, target);
        Assert.Equal(target, upgraded.Opset);
        Assert.True(Outputs.Close(before, Ort.Run(upgraded, feed), 1e-6), $"{what} at {target}");
    }

    private static Tensor Floats(int seed, params long[] dims)
    {
        Random random = new(seed);
        return Tensor.Of([.. Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(_ => (random.NextSingle() * 2) - 1)], dims);
    }
}
