using System.Collections.Immutable;
using Halftone.PostTraining.Sensitivity;

namespace Halftone.PostTraining.Tests.Sensitivity;

public sealed class SensitivityAnalysisTests
{
    [Fact]
    public void A_planted_bad_weight_is_found_and_told_from_activations()
    {
        var net = PlantedNet.BadWeights();
        ImmutableArray<NodeSensitivity> ranked = Rank(net);
        Assert.Equal("n_c2", ranked[0].Node);
        Assert.True(ranked[0].WeightSqnr < ranked[0].ActivationSqnr - 15, $"weights {ranked[0].WeightSqnr} dB, activations {ranked[0].ActivationSqnr} dB");
        Assert.True(ranked[0].Sqnr < ranked[1].Sqnr - 15);
        Assert.InRange(ranked[0].NoiseShare, 0.9, 1);
    }

    [Fact]
    public void Planted_bad_activations_are_found_and_told_from_weights()
    {
        var net = PlantedNet.BadActivations();
        ImmutableArray<NodeSensitivity> ranked = Rank(net);
        Assert.Equal(["n_c2", "n_c3"], ranked[..2].Select(r => r.Node).Order()); // the value between them
        Assert.All(ranked[..2], r => Assert.True(r.ActivationSqnr < r.WeightSqnr - 10, $"{r.Node}: weights {r.WeightSqnr} dB, activations {r.ActivationSqnr} dB"));
        Assert.All(ranked[2..], r => Assert.True(r.Sqnr > ranked[1].Sqnr + 10));
    }

    [Fact]
    public void The_cost_of_keeping_a_node_float_is_its_bytes_and_products()
    {
        var net = PlantedNet.BadWeights();
        ImmutableArray<NodeSensitivity> ranked = Rank(net);
        long[] macs = [8 * 8 * 8 * 4 * 9, 8 * 8 * 8 * 8 * 9, 8 * 8 * 8 * 8 * 9, 512 * 6];
        NodeSensitivity c2 = ranked.Single(r => r.Node == "n_c2");
        Assert.Equal((double)macs[1] / macs.Sum(), c2.MacShare, 1e-9);
        Assert.Equal(576 * 4 - 576 - 4, c2.FloatBytes); // floats for codes and their scale
        Assert.Equal((double)macs[3] / macs.Sum(), ranked.Single(r => r.Node == "n_y").MacShare, 1e-9);
        Assert.Equal(1, ranked.Sum(r => r.NoiseShare), 1e-9);
    }

    // each alone: its own parts by hand, everything else float
    [Fact]
    public void A_weight_alone_is_the_model_with_that_weight_rounded()
    {
        var net = PlantedNet.BadWeights();
        NodeSensitivity c3 = Rank(net).Single(r => r.Node == "n_c3");
        Onnx.Model rounded = net.Model.Clone();
        float[] weight = rounded.Graph.Constant("w_c3")!.ToFloats();
        float scale = weight.Max(Math.Abs) / 127;
        rounded.Graph.SetConstant("w_c3", Onnx.Tensor.Of([.. weight.Select(w => MathF.Round(w / scale) * scale)], 8, 8, 3, 3));
        Assert.Equal(Fidelity.Sqnr(net.Model, rounded, net.Calibration()), c3.WeightSqnr, 0.2);
    }

    private static ImmutableArray<NodeSensitivity> Rank(PlantedNet net)
    {
        using QuantizationJob job = Jobs.Start(net.Model, PlantedNet.Recipe, net.Calibration());
        return SensitivityAnalysis.Rank(job, job.Solve().Plan);
    }
}
