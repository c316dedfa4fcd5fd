using Halftone.Onnx.Passes;
using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Export;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests.Passes;

/// <summary>Which batch normalizations fold, which are left alone, and what is remembered of them.</summary>
public sealed class FoldBatchNormTests
{
    private const int Channels = 6;

    public static TheoryData<string, bool> Folding => [.. from kind in (string[])["Conv", "Conv groups", "Conv depthwise", "Conv 1d", "ConvTranspose", "ConvTranspose groups", "Gemm", "Gemm transB"]
                                                         from bias in (bool[])[false, true]
                                                         select (kind, bias)];

    [Theory]
    [MemberData(nameof(Folding))]
    public void Folds_into_the_node_before_and_keeps_the_moments(string kind, bool bias)
    {
        Draft draft = new();
        draft.Output(Norm(draft, Product(draft, kind, bias)));
        Model model = draft.Build();
        Tensor[] before = Ort.Run(model, draft.Feed);
        Node norm = model.Graph.Nodes.Single(n => n.Op == "BatchNormalization");
        (float[] gamma, float[] beta) = (model.Graph.Constant(norm.Input(1))!.ToFloats(), model.Graph.Constant(norm.Input(2))!.ToFloats());

        PassContext context = new();
        Assert.True(new FoldBatchNorm().Apply(model.Graph, context));
        Node node = Assert.Single(model.Graph.Nodes);
        Assert.True(Outputs.Close(before, Ort.Run(model, draft.Feed), 1e-5));
        Assert.Equal(beta, context.BatchNorm[node.Name].Mean);
        Assert.Equal(gamma.Select(MathF.Abs), context.BatchNorm[node.Name].Deviation);
        Assert.Single(context.Log);
        Assert.False(new FoldBatchNorm().Apply(model.Graph, context));
    }

    public static TheoryData<string> LeftAlone =>
        ["Relu between", "read by another too", "an output too", "captured by a subgraph", "moving scale", "moving weight", "training", "training before 14", "bias for each row", "MatMul", "weights of another kind", "too few means"];

    [Theory]
    [MemberData(nameof(LeftAlone))]
    public void Is_left_alone_where_folding_would_be_wrong(string why)
    {
        Draft draft = new(why == "training before 14" ? 9 : 17);
        string product = why switch
        {
            "bias for each row" => draft.Node("Gemm", [draft.Input("x", -1, 1, Channels, 5), draft.Const(draft.Floats(-1, 1, 5, Channels)), draft.Const(draft.Floats(-1, 1, Channels, 1))]),
            "MatMul" => draft.Node("MatMul", [draft.Input("x", -1, 1, 3, 5), draft.Const(draft.Floats(-1, 1, 5, Channels))]),
            "moving weight" => draft.Node("Conv", [draft.Input("x", -1, 1, 1, 4, 7, 7), draft.Input("w", -1, 1, Channels, 4, 3, 3)]),
            _ => Product(draft, "Conv", bias: true),
        };
        switch (why)
        {
            case "Relu between":
                product = draft.Node("Relu", [product]);
                break;
            case "read by another too":
                draft.Output(draft.Node("Abs", [product]));
                break;
            case "an output too":
                draft.Output(product);
                break;
            case "captured by a subgraph":
                draft.Input("flag", Tensor.Scalar(true));
                draft.Output(draft.Node("If", ["flag"], n => n.Proto.Attribute.Add([Branch("then_branch", product), Branch("else_branch", product)])));
                break;
        }

        string y = Norm(draft, product, moving: why == "moving scale", means: why == "too few means" ? Channels - 1 : Channels);
        draft.Output(y);
        Model model = draft.Build();
        Node norm = model.Graph.Nodes.Single(n => n.Op == "BatchNormalization");
        if (why == "training")
        {
            norm.With("training_mode", 1);
        }
        else if (why == "training before 14")
        {
            norm.Proto.Output.Add(["m", "v", "sm", "sv"]);
        }
        else if (why == "weights of another kind")
        {
            Node conv = model.Graph.Producer(norm.Input(0))!;
            model.Graph.SetConstant(conv.Input(1), new Tensor(ElementType.Float16, model.Graph.Constant(conv.Input(1))!.Dims.AsSpan(), new byte[2 * model.Graph.Constant(conv.Input(1))!.Count]));
        }

        byte[] before = model.ToBytes();
        PassContext context = new();
        Assert.False(new FoldBatchNorm().Apply(model.Graph, context));
        Assert.Equal(before, model.ToBytes());
        Assert.Empty(context.BatchNorm);
    }

    [Fact]
    public void A_shared_weight_keeps_its_other_reader()
    {
        Draft draft = new();
        string x = draft.Input("x", -1, 1, 1, 4, 7, 7);
        string w = draft.Const(draft.Floats(-1, 1, Channels, 4, 3, 3));
        string b = draft.Const(draft.Floats(-1, 1, Channels));
        draft.Output(Norm(draft, draft.Node("Conv", [x, w, b])));
        draft.Output(Norm(draft, draft.Node("Conv", [x, w, b])));
        draft.Output(draft.Node("Conv", [x, w, b]));
        Model model = draft.Build();
        Tensor[] before = Ort.Run(model, draft.Feed);
        StandardPasses.Apply(model, new PassContext());
        Assert.Equal(3, model.Graph.Nodes.Count);
        Assert.Equal(3, model.Graph.Initializers.Keys.Count(k => k.StartsWith(w, StringComparison.Ordinal)));
        Assert.True(Outputs.Close(before, Ort.Run(model, draft.Feed), 1e-5));
    }

    private static string Product(Draft draft, string kind, bool bias)
    {
        string[] b = bias ? [draft.Const(draft.Floats(-1, 1, Channels))] : [];
        string X(params long[] dims) => draft.Input("x", -1, 1, dims);
        string W(params long[] dims) => draft.Const(draft.Floats(-1, 1, dims));
        return kind switch
        {
            "Conv" => draft.Node("Conv", [X(2, 4, 7, 7), W(Channels, 4, 3, 3), .. b]),
            "Conv groups" => draft.Node("Conv", [X(2, 4, 7, 7), W(Channels, 2, 3, 3), .. b], n => n.With("group", 2)),
            "Conv depthwise" => draft.Node("Conv", [X(2, 3, 7, 7), W(Channels, 1, 3, 3), .. b], n => n.With("group", 3)),
            "Conv 1d" => draft.Node("Conv", [X(2, 4, 7), W(Channels, 4, 3), .. b]),
            "ConvTranspose" => draft.Node("ConvTranspose", [X(2, 4, 5, 5), W(4, Channels, 3, 3), .. b], n => n.With("strides", [2, 2])),
            "ConvTranspose groups" => draft.Node("ConvTranspose", [X(2, 4, 5, 5), W(4, Channels / 2, 3, 3), .. b], n => n.With("group", 2)),
            "Gemm" => draft.Node("Gemm", [X(3, 5), W(5, Channels), .. b]),
            _ => draft.Node("Gemm", [X(3, 5), W(Channels, 5), .. b], n => n.With("transB", 1)),
        };
    }

    private static string Norm(Draft draft, string x, bool moving = false, int means = Channels) => draft.Node(
        "BatchNormalization",
        [
            x, moving ? draft.Input("scale", .5f, 2, Channels) : draft.Const(draft.Floats(-2, 2, Channels)), draft.Const(draft.Floats(-1, 1, Channels)),
            draft.Const(draft.Floats(-1, 1, means)), draft.Const(draft.Floats(.1f, 2, Channels)),
        ]);

    private static AttributeProto Branch(string name, string captured) => new()
    {
        Name = name,
        Type = 5,
        G = new GraphProto { Name = name, Node = { new NodeProto { OpType = "Neg", Input = { captured }, Output = { "n" } } }, Output = { new ValueInfoProto { Name = "n", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } } } },
    };
}
