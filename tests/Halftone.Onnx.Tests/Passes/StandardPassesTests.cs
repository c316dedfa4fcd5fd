using Halftone.Onnx.Opsets;
using Halftone.Onnx.Passes;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests.Passes;

/// <summary>The passes change the graph and nothing that it computes, by ONNX Runtime; they settle, and do the same each time.</summary>
public sealed class StandardPassesTests
{
    private const double Tolerance = 1e-4; // relative to the largest value: folding rounds once more

    public static TheoryData<string> Models => RealModels.Names;

    [Theory]
    [MemberData(nameof(Models))]
    public void A_real_model_computes_the_same(string name)
    {
        var model = Model.Load(RealModels.PathOf(name));
        Dictionary<string, Tensor> feed = RealModels.Feed(model, seed: 5);
        PassContext context = AssertSame(model, feed, name);

        // every BatchNormalization there is follows a Conv, and nothing else needs to stay
        Assert.DoesNotContain(model.Graph.Nodes, n => n.Op is "BatchNormalization" or "Identity" or "Dropout" or "Constant" && !model.Graph.IsOutput(n.Output(0)));
        Model untouched = Model.Load(RealModels.PathOf(name));
        Assert.Equal(untouched.Graph.Nodes.Count(n => n.Op == "BatchNormalization"), context.BatchNorm.Count);
        Assert.All(context.BatchNorm.Keys, node => Assert.Contains(model.Graph.Nodes, n => n.Name == node));
    }

    [Fact]
    public void Every_node_test_of_onnx_computes_the_same()
    {
        int changed = 0;
        foreach (NodeCase node in NodeCases.All.Where(n => n.Expected is not null))
        {
            var model = Model.Parse(node.Bytes, node.Name);
            int before = model.Graph.Nodes.Count;
            StandardPasses.Apply(model, new PassContext());
            changed += model.Graph.Nodes.Count == before ? 0 : 1;
            Tensor[]? after = NodeCases.Run(node, model.ToBytes(), out string error);
            Assert.True(after is not null, $"{node.Name}: {error}");
            Assert.True(Outputs.Close(node.Expected!, after!, Tolerance) || RoundTripTests.Random(node), node.Name);
        }

        Assert.True(changed > 20, $"the passes changed only {changed}");
    }

    [Fact]
    public void Random_networks_compute_the_same() =>
        Gen.Select(Gen.Int[0, 1 << 20], Gen.Int[1, 12]).Sample(
            (seed, length) =>
            {
                (Model model, Dictionary<string, Tensor> feed) = RandomNets.Make(seed, length);
                AssertSame(model, feed, $"seed {seed}, length {length}");
            },
            iter: 400,
            threads: 1);

    [Fact]
    public void Weights_listed_as_inputs_by_old_files_fold_and_leave_the_inputs()
    {
        var model = Model.Load(RealModels.PathOf("fashion_resnet.onnx"));
        foreach ((string name, Tensor tensor) in model.Graph.Initializers)
        {
            model.Graph.Proto.Input.Add(Graph.Message(new ValueInfo(name, tensor.Type, [.. tensor.Dims.Select(d => (long?)d)])));
        }

        model.IrVersion = 3;
        model = Model.Parse(model.ToBytes());
        Assert.Single(model.Graph.Inputs);
        Tensor[] before = Run(model);
        StandardPasses.Apply(model, new PassContext());
        Assert.DoesNotContain(model.Graph.Nodes, n => n.Op == "BatchNormalization");
        Assert.True(Outputs.Close(before, Run(model), Tolerance));

        // and after an upgrade no weight is an input that a caller may replace
        OpsetUpgrade.To(model, 21);
        Assert.Single(model.Graph.Proto.Input);
        Assert.True(Outputs.Close(before, Run(model), Tolerance));

        static Tensor[] Run(Model model) => Ort.Run(model, new Dictionary<string, Tensor> { [model.Graph.Inputs[0].Name] = Tensor.Of([.. Enumerable.Range(0, 784).Select(i => i % 29 / 29f)], 1, 1, 28, 28) });
    }

    private static PassContext AssertSame(Model model, Dictionary<string, Tensor> feed, string what)
    {
        Tensor[] before = Ort.Run(model, feed);
        Model twin = model.Clone();
        PassContext context = new();
        StandardPasses.Apply(model, context);
        Assert.True(Outputs.Close(before, Ort.Run(model, feed), Tolerance), what);

        byte[] once = model.ToBytes();
        Assert.All(StandardPasses.All, pass => Assert.False(pass.Apply(model.Graph, context), $"{what}: {pass} found more to do"));
        Assert.True(once.AsSpan().SequenceEqual(model.ToBytes()), $"{what}: a second run changed something");
        StandardPasses.Apply(twin, new PassContext());
        Assert.True(once.AsSpan().SequenceEqual(twin.ToBytes()), $"{what}: two runs differ");
        return context;
    }
}
