using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Proofs;

public sealed class ProofTests
{
    [Fact]
    public void A_collapsed_result_says_why_and_is_measured_whole()
    {
        Recipe two = new() { Name = "two", Weights = new WeightRecipe { Bits = 2 }, Activations = new ActivationRecipe { Range = "min-max", Bits = 2 } };
        Outcome outcome = Quantizer.Quantize(FashionSamples.Load("fashion_resnet"), two, FashionSamples.Calibration(32), new QuantizerOptions
        {
            Measured = FashionSamples.Test(100),
            Proof = new ProofOptions { LatencyBudget = TimeSpan.FromMilliseconds(200) },
        }).Outcome;
        Assert.Equal(OutcomeStatus.Failed, outcome.Status);
        Assert.Contains("collapsed", outcome.Reason, StringComparison.Ordinal);
        Assert.True(outcome.Accuracy[0].Difference < -10);
        Assert.NotNull(outcome.Latency);
        Assert.NotEmpty(outcome.Layers);
        Assert.NotEmpty(outcome.NextActions);
    }

    [Fact]
    public void Labels_of_a_model_with_several_outputs_need_a_metric_that_names_one()
    {
        var net = new Net([new ValueInfo("x", ElementType.Float, [1, 6])], ["y", "z"]);
        net.Op("Gemm", ["x", net.Constant("w", 0.3f, 6, 4)], "y");
        net.Op("Gemm", ["x", net.Constant("v", 0.3f, 6, 3)], "z");
        var data = new SeededData(net.Model.Graph.Inputs, 8) { Label = i => i % 3 };
        Recipe recipe = Jobs.Plain(Onnx.Targets.TargetList.Find("ort-x64"));
        Outcome Measured(string? metric) => Quantizer.Quantize(net.Model, recipe, data, new QuantizerOptions
        {
            Measured = data,
            Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero, Metric = metric },
        }).Outcome;
        Outcome unnamed = Measured(null);
        Assert.Empty(unnamed.Accuracy);
        Assert.Null(unnamed.Agreement!.ArgmaxAgreement);
        Assert.Contains(unnamed.Warnings, w => w.Contains("'y', 'z'", StringComparison.Ordinal) && w.Contains("--metric top-1:output=y", StringComparison.Ordinal));
        Assert.Equal(8, Assert.Single(Measured("top-1:output=z").Accuracy).Samples);
    }

    [Fact]
    public void Weights_that_were_rounded_without_their_inputs_are_named()
    {
        var net = new Net([1, 64]);
        net.Op("MatMul", ["x", net.Constant("w", 0.3f, 64, 8)], "y");
        Recipe recipe = RecipeFile.Find("weight-only-int4");
        Outcome Warned(bool data, long memory) => Quantizer.Quantize(net.Model, recipe, data ? new SeededData(net.Model.Graph.Inputs, 4) : null, new QuantizerOptions
        {
            Calibration = new CalibrationOptions { Memory = memory },
            Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero },
        }).Outcome;
        Assert.Contains(Warned(data: false, 1 << 20).Warnings, w => w.Contains("without knowing their inputs", StringComparison.Ordinal) && w.Contains("--data", StringComparison.Ordinal));
        Assert.Contains(Warned(data: true, (64 * 64 * sizeof(double)) - 1).Warnings, w => w.Contains("n_y", StringComparison.Ordinal) && w.Contains("memory", StringComparison.Ordinal));
        Assert.DoesNotContain(Warned(data: true, 1 << 20).Warnings, w => w.Contains("without knowing", StringComparison.Ordinal));
    }

    [Fact]
    public void The_engine_runs_the_result_beside_ONNX_Runtime()
    {
        Recipe recipe = RecipeFile.Find("ort-int8");
        Outcome Proved(bool engine, TimeSpan budget) => Quantizer.Quantize(FashionSamples.Load("fashion_resnet"), recipe, FashionSamples.Calibration(32), new QuantizerOptions
        {
            Calibration = new CalibrationOptions { Threads = 1 },
            Proof = new ProofOptions { LatencyBudget = budget, Details = false, Engine = engine },
        }).Outcome;
        EngineEntry entry = Proved(true, TimeSpan.FromMilliseconds(200)).Engine!;
        Assert.Empty(entry.Obstacle);
        Assert.True(entry.Latency is { Engine: > 0, OnnxRuntime: > 0, Threads: 1 }, entry.ToString());
        EngineDifference output = Assert.Single(entry.Outputs);
        Assert.Equal("logits", output.Output);
        Assert.Null(output.Steps); // this target leaves the last product's sums float
        Assert.InRange(output.Relative, 0, 0.02);
        Assert.Equal(32, entry.Samples);
        Assert.Null(Proved(true, TimeSpan.Zero).Engine!.Latency);
        Assert.Null(Proved(false, TimeSpan.Zero).Engine);
    }

    [Fact]
    public void An_output_out_of_codes_has_their_step()
    {
        var net = new Net([new ValueInfo("x", ElementType.UInt8, [2, 3])], ["y", "z", "r"]);
        net.Op("DequantizeLinear", ["x", net.Scalar("s", 0.25f)], "y");
        net.Op("DequantizeLinear", ["x", net.Constant("t", 0.1f, 3)], "z");
        net.Op("Relu", ["y"], "r");
        Assert.Equal(0.25, EngineProof.Step("y", net.Graph));
        Assert.Null(EngineProof.Step("z", net.Graph));
        Assert.Null(EngineProof.Step("r", net.Graph));
    }

    [Fact]
    public void What_the_engine_does_not_know_is_its_reason_and_no_failure()
    {
        var net = new Net([1, 3, 8, 8]);
        net.Conv("x", "c", 4, 3);
        net.Op("Det", ["c"], "y");
        Outcome outcome = Quantizer.Quantize(net.Model, Jobs.Plain(Onnx.Targets.TargetList.Find("ort-x64")), new SeededData(net.Model.Graph.Inputs, 8), new QuantizerOptions
        {
            Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero, Details = false },
        }).Outcome;
        Assert.NotNull(outcome.Agreement);
        Assert.Contains("Det of node 'n_y'", outcome.Engine!.Obstacle, StringComparison.Ordinal);
        Assert.DoesNotContain("n_y", outcome.Reason, StringComparison.Ordinal);
        Assert.Empty(outcome.Engine.Outputs);
    }
}
