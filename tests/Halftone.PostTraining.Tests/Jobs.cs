using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests;

/// <summary>Recipes and jobs of the tests.</summary>
internal static class Jobs
{
    /// <summary>Static quantization by plain min/max, everything else the target's.</summary>
    public static Recipe Plain(Target target) => new() { Name = "plain", Target = target.Id, Activations = new ActivationRecipe { Range = "min-max" } };

    public static QuantizationJob Start(Model model, Recipe recipe, IDataSet? data, QuantizerOptions? options = null) =>
        QuantizationJob.Start(model, recipe, data, options ?? new QuantizerOptions { Calibration = new CalibrationOptions { Threads = 1 } });

    /// <summary>Plan and model of a recipe.</summary>
    public static (QuantizationPlan Plan, Model Quantized) Solve(Model model, Recipe recipe, IDataSet? data, QuantizerOptions? options = null)
    {
        using QuantizationJob job = Start(model, recipe, data, options);
        return job.Solve();
    }
}
