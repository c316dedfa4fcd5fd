using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Sensitivity;

namespace Halftone.PostTraining;

/// <summary>What a quantization may be told besides its recipe.</summary>
public sealed record QuantizerOptions
{
    /// <summary>Another target than the recipe's.</summary>
    public Target? Target { get; init; }

    /// <summary>How to calibrate.</summary>
    public CalibrationOptions Calibration { get; init; } = new();

    /// <summary>How to prove the result.</summary>
    public ProofOptions Proof { get; init; } = new();

    /// <summary>Samples to measure accuracy on, apart from those that calibrate; null for none.</summary>
    public IDataSet? Measured { get; init; }

    /// <summary>Brings the model to at least this opset, as when 16-bit activations are to be tried.</summary>
    public int MinimumOpset { get; init; }

    /// <summary>Seed of everything random; recorded.</summary>
    public int Seed { get; init; }

    /// <summary>Told what is being done, in a few words.</summary>
    public Action<string>? Tell { get; init; }
}

/// <summary>A quantized model, the plan behind it, and everything that was found out about it.</summary>
/// <param name="Model">The result.</param>
/// <param name="Plan">What was done to which weight and edge.</param>
/// <param name="Outcome">What the report shows.</param>
public sealed record QuantizationResult(Model Model, QuantizationPlan Plan, Outcome Outcome)
{
    /// <summary>Writes the model, the recipe and the outcome into a folder; a result that failed its proof is set aside under a name that says so.</summary>
    /// <param name="folder">Made where missing.</param>
    /// <returns>The path of the model.</returns>
    /// <exception cref="IOException">Something cannot be written.</exception>
    public string Save(string folder)
    {
        Directory.CreateDirectory(folder);
        string name = Outcome.Status is OutcomeStatus.Failed
            ? Path.GetFileNameWithoutExtension(Outcome.Quantized.File) + ".failed.onnx" : Outcome.Quantized.File;
        string path = Path.Combine(folder, name);
        Model.Save(path);
        WholeFile.WriteText(Path.Combine(folder, "recipe.json"), RecipeFile.Write(Outcome.Recipe));
        WholeFile.WriteText(Path.Combine(folder, "outcome.json"), System.Text.Json.JsonSerializer.Serialize(Outcome, Outcome.Json) + "\n");
        return path;
    }
}

/// <summary>From a float model to a proven quantized model: passes, one calibration pass, range choice, quantization, proof.</summary>
public static class Quantizer
{
    /// <summary>Quantizes a model as a recipe says, and measures float and quantized on samples that did not calibrate.</summary>
    /// <param name="model">The float model; left as it is.</param>
    /// <param name="recipe">How.</param>
    /// <param name="data">Samples to calibrate with, and others to measure on where they have labels or targets.</param>
    /// <param name="options">Target, threads, memory; what they say of measured samples is overruled.</param>
    /// <param name="cancel">Stops at once; nothing is written by this function.</param>
    /// <exception cref="ModelException">The model cannot be quantized so.</exception>
    /// <exception cref="DataException">There are no samples, or they do not fit the model.</exception>
    public static QuantizationResult Quantize(Model model, Recipe recipe, DataSplit data, QuantizerOptions? options = null, CancellationToken cancel = default) =>
        Quantize(model, recipe, data.Calibration, (options ?? new QuantizerOptions()) with { Measured = data.Measured }, cancel);

    /// <summary>Quantizes a model as a recipe says.</summary>
    /// <param name="model">The float model; left as it is.</param>
    /// <param name="recipe">How.</param>
    /// <param name="data">Calibration samples; may be null for recipes that calibrate nothing, but then nothing is compared either.</param>
    /// <param name="options">Target, threads, memory, labels.</param>
    /// <param name="cancel">Stops at once; nothing is written by this function.</param>
    /// <exception cref="ModelException">The model cannot be quantized so.</exception>
    /// <exception cref="DataException">There are no samples, or they do not fit the model.</exception>
    public static QuantizationResult Quantize(Model model, Recipe recipe, IDataSet? data, QuantizerOptions? options = null, CancellationToken cancel = default)
    {
        options ??= new QuantizerOptions();
        using QuantizationJob job = QuantizationJob.Start(model, recipe, data, options, cancel);
        (QuantizationPlan plan, Model quantized) = job.Solve(cancel);
        (QuantizationJob last, plan, quantized) = SensitivityFloor.Reach(job, plan, quantized, cancel);
        options.Tell?.Invoke("proving");
        return new QuantizationResult(quantized, plan, Proof.Of(last, plan, quantized, options, cancel));
    }
}
