using Halftone.Onnx.Passes;
using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Export;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests.Passes;

/// <summary>The passes that remove or rename a node: where they apply, and where they must not.</summary>
public sealed class SmallPassesTests
{
    [Theory]
    [InlineData("0,0,1,2,0,0,3,1", "0", true)]
    [InlineData("0,0,1,2,0,0,3,1", "", true)]
    [InlineData("0,0,0,0,0,0,0,0", "", true)]
    [InlineData("0,0,1,2,0,0,3,1", "1", false)] // not with zeros
    [InlineData("0,1,1,2,0,0,3,1", "0", false)] // channels
    [InlineData("1,0,1,2,0,0,3,1", "0", false)] // the batch
    [InlineData("0,0,-1,2,0,0,3,1", "0", false)] // cut
    [InlineData("reflect", "0", false)]
    [InlineData("read twice", "0", false)]
    [InlineData("an output", "0", false)]
    [InlineData("same", "0", false)] // auto_pad
    [InlineData("moving", "0", false)]
    public void Pad_folds_into_a_convolution_where_it_pads_the_picture_with_zeros(string pads, string value, bool folds)
    {
        Draft draft = new();
        string x = draft.Input("x", -1, 1, 1, 2, 8, 8);
        long[] amounts = char.IsDigit(pads[0]) ? [.. pads.Split(',').Select(p => long.Parse(p, System.Globalization.CultureInfo.InvariantCulture))] : [0, 0, 1, 1, 0, 0, 1, 1];
        var amountsTensor = Tensor.Of(amounts, 8);
        string[] inputs = [x, pads == "moving" ? draft.Input("pads", amountsTensor) : draft.Const(amountsTensor), .. value.Length > 0 ? [draft.Const(Tensor.Scalar(float.Parse(value, System.Globalization.CultureInfo.InvariantCulture)))] : (string[])[]];
        string padded = draft.Node("Pad", inputs, n =>
        {
            if (pads == "reflect")
            {
                n.With("mode", "reflect");
            }
        });
        int channels = pads == "0,1,1,2,0,0,3,1" ? 3 : 2;
        draft.Output(draft.Node("Conv", [padded, draft.Const(draft.Floats(-1, 1, 3, channels, 3, 3))], n => _ = pads == "same" ? n.With("auto_pad", "SAME_UPPER") : n.With("pads", [1, 0, 1, 0])));
        if (pads == "read twice")
        {
            draft.Output(draft.Node("Abs", [padded]));
        }
        else if (pads == "an output")
        {
            draft.Output(padded);
        }

        Model model = draft.Build();
        AssertSame(model, draft.Feed, new FoldPad(), folds);
        Assert.Equal(folds ? 0 : 1, model.Graph.Nodes.Count(n => n.Op == "Pad"));
    }

    [Fact]
    public void Identity_and_Dropout_go_and_the_outputs_keep_their_names()
    {
        Draft draft = new();
        string x = draft.Input("x", -1, 1, 2, 3);
        string t = draft.Node("Identity", [draft.Node("Dropout", [draft.Node("Relu", [draft.Node("Identity", [x])])])]);
        draft.Output(draft.Node("Neg", [t]));
        draft.Output(draft.Node("Identity", [t], output: "kept"));
        draft.Output(draft.Node("Identity", [x], output: "straight")); // from an input to an output: nothing else could make it
        Model model = draft.Build();
        AssertSame(model, draft.Feed, new RemoveIdentity(), changes: true);
        Assert.Equal(["Relu", "Neg", "Identity"], model.Graph.Nodes.Select(n => n.Op).OrderBy(o => o == "Identity"));
        Assert.Contains("kept", model.Graph.Nodes.SelectMany(n => n.Outputs));
    }

    [Theory]
    [InlineData("mask read")]
    [InlineData("mask output")]
    [InlineData("training")]
    [InlineData("training by input")]
    public void Dropout_that_does_more_stays(string what)
    {
        Draft draft = new();
        string x = draft.Input("x", -1, 1, 2, 3);
        string ratio = draft.Const(Tensor.Scalar(.5f));
        string[] inputs = what switch
        {
            "training" => [x, ratio, draft.Const(Tensor.Scalar(true))],
            "training by input" => [x, ratio, draft.Input("train", Tensor.Scalar(false))],
            _ => [x],
        };
        string y = draft.Node("Dropout", inputs, n =>
        {
            if (what.StartsWith("mask", StringComparison.Ordinal))
            {
                n.Proto.Output.Add("mask");
            }
        });
        draft.Output(draft.Node("Neg", [y]));
        if (what == "mask read")
        {
            draft.Output(draft.Node("Not", ["mask"]), ElementType.Bool);
        }
        else if (what == "mask output")
        {
            draft.Output("mask", ElementType.Bool);
        }

        Model model = draft.Build();
        Assert.False(new RemoveIdentity().Apply(model.Graph, new PassContext()));
    }

    [Fact]
    public void A_name_that_a_subgraph_has_for_itself_is_not_put_into_it()
    {
        // the branch reads t from outside and has a value x of its own
        Draft draft = new();
        string x = draft.Input("x", -1, 1, 2, 3);
        draft.Input("flag", Tensor.Scalar(true));
        string t = draft.Node("Identity", [x]);
        AttributeProto Branch(string name) => new()
        {
            Name = name,
            Type = 5,
            G = new GraphProto
            {
                Name = name,
                Node = { new NodeProto { OpType = "Neg", Input = { t }, Output = { "x" } }, new NodeProto { OpType = "Add", Input = { "x", t }, Output = { "z" } } },
                Output = { new ValueInfoProto { Name = "z", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } } },
            },
        };
        draft.Output(draft.Node("If", ["flag"], n => n.Proto.Attribute.Add([Branch("then_branch"), Branch("else_branch")])));
        Model model = draft.Build();
        Assert.False(new RemoveIdentity().Apply(model.Graph, new PassContext()));
    }

    [Fact]
    public void What_a_subgraph_reads_is_not_dead()
    {
        Draft draft = new();
        string x = draft.Input("x", -1, 1, 2, 3);
        draft.Input("flag", Tensor.Scalar(false));
        string captured = draft.Node("Identity", [draft.Node("Mul", [x, draft.Const(draft.Floats(-1, 1, 3))])]);
        string weight = draft.Const(draft.Floats(-1, 1, 3));
        draft.Node("Exp", [draft.Node("Abs", [draft.Const(draft.Floats(-1, 1, 3), "dead")])]);
        AttributeProto Branch(string name, string op) => new()
        {
            Name = name,
            Type = 5,
            G = new GraphProto
            {
                Name = name,
                Node = { new NodeProto { OpType = op, Input = { captured, weight }, Output = { "z" } } },
                Output = { new ValueInfoProto { Name = "z", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } } },
            },
        };
        draft.Output(draft.Node("If", ["flag"], n => n.Proto.Attribute.Add([Branch("then_branch", "Add"), Branch("else_branch", "Sub")])));
        Model model = draft.Build();
        Tensor[] before = Ort.Run(model, draft.Feed);
        StandardPasses.Apply(model, new PassContext());
        Assert.True(Outputs.Same(before, Ort.Run(model, draft.Feed)));
        Assert.Equal(["Mul", "If"], model.Graph.Nodes.Select(n => n.Op));
        Assert.Equal(2, model.Graph.Initializers.Count);
    }

    [Theory]
    [InlineData("Flatten", 1, "Reshape")]
    [InlineData("Flatten", 2, "Flatten")]
    [InlineData("Sum", 1, "Identity")]
    [InlineData("Sum", 2, "Add")]
    [InlineData("Sum", 3, "Sum")]
    public void Flatten_becomes_Reshape_and_Sum_becomes_Add(string op, int number, string becomes)
    {
        Draft draft = new();
        string x = draft.Input("x", -1, 1, 2, 3, 4);
        string other = draft.Input("other", -1, 1, 3, 1);
        string[] inputs = op == "Sum" ? [.. ((string[])[x, other, other]).Take(number)] : [x];
        draft.Output(draft.Node("Relu", [draft.Node(op, inputs, n => _ = op == "Flatten" ? n.With("axis", number) : n)]));
        Model model = draft.Build();
        AssertSame(model, draft.Feed, op == "Flatten" ? new FlattenToReshape() : new SumToAdd(), changes: becomes != op);
        Assert.Equal(becomes, model.Graph.Nodes[0].Op);
    }

    [Fact]
    public void Constants_of_strings_and_those_that_are_outputs_stay()
    {
        Draft draft = new();
        draft.Output(draft.Node("Relu", [draft.Input("x", -1, 1, 2)]));
        draft.Node("Constant", [], n => n.Proto.Attribute.Add(new AttributeProto { Name = "value", Type = 4, T = new TensorProto { DataType = 8, Dims = { 1 }, StringData = { Google.Protobuf.ByteString.CopyFromUtf8("label") } } }));
        draft.Output(draft.Node("Constant", [], n => n.Proto.Attribute.Add(new AttributeProto { Name = "value_float", Type = 1, F = 2 })));
        Model model = draft.Build();
        Assert.False(new ConstantsToInitializers().Apply(model.Graph, new PassContext()));
        Assert.Equal(3, model.Graph.Nodes.Count);
    }

    private static void AssertSame(Model model, Dictionary<string, Tensor> feed, IGraphPass pass, bool changes)
    {
        Tensor[] before = Ort.Run(model, feed);
        Assert.Equal(changes, pass.Apply(model.Graph, new PassContext()));
        Assert.False(pass.Apply(model.Graph, new PassContext()));
        Assert.True(Outputs.Same(before, Ort.Run(model, feed)));
    }
}
