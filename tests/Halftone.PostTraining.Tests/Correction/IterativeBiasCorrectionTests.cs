using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Correction;

public sealed class IterativeBiasCorrectionTests
{
    private static readonly Recipe s_coarse = new()
    {
        Name = "coarse",
        Target = "ort-x64-vnni",
        Weights = new WeightRecipe { Bits = 3, Granularity = RecipeGranularity.Tensor },
        Activations = new ActivationRecipe { Range = "min-max" },
    };

    // biases are codes of step input scale * weight scale, so half of one may be left
    [Fact]
    public void Leaves_no_layer_a_mean_shift_which_correcting_all_layers_at_once_does()
    {
        using QuantizationJob job = Jobs.Start(FashionSamples.Load("fashion_resnet"), s_coarse, FashionSamples.Calibration(32));
        (QuantizationPlan plan, Model _) = job.Solve();
        Graph graph = job.Prepared.Model.Graph;

        QuantizationPlan iterative = new IterativeBiasCorrection { Samples = 32 }.Improve(graph, plan, job.Run!);
        QuantizationPlan parallel = new BiasCorrection { Samples = 32 }.Improve(graph, plan, job.Run!);

        Assert.All(Layers(graph), n => Assert.InRange(Shift(job, iterative, n), 0, 0.502));
        Assert.True(Layers(graph).Skip(1).Max(n => Shift(job, parallel, n)) > 2, "the other way leaves none either, so nothing is tested");
        Assert.Equal(plan.Weights, iterative.Weights);
        Assert.Equal(plan.Edges, iterative.Edges);
    }

    [Fact]
    public void Brings_the_bundled_network_nearer_to_float()
    {
        Recipe recipe = s_coarse with { Weights = s_coarse.Weights with { Bits = 4 } };
        using QuantizationJob job = Jobs.Start(FashionSamples.Load("fashion_resnet"), recipe, FashionSamples.Calibration(64));
        (QuantizationPlan plan, Model _) = job.Solve();
        QuantizationPlan corrected = new IterativeBiasCorrection().Improve(job.Prepared.Model.Graph, plan, job.Run!);
        Assert.True(job.Run!.Compare(corrected).Sqnr > job.Run.Compare(plan).Sqnr + 1, $"{job.Run.Compare(plan).Sqnr} dB before, {job.Run.Compare(corrected).Sqnr} dB after");
    }

    private static IEnumerable<Node> Layers(Graph graph) => graph.Nodes.Where(n => n.Op is "Conv" or "Gemm");

    // the largest mean shift of a channel, in steps of the bias
    private static double Shift(QuantizationJob job, QuantizationPlan plan, Node node)
    {
        int axis = node.Is("Conv") ? 1 : -1;
        (ChannelMean Teacher, ChannelMean Student) means = (new(axis), new(axis));
        StudentTap.Outputs(job.Run!, QdqExport.Apply(job.Run!.Model, plan), node, 32, (dims, teacher, student, _) =>
        {
            means.Teacher.Add(dims, teacher);
            means.Student.Add(dims, student);
        }, TestContext.Current.CancellationToken);
        double step = ((AffineGrid)plan.Edges[node.Input(0)]).Scale * ((AffineTensor)plan.Weights[new(node.Name, 1)]).Scales[0];
        return means.Teacher.Less(means.Student).Max(s => Math.Abs(s)) / step;
    }
}
