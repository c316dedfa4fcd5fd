using Halftone.Data;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Correction;

public sealed class LapqTests
{
    private static readonly Recipe s_four = new()
    {
        Name = "four",
        Target = "ort-x64-vnni",
        Weights = new WeightRecipe { Bits = 4, Granularity = RecipeGranularity.Tensor },
        Activations = new ActivationRecipe { Range = "min-max", Bits = 4 },
    };

    [Fact]
    public void The_loss_falls_from_min_max_to_the_layer_wise_start_to_the_end()
    {
        using QuantizationJob job = Jobs.Start(FashionSamples.Load("fashion_resnet"), s_four, FashionSamples.Calibration(64));
        (QuantizationPlan plan, Model _) = job.Solve();
        Graph graph = job.Prepared.Model.Graph;
        double Loss(QuantizationPlan p) => job.Run!.Loss(p, 64);

        QuantizationPlan start = new Lapq { Samples = 64, Rounds = 0 }.Improve(graph, plan, job.Run!);
        QuantizationPlan end = new Lapq { Samples = 64, LineEvaluations = 4 }.Improve(graph, plan, job.Run!);

        Assert.True(Loss(end) <= Loss(start) && Loss(start) <= Loss(plan), $"{Loss(plan)}, {Loss(start)}, {Loss(end)}");
        Assert.True(Loss(end) < 0.85 * Loss(start), $"{Loss(start)} to {Loss(end)}");

        // four bits a tensor: the start clips weights too
        Assert.Contains(plan.Weights, w => Largest(start.Weights[w.Key]) < 0.9 * Largest(w.Value));

        // edges that shared a grid still do, and codes are the nearest of the scales
        Assert.All(plan.Edges.GroupBy(e => e.Value, ReferenceEqualityComparer.Instance), shared => Assert.Single(shared.Select(e => end.Edges[e.Key]).Distinct()));
        Assert.Equal(plan.Weights.Keys.Order(Comparer<InputSite>.Create((a, b) => string.CompareOrdinal(a.Node, b.Node))), end.Weights.Keys.Order(Comparer<InputSite>.Create((a, b) => string.CompareOrdinal(a.Node, b.Node))));
    }

    private static float Largest(QuantizedTensor weight) => weight.Dequantize().Max(MathF.Abs);

    [Fact]
    public void Weights_that_are_not_at_their_nearest_codes_stay()
    {
        PlantedNet net = PlantedNet.BadActivations();
        using QuantizationJob job = Jobs.Start(net.Model, s_four with { Weights = s_four.Weights with { Method = "gptq" } }, net.Labelled(32));
        (QuantizationPlan plan, Model _) = job.Solve();
        QuantizationPlan end = new Lapq { Samples = 32, LineEvaluations = 4 }.Improve(job.Prepared.Model.Graph, plan, job.Run!);
        AffineTensor[] moved = [.. plan.Weights.Where(w => !ReferenceEquals(end.Weights[w.Key], w.Value)).Select(w => (AffineTensor)w.Value)];
        Assert.True(moved.Length < plan.Weights.Count, "every weight moved");
        Assert.NotEqual(plan.Edges, end.Edges);
    }

    [Fact]
    public void The_vertex_of_a_parabola_is_found_and_one_outside_or_upside_down_is_not()
    {
        double[] x = [2, 2.5, 3, 3.5, 4];
        Assert.Equal(2.7, Lapq.Vertex(x, [.. x.Select(v => 5 + (3 * (v - 2.7) * (v - 2.7)))])!.Value, 1e-9);
        Assert.Null(Lapq.Vertex(x, [.. x.Select(v => 5 - ((v - 2.7) * (v - 2.7)))]));
        Assert.Null(Lapq.Vertex(x, [.. x.Select(v => (v - 5) * (v - 5))]));
        Assert.Null(Lapq.Vertex(x, [1, 1, 1, 1, 1]));
    }

    [Fact]
    public void The_loss_is_the_cross_entropy_with_the_labels_or_else_with_the_float_probabilities()
    {
        var samples = (Sample[])[new Sample([]) { Label = 1 }, new Sample([])];
        var batch = new Batch(new Dictionary<string, Tensor>(), [.. samples]);
        Dictionary<string, Tensor> expected = new() { ["y"] = Tensor.Of([0f, 0, 0, MathF.Log(3)], 2, 2) };
        Dictionary<string, Tensor> actual = new() { ["y"] = Tensor.Of([0f, 1, MathF.Log(2), 0], 2, 2) };
        var loss = new OutputLoss();
        loss.Add(batch, expected, actual);

        double labelled = Math.Log(1 + Math.E) - 1;
        double taught = -((0.25 * Math.Log(2.0 / 3)) + (0.75 * Math.Log(1.0 / 3)));
        Assert.Equal((labelled + taught) / 2, loss.Mean, 1e-6);

        var same = new OutputLoss();
        same.Add(batch, new Dictionary<string, Tensor> { ["y"] = Tensor.Of([3f, 4], 2) }, new Dictionary<string, Tensor> { ["y"] = Tensor.Of([3f, 3], 2) });
        Assert.Equal(1.0 / 25, same.Mean, 1e-9);
    }
}
