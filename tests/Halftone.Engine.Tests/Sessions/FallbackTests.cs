using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Sessions;

public sealed class FallbackTests
{
    private static readonly EngineOptions s_withOrt = new() { Fallback = model => OrtSession.Load(model) };

    [Fact]
    public void Nodes_that_the_engine_lacks_run_elsewhere()
    {
        Model model = Chain("Einsum", n => n.With("equation", "ij,jk->ik"), "x1", "w");
        model.Graph.SetConstant("w", Tensor.Of([1f, 2, 3, 4, 5, 6], 2, 3));
        Dictionary<string, Tensor> inputs = new() { ["x"] = Tensor.Of([-1f, 2, 3, -4], 2, 2) };
        ModelException refused = Assert.Throws<ModelException>(() => EngineSession.Load(model));
        Assert.Contains("'odd'", refused.Message, StringComparison.Ordinal);
        using EngineSession session = EngineSession.Load(model, s_withOrt);
        using OrtSession ort = OrtSession.Load(model);
        Assert.Equal(ort.Run(inputs)["y"].ToFloats(), session.Run(inputs)["y"].ToFloats());
        Assert.Equal([2, 3], session.Run(inputs)["y"].Dims);
    }

    [Fact]
    public void Lengths_that_depend_on_values_are_told()
    {
        Model model = Chain("Compress", n => n, "x1", "c");
        model.Graph.Add(new Node("cast", "Cast", ["x1"], ["c2"]).With("to", (long)ElementType.Bool));
        model.Graph.Add(new Node("flat", "Reshape", ["c2", "four"], ["c"]));
        model.Graph.SetConstant("four", Tensor.Of([4L], 1));
        model.Graph.Sort();
        using EngineSession session = EngineSession.Load(model, s_withOrt);
        ModelException error = Assert.Throws<ModelException>(() => session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of([1f, 2, 3, 4], 2, 2) }));
        Assert.Contains("depend on values", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_other_runtime_refuses_is_its_error()
    {
        Model model = Chain("NoSuchOperator", n => n, "x1");
        ModelException error = Assert.Throws<ModelException>(() => EngineSession.Load(model, s_withOrt));
        Assert.Contains("NoSuchOperator", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Relu, some operator, Relu.</summary>
    private static Model Chain(string op, Func<Node, Node> attributes, params string[] inputs)
    {
        Model model = Model.Create(17, [new ValueInfo("x", ElementType.Float, [2, 2])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.Add(new Node("before", "Relu", ["x"], ["x1"]));
        model.Graph.Add(attributes(new Node("odd", op, inputs, ["x2"])));
        model.Graph.Add(new Node("after", "Relu", ["x2"], ["y"]));
        return model;
    }
}
