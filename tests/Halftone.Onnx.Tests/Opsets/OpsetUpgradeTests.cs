using Google.Protobuf;
using Halftone.Onnx.Opsets;
using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests.Opsets;

/// <summary>An upgraded model computes what it did, by ONNX Runtime without optimization; what is not covered is refused by name.</summary>
public sealed class OpsetUpgradeTests
{
    private const double Rounding = 1e-6; // only where a node was rewritten, or has another kernel; elsewhere not a bit may differ

    // what ONNX Runtime says of a good node whose kernel it lacks
    private static readonly string[] s_noKernel = ["NOT_IMPLEMENTED", "Could not find an implementation"];

    // ONNX Runtime has a kernel of its own for AveragePool from 19 on, which sums in another order
    private static readonly string[] s_otherKernel = ["AveragePool"];

    private static readonly (string Case, string[] Words)[] s_mayBeRefused =
    [
        ("test_scan_sum", ["Scan", "before 9"]),
        ("nearest_tf_half_pixel_for_nn", ["Resize", "before 13", "tf_half_pixel_for_nn"]),
        ("qk_matmul", ["Attention", "before 24", "scores"]),
    ];

    public static TheoryData<string> Models => RealModels.Names;

    [Theory]
    [InlineData(13)]
    [InlineData(21)]
    [InlineData(25)]
    public void Every_node_test_computes_the_same_or_is_refused_by_name(int opset)
    {
        List<string> failures = [];
        int ran = 0;
        foreach (NodeCase node in NodeCases.All.Where(n => n.Expected is not null))
        {
            var model = Model.Parse(node.Bytes, node.Name);
            if (model.Opset < 7 || model.Opset >= opset)
            {
                continue;
            }

            try
            {
                string before = Shape(model);
                OpsetUpgrade.To(model, opset);
                Assert.Equal(opset, model.Opset);
                bool mayRound = Shape(model) != before || model.Graph.Nodes.Any(n => s_otherKernel.Contains(n.Op));
                Tensor[]? after = NodeCases.Run(node, model.ToBytes(), out string why);
                if (after is null ? !s_noKernel.Any(words => why.Contains(words, StringComparison.Ordinal))
                    : !(Outputs.Same(node.Expected!, after) || (mayRound && Outputs.Close(node.Expected!, after, Rounding)) || RoundTripTests.Random(node)))
                {
                    failures.Add($"{node.Name}: {(after is null ? why : "other outputs")}");
                }

                ran += after is null ? 0 : 1;
            }
            catch (ModelException error)
            {
                if (!s_mayBeRefused.Any(r => node.Name.Contains(r.Case, StringComparison.Ordinal) && r.Words.All(word => error.Message.Contains(word, StringComparison.Ordinal))))
                {
                    failures.Add($"{node.Name}: {error.Message}");
                }
            }
        }

        Assert.True(failures.Count == 0, string.Join(" | ", failures));
        Assert.True(ran > 100, $"only {ran} ran");
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_real_model_computes_the_same(string name)
    {
        var model = Model.Load(RealModels.PathOf(name));
        Dictionary<string, Tensor> feed = RealModels.Feed(model, seed: 3);
        Tensor[] before = Ort.Run(model, feed);
        foreach (int opset in (int[])[13, 18, 21, 25])
        {
            Model upgraded = model.Clone();
            OpsetUpgrade.To(upgraded, opset);
            Assert.Equal(Math.Max(opset, model.Opset), upgraded.Opset);
            Assert.True(Outputs.Close(before, Ort.Run(upgraded, feed), Rounding), $"operator set {opset}");
        }
    }

    // from the table of releases in ONNX's Versioning.md
    [Theory]
    [InlineData(8, 3)]
    [InlineData(9, 4)]
    [InlineData(10, 5)]
    [InlineData(11, 6)]
    [InlineData(12, 7)]
    [InlineData(13, 7)]
    [InlineData(14, 7)]
    [InlineData(15, 8)]
    [InlineData(18, 8)]
    [InlineData(19, 9)]
    [InlineData(20, 9)]
    [InlineData(21, 10)]
    [InlineData(22, 10)]
    [InlineData(23, 11)]
    [InlineData(24, 12)]
    [InlineData(25, 13)]
    public void The_file_format_is_the_oldest_that_carries_the_operator_set(int opset, long ir)
    {
        ModelProto old = Old(7, new NodeProto { Name = "n", OpType = "Relu", Input = { "x" }, Output = { "y" } });
        old.IrVersion = 3;
        Model model = Parse(old);
        OpsetUpgrade.To(model, opset);
        Assert.Equal((opset, ir), (model.Opset, model.IrVersion));
    }

    [Fact]
    public void Both_names_of_the_domain_are_brought_to_the_new_set()
    {
        ModelProto old = Old(9, new NodeProto { Name = "n", OpType = "Relu", Input = { "x" }, Output = { "y" } });
        old.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx", Version = 9 });
        Model model = Parse(old);
        OpsetUpgrade.To(model, 13);
        Assert.All(ModelProto.Parser.ParseFrom(model.ToBytes()).OpsetImport, o => Assert.Equal(13, o.Version));
    }

    public static TheoryData<int, int, string, string> Uncovered => new()
    {
        { 8, 13, "Scan", "9" },
        { 18, 21, "GroupNormalization", "21" },
        { 11, 13, "Resize", "13" }, // tf_half_pixel_for_nn
        { 9, 13, "Fancy", "no operator of ONNX that Halftone knows" },
        { 6, 13, "Add", "7" },
    };

    [Theory]
    [MemberData(nameof(Uncovered))]
    public void What_is_not_covered_is_refused_by_name_also_inside_a_subgraph(int from, int to, string op, string word)
    {
        NodeProto Bad() => new() { Name = "culprit", OpType = op, Input = { "x", "x", "x", "x" }, Output = { "y" }, Attribute = { Attribute("coordinate_transformation_mode", "tf_half_pixel_for_nn") } };
        var branch = new GraphProto { Name = "then", Node = { Bad() }, Output = { new ValueInfoProto { Name = "y" } } };
        var outer = new NodeProto { Name = "if", OpType = "If", Input = { "x" }, Output = { "out" }, Attribute = { new AttributeProto { Name = "then_branch", Type = 5, G = branch } } };
        foreach (NodeProto node in (NodeProto[])[Bad(), outer])
        {
            ModelProto old = Old(from, node);
            old.Graph.Output[0].Name = node.Output[0];
            string message = Assert.Throws<ModelException>(() => OpsetUpgrade.To(Parse(old), to)).Message;
            Assert.All((string[])["culprit", op, word], part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_function_with_an_operator_that_changed_is_refused_and_others_follow()
    {
        ModelProto With(string op)
        {
            ModelProto old = Old(11, new NodeProto { Name = "n", OpType = "Mine", Domain = "own", Input = { "x" }, Output = { "y" } });
            old.IrVersion = 8;
            old.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
            old.Functions.Add(new FunctionProto
            {
                Name = "Mine",
                Domain = "own",
                Input = { "a" },
                Output = { "b" },
                OpsetImport = { new OperatorSetIdProto { Version = 11 } },
                Node = { new NodeProto { OpType = op, Input = { "a" }, Output = { "b" } } },
            });
            return old;
        }

        string message = Assert.Throws<ModelException>(() => OpsetUpgrade.To(Parse(With("Softmax")), 13)).Message;
        Assert.All((string[])["'Mine'", "Softmax"], part => Assert.Contains(part, message, StringComparison.Ordinal));

        Model good = Parse(With("Relu"));
        Dictionary<string, Tensor> feed = new() { ["x"] = Tensor.Of([-1f, 2f], 1, 2) };
        Tensor[] before = Ort.Run(good, feed);
        OpsetUpgrade.To(good, 13);
        Assert.True(Outputs.Same(before, Ort.Run(good, feed)));
    }

    private static AttributeProto Attribute(string name, string value) => new() { Name = name, Type = 3, S = ByteString.CopyFromUtf8(value) };

    private static ModelProto Old(int opset, NodeProto node)
    {
        ValueInfoProto Value(string name) => new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } };
        return new ModelProto { IrVersion = 4, Graph = new GraphProto { Name = "g", Node = { node }, Input = { Value("x") }, Output = { Value("y") } }, OpsetImport = { new OperatorSetIdProto { Version = opset } } };
    }

    private static Model Parse(ModelProto proto) => Model.Parse(proto.ToByteArray());

    // the operators, their attributes and the number of their inputs
    private static string Shape(Model model) =>
        string.Join(' ', model.Graph.Nodes.SelectMany(n => n.InnerNodes.Prepend(n)).Select(n => $"{n.Op}({n.Inputs.Count}) {string.Join(',', n.AttributeNames)}"));
}
