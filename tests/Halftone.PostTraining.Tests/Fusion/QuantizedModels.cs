using System.Collections.Concurrent;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Fusion;

/// <summary>A real model, its quantized form, and a few real inputs.</summary>
internal sealed record QuantizedModel(Model Float, Model Quantized, IReadOnlyList<IReadOnlyDictionary<string, Tensor>> Samples);

/// <summary>Real models quantized on real data: the bundled networks, and those of the development data where they are. Each is made once.</summary>
internal static class QuantizedModels
{
    private const string Models = "data/models/";
    private const string Sets = "data/datasets/";
    private const float Byte = 1 / 255f;

    private static readonly ConcurrentDictionary<string, Lazy<QuantizedModel>> s_made = new();

    private static readonly Dictionary<string, (string Model, string Data, Preprocessing? Preprocessing)> s_shared = new()
    {
        ["resnet8"] = (Models + "resnet8_cifar10_bn.onnx", Sets + "cifar10-jpeg/calib.bin.gz", null),
        ["resnet20"] = (Models + "resnet20_cifar10_ft.onnx", Sets + "cifar10-jpeg/calib.bin.gz", new() { Scale = Byte, Mean = [0.485f, 0.456f, 0.406f], Deviation = [0.229f, 0.224f, 0.225f] }),
        ["dscnn_kws"] = (Models + "dscnn_kws.onnx", Sets + "kws-features/x_int8.npy", new() { Scale = 0.5847029f, Mean = [48.53034f] }),
        ["squeezenet"] = (Models + "squeezenet_dc_imagenet.onnx", Sets + "imagenet-val", new() { Colours = ColourOrder.Bgr, Mean = [104, 117, 123] }),
        ["ppocr_cls"] = (Models + "ppocr_cls.onnx", Sets + "ocr-lines", new() { Height = 48, Width = 192, Resize = ResizeMode.FitHeightPadRight, Colours = ColourOrder.Bgr, Scale = Byte, Mean = [0.5f], Deviation = [0.5f] }),
        ["blazeface"] = (Models + "blazeface_front_128.onnx", Sets + "imagenet-val", new() { Height = 128, Width = 128, Resize = ResizeMode.Stretch, Scale = 1 / 127.5f, Mean = [1] }),
        ["fsrcnn"] = (Models + "fsrcnn_x2.onnx", Sets + "superres-y/*_lr3.png", new() { Scale = Byte }),
        ["stories"] = (Models + "stories260K.onnx", Sets + "text/stories260K_sampled_ids.npy", null),
    };

    /// <summary>The model's name, without the development data a skip.</summary>
    public static QuantizedModel Of(string model, string recipe, int? weightBits = null, int? activationBits = null) =>
        s_made.GetOrAdd($"{model} {recipe} {weightBits} {activationBits}", _ => new(() => Make(Paths(model), recipe, weightBits, activationBits))).Value;

    /// <summary>The model's data, the first so many samples.</summary>
    public static IDataSet Data(string model, int limit) => Data(Paths(model), limit);

    /// <summary>The model as it is, in floats.</summary>
    public static Model Float(string model) => Paths(model).Model;

    private static IDataSet Data((Model Model, string Data, Preprocessing? Preprocessing) from, int limit) =>
        DataSets.Open(from.Data, from.Model.Graph.Inputs, new DataOptions { Preprocessing = from.Preprocessing, Limit = limit });

    private static (Model Model, string Data, Preprocessing? Preprocessing) Paths(string model)
    {
        if (s_shared.TryGetValue(model, out (string Model, string Data, Preprocessing? Preprocessing) shared))
        {
            // a pattern is no path
            string folder = Testing.Paths.Shared(Path.GetDirectoryName(shared.Data)!);
            return (Model.Load(Testing.Paths.Shared(shared.Model)), Path.Combine(folder, Path.GetFileName(shared.Data)), shared.Preprocessing);
        }

        return (
            Model.Load(Testing.Paths.InRepository($"samples/{model}.onnx")), Testing.Paths.InRepository("samples/fashion-mnist/calib-images-idx3-ubyte.gz"),
            Preprocessing.Parse(Testing.Paths.InRepository("samples/preprocessing.json")));
    }

    private static QuantizedModel Make((Model Model, string Data, Preprocessing? Preprocessing) from, string name, int? weightBits, int? activationBits)
    {
        IDataSet data = Data(from, 8);
        Recipe recipe = RecipeFile.Find(name);
        recipe = recipe with { Weights = recipe.Weights with { Bits = weightBits ?? recipe.Weights.Bits }, Activations = recipe.Activations with { Bits = activationBits ?? recipe.Activations.Bits } };
        using QuantizationJob job = QuantizationJob.Start(from.Model, recipe, data, new QuantizerOptions { Calibration = new CalibrationOptions { Threads = 1 } });
        Model quantized = job.Solve().Quantized;
        return new(from.Model, quantized, [.. Batches.Of(data, [0, 3], 1, new SkippedFiles(), CancellationToken.None).Select(b => b.Inputs)]);
    }
}
