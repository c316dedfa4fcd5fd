using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Correction;

/// <summary>Steps that change formats: bits per channel of activations, points under a budget, means of weights.</summary>
public sealed class LowBitStepTests
{
    [Fact]
    public void Channels_of_activations_keep_their_mean_bits_and_ONNX_Runtime_computes_each_on_its_own_grid()
    {
        Recipe recipe = new() { Name = "a4", Target = "ort-x64-vnni", Weights = new WeightRecipe { Bits = 8 }, Activations = new ActivationRecipe { Range = "min-max", Bits = 4 } };
        using QuantizationJob job = Jobs.Start(FashionSamples.Load("fashion_resnet"), recipe, FashionSamples.Calibration(64));
        (QuantizationPlan plan, _) = job.Solve();
        QuantizationPlan shared = new AciqActivationBits().Improve(job.Prepared.Model.Graph, plan, job.Run!);

        AffineGrid[] grids = [.. shared.Edges.Values.OfType<AffineGrid>().Where(g => !g.Bits.IsEmpty)];
        Assert.NotEmpty(grids);
        Assert.All(grids, g => Assert.InRange(g.Bits.Average(b => b), 3.5, 4.5));
        Assert.Contains(grids, g => g.Bits.Distinct().Count() > 1);
        Assert.True(job.Run!.Compare(shared).Sqnr > job.Run.Compare(plan).Sqnr, "it errs more than min/max");

        // one edge alone in a model of its own: every value the nearest of its channel's levels
        float[] values = [.. Enumerable.Range(0, 2 * 3 * 4).Select(i => ((i * 7 % 24) - 10) / 3f)];
        var grid = new AffineGrid([new(0.5f, 0), new(0.25f, 3), new(1f, 1)], new(8, signed: false), -2, [2, 4, 1]);
        var net = new Net([2, 3, 4]);
        net.Op("Relu", [net.Op("Neg", ["x"], "n")], "y");
        QuantizationPlan alone = QuantizationPlan.Empty with { Edges = QuantizationPlan.Empty.Edges.Add("n", grid), Readers = [new InputSite("n_y", 0)] };
        using OrtSession session = OrtSession.Load(QdqExport.Apply(net.Model, alone), new OrtOptions { Threads = 1 });
        float[] got = session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(values, 2, 3, 4) })["y"].ToFloats();
        (float Scale, int Zero, int Levels)[] channels = [(0.5f, 0, 4), (0.25f, 3, 16), (1f, 1, 2)];
        float[] wanted = [.. values.Select((v, i) =>
        {
            (float scale, int zero, int levels) = channels[i / 4 % 3];
            return Math.Max(0, Enumerable.Range(0, levels).Select(q => (q - zero) * scale).OrderBy(l => Math.Abs(l + v)).ThenBy(l => Math.Abs(l / scale) % 2).First());
        })];
        Assert.Equal(wanted, got);
    }

    // the range of one side is that of twice as many levels of both: 2.9362 deviations for 4 bits of a normal distribution
    [Fact]
    public void A_channel_behind_a_Relu_is_clipped_as_half_of_its_distribution()
    {
        var net = new Net([null, 1, 16, 16]);
        net.Op("Conv", [net.Op("Relu", ["x"], "r"), net.Constant("w", 1, 2, 1, 1, 1)], "y");
        Recipe recipe = new() { Name = "a4", Target = "ort-x64-vnni", Weights = new WeightRecipe { Bits = 8 }, Activations = new ActivationRecipe { Range = "min-max", Bits = 4 } };
        using QuantizationJob job = Jobs.Start(net.Model, recipe, new SeededData(net.Graph.Inputs, 64, seed: 3));
        (QuantizationPlan plan, _) = job.Solve();
        QuantizationPlan clipped = new AciqActivationBits { Gauss = true }.Improve(job.Prepared.Model.Graph, plan, job.Run!);
        AffineParameters channel = ((AffineGrid)clipped.Edges["r"]).Parameters.Single();
        Assert.InRange(channel.Scale * 15, 0.97 * 2.9362, 1.03 * 2.9362);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.5)]
    public void Further_points_stay_within_their_budget_and_more_budget_errs_less(double extra)
    {
        using QuantizationJob job = Jobs.Start(FashionSamples.Load("fashion_resnet"), Recipe.Find("multi-point") with { Corrections = [] }, FashionSamples.Calibration(32));
        Graph graph = job.Prepared.Model.Graph;
        (QuantizationPlan plan, _) = job.Solve();
        QuantizationPlan within = new MultiPointBudget { Extra = extra }.Improve(graph, plan, job.Run!);
        QuantizationPlan none = new MultiPointBudget { Extra = 0 }.Improve(graph, plan, job.Run!);
        (double spent, double all) = (0, 0);
        foreach (Node node in graph.Nodes.Where(n => n.Op is "Conv" or "Gemm"))
        {
            long macs = Macs.Of(graph, node, job.Run!.Values);
            spent += macs * MultiPointBudget.FurtherPoints(WeightViews.Of(node, graph.Constant(node.Input(1))!), within.Weights[new(node.Name, 1)]);
            all += macs;
        }

        Assert.InRange(spent / all, extra == 0 ? 0 : 0.5 * extra, extra);
        Assert.True(extra == 0 || job.Run!.Compare(within).Sqnr > job.Run.Compare(none).Sqnr + 0.5);
    }

    [Fact]
    public void Corrected_weights_have_the_means_and_deviations_they_had_without_a_sample()
    {
        Model model = FashionSamples.Load("fashion_resnet");
        using QuantizationJob job = Jobs.Start(model, Recipe.Find("mse-w4"), data: null);
        (QuantizationPlan plan, _) = job.Solve();
        foreach ((InputSite site, QuantizedTensor quantized) in plan.Weights)
        {
            Node node = job.Prepared.Model.Graph.Nodes.First(n => n.Name == site.Node);
            WeightView weight = WeightViews.Of(node, job.Prepared.Model.Graph.Constant(node.Input(1))!);
            (float[] was, float[] now) = (weight.Values.ToArray(), quantized.Dequantize());
            int row = was.Length / weight.OutputChannels;
            for (int c = 0; node.Is("Conv") && c < weight.OutputChannels; c++)
            {
                (float[] a, float[] b) = (was[(c * row)..((c + 1) * row)], now[(c * row)..((c + 1) * row)]);
                double size = Math.Sqrt(a.Average(v => (double)v * v));
                Assert.Equal(a.Average(v => (double)v), b.Average(v => (double)v), 1e-5 * size);
                Assert.Equal(Deviation(a), Deviation(b), 1e-4 * size);
            }
        }
    }

    private static double Deviation(float[] values) => Math.Sqrt(values.Average(v => Math.Pow(v - values.Average(w => (double)w), 2)));
}
