using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

public sealed class BoundRunTests
{
    private static readonly Dictionary<string, Tensor> s_x = new() { ["x"] = Tensor.Of([1f, 2, 3, -1, 0, 1], 2, 3) };

    [Fact]
    public void Gives_what_the_graph_says_again_and_again()
    {
        using OrtSession session = OrtSession.Load(Samples.Linear());
        using BoundRun run = session.Bind(s_x);
        for (int i = 0; i < 3; i++)
        {
            run.Run();

            Tensor y = run.Outputs()["y"];
            Assert.Equal([2, 2], y.Dims);
            Assert.Equal([12, 38, 0, 14], y.ToFloats());
        }
    }

    [Fact]
    public void Computes_anew_in_every_run()
    {
        // random numbers are new in every run, so that an output that stays the same was not written
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [2, 3])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.Add(new Node("noise", "RandomNormalLike", ["x"], ["y"]).With("seed", 1f));
        using OrtSession session = OrtSession.Load(model);
        using BoundRun run = session.Bind(s_x);
        float[] first = run.Outputs()["y"].ToFloats();

        run.Run();

        Assert.NotEqual(first, run.Outputs()["y"].ToFloats());
    }

    [Fact]
    public void Allocates_nothing_managed()
    {
        using OrtSession session = OrtSession.Load(Samples.Linear());
        using BoundRun run = session.Bind(s_x);
        run.Run();
        Assert.Equal(0, Allocations.Of(run.Run));
    }

    [Fact]
    public void Refuses_an_input_that_does_not_fit()
    {
        using OrtSession session = OrtSession.Load(Samples.Linear());

        ModelException error = Assert.Throws<ModelException>(() => session.Bind(new Dictionary<string, Tensor> { ["z"] = s_x["x"] }));

        Assert.Contains("'x'", error.Message, StringComparison.Ordinal);
    }
}
