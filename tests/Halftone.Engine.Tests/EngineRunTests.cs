using Halftone.Onnx;

namespace Halftone.Engine;

public sealed class EngineRunTests
{
    private static readonly Dictionary<string, Tensor> s_x = new() { ["x"] = Tensor.Of([1f, 2, 3, -1, 0, 1], 2, 3) };

    [Fact]
    public void A_bound_run_gives_what_a_run_by_name_gives_again_and_again_and_allocates_nothing()
    {
        using EngineSession session = EngineSession.Load(TwoOutputs());
        using EngineRun run = session.Bind(s_x);
        run.Run();
        Assert.Equal(0, Allocations.Of(run.Run));
        IReadOnlyDictionary<string, Tensor> outputs = run.Outputs();
        Assert.Equal([1f, 2, 3, 0, 0, 1], outputs["relu"].ToFloats());
        Assert.Equal([-1f, -2, -3, 1, 0, -1], outputs["neg"].ToFloats());
        Assert.Equal([2, 3], outputs["neg"].Dims);

        // copies: another run does not change them
        Tensor kept = outputs["neg"];
        using EngineRun other = session.Bind(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(new float[6], 2, 3) });
        other.Run();
        Assert.Equal([-1f, -2, -3, 1, 0, -1], kept.ToFloats());
        Assert.Equal(new float[6], other.Outputs()["neg"].ToFloats());
    }

    [Fact]
    public void As_a_runner_it_gives_the_outputs_asked_for_and_refuses_others()
    {
        using IModelRunner runner = EngineSession.Load(TwoOutputs());
        Assert.Equal(["neg"], runner.Run(s_x, ["neg"]).Keys);
        Assert.Equal(["neg", "relu"], runner.Run(s_x).Keys.Order());
        Assert.Contains("'z'", Assert.Throws<ModelException>(() => runner.Run(s_x, ["z"])).Message, StringComparison.Ordinal);
        Assert.Contains("'x'", Assert.Throws<ModelException>(() => runner.Bind(new Dictionary<string, Tensor>())).Message, StringComparison.Ordinal);
        Assert.Throws<OperationCanceledException>(() => runner.Run(s_x, null, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Every_tier_says_whether_it_runs_here_and_the_first_that_does_is_chosen()
    {
        Assert.Equal(["avx512vnni", "avxvnni", "avx2", "advsimd", "reference"], EngineTiers.All.Select(t => t.Name));
        Assert.True(EngineTiers.All[^1].IsSupported);
        foreach (EngineTier tier in EngineTiers.All)
        {
            if (tier.IsSupported)
            {
                Assert.Equal(tier, EngineTiers.Chosen(new EngineOptions { Tier = tier.Name }));
                using EngineSession session = EngineSession.Load(TwoOutputs(), new EngineOptions { Tier = tier.Name });
                Assert.Equal([1f, 2, 3, 0, 0, 1], session.Run(s_x)["relu"].ToFloats());
            }
            else
            {
                Assert.NotEmpty(tier.Obstacle!);
                Assert.Throws<ArgumentException>(() => EngineTiers.Chosen(new EngineOptions { Tier = tier.Name }));
            }
        }
    }

    private static Model TwoOutputs()
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [null, 3])], [new ValueInfo("relu", ElementType.Float, null), new ValueInfo("neg", ElementType.Float, null)]);
        model.Graph.Add(new Node("relu", "Relu", ["x"], ["relu"]));
        model.Graph.Add(new Node("neg", "Neg", ["x"], ["neg"]));
        return model;
    }
}
