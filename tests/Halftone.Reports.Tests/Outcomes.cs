using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.Reports.Tests;

/// <summary>Outcomes to draw: real ones of the bundled networks, and a made one whose every number is known.</summary>
internal static class Outcomes
{
    /// <summary>A bundled network quantized for real, on few samples.</summary>
    public static Outcome Real(string network, Recipe recipe, bool data = true, bool labels = true, double? maxDrop = null)
    {
        string samples = Paths.InRepository("samples");
        Model model = Model.Load(Path.Combine(samples, network + ".onnx"));
        var reading = new DataOptions { Preprocessing = Preprocessing.Parse(Path.Combine(samples, "preprocessing.json")) };
        IDataSet Images(string part) => DataSets.Open(Path.Combine(samples, "fashion-mnist", part + "-images-idx3-ubyte.gz"), model.Graph.Inputs, reading);
        return Quantizer.Quantize(model, recipe, data ? Images("calib") : null, new QuantizerOptions
        {
            Calibration = new CalibrationOptions { Samples = 32, Threads = 1 },
            Measured = labels ? Images("calib") : null, // the fewer images: what is measured here is the page
            Proof = new ProofOptions { LatencyBudget = TimeSpan.FromSeconds(0.2), MaxDrop = maxDrop },
        }, TestContext.Current.CancellationToken).Outcome;
    }

    /// <summary>A made one.</summary>
    public static Outcome Made() => new()
    {
        Status = OutcomeStatus.GoalMissed,
        Reason = "top-1 lost 1.2 points, more than the 0.5 allowed",
        Warnings = ["slower than float"],
        NextActions = ["halftone tune"],
        Float = new ModelFacts("net.onnx", 1_200_000, 17, 60, 300_000, 40_000_000, "00"),
        Quantized = new ModelFacts("net.int8.onnx", 320_000, 17, 180, 300_000, 40_000_000, "01"),
        Recipe = new Recipe { Name = "ort-int8" },
        Target = "ort-x64",
        RangeMethod = "mse",
        RangeTrials = [new("mse", 31.2, 0.98), new("min-max", double.PositiveInfinity, 0.97)],
        CodedBytes = 230_000,
        Sizes = [new("Conv weights", 1_100_000, 280_000, 210_000, "int8"), new("Conv biases", 4_000, 4_000, 3_900, "")],
        Accuracy = [new("top-1", 92.5, 91, 94, 91.3, 90, 92.5, -1.2, 0.3, 2500, true)],
        Agreement = new(31.2, 0.999, 0.98, 64),
        Canary = new(30.1, 0.999, 0.97, 64),
        Latency = new(1.2, 0.6, 2, 1.9, 2.1, 40, 2),
        Engine = new("", "avx2", new(0.6, 0.3, 2, 1.8, 2.2, 50, 2), [new("logits", 0.02, 0.004, 1, 0.98), new("box", 0, 0, null, null)], 64),
        OperatorTimes = [new("Conv", 1.1, 0), new("QLinearConv", 0, 0.5)],
        Fusion = [new("conv1", "Conv", 1000, true, "QLinearConv", ""), new("swish", "HardSwish", 0, false, "", "no integer kernel"), new("conv2", "Conv", 20, true, "QLinearConv", "")],
        FusedNodes = 0.5,
        FusedMacs = 1,
        Layers = [.. Enumerable.Range(0, 12).Select(i => new LayerEntry($"conv{i}", "Conv", $"value{i}", 20 - i)), new LayerEntry("same", "Relu", "same", double.PositiveInfinity), new LayerEntry("nan", "Relu", "nan", double.NaN)],
        Edges =
        [
            new("a", 0.01, -1, [.. Enumerable.Range(0, 200).Select(i => (long)(1000 * Math.Exp(-Math.Pow((i - 100) / 30.0, 2))))], 0.008f, 128, -1, 1, 0.001, [new("min-max", -1, 1), new("mse", -0.8, 0.9)]),
            new("b", 0.02, 0, [.. Enumerable.Range(0, 50).Select(i => (long)(500 - (10 * i)))], 0.06f, 0, 0, 0.9, 0.01, [new("percentile", 0, 0.8)]),
        ],
        KeptFloat = ImmutableSortedDictionary<string, string>.Empty.Add("swish", "no integer HardSwish"),
        Calibration = new("folder", 512, 32, 1, 1234, 100_000, ["broken.png: no picture"]),
        Passes = ["1 Flatten nodes became Reshape"],
        Environment = ImmutableSortedDictionary<string, string>.Empty.Add("processor", "some"),
    };

    /// <summary>One as large as a deep network with a transformer's names.</summary>
    public static Outcome Large(int size)
    {
        string Name(int i) => $"/model/encoder/layers.{i}/" + string.Concat(Enumerable.Repeat("attention_self_projection_", 6)) + i;
        return Made() with
        {
            Float = new ModelFacts(new string('m', 120) + ".onnx", 900_000_000, 17, 5000, 220_000_000, 40_000_000_000, new string('a', 64)),
            Layers = [.. Enumerable.Range(0, size).Select(i => new LayerEntry(Name(i), "MatMul", Name(i), 60 - (50.0 * i / size)))],
            Fusion = [.. Enumerable.Range(0, 2 * size).Select(i => new FusionEntry(Name(i), "MatMul", i, i % 3 > 0, "QLinearMatMul", i % 3 > 0 ? "" : Name(i % 7) + " is not quantized"))],
            Edges = [.. Enumerable.Range(0, size).Select(i => new EdgeEntry(Name(i), 0.01, -1, [.. Enumerable.Range(0, 256).Select(b => (long)(b * i))], 0.01f, 128, -1, 1.5, 0, [new("min-max", -1, 1.56)]))],
        };
    }
}
