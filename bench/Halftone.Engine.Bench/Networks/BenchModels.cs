using Halftone.Onnx;
using Halftone.PostTraining;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.Engine.Bench.Networks;

/// <summary>A network of the benchmark.</summary>
/// <param name="Id">Short name, as in file names.</param>
/// <param name="Title">Its name.</param>
/// <param name="Size">Rows and columns of an image.</param>
/// <param name="Build">Builds it from a seed.</param>
internal sealed record Network(string Id, string Title, int Size, Func<int, Model> Build)
{
    /// <summary>The three.</summary>
    public static IReadOnlyList<Network> All { get; } =
    [
        new("r18", "ResNet-18", 224, ResNet.ResNet18),
        new("r20", "ResNet-20", 32, ResNet.ResNet20),
        new("mbv2", "MobileNetV2", 224, seed => MobileNetV2.Build(seed)),
    ];
}

/// <summary>The forms of a network: float, and quantized by the product. Made once and kept in a folder: delete it when how they are made changes.</summary>
internal sealed class BenchModels(string folder, int seed)
{
    private const int CalibrationImages = 16;
    private const int ImagesSeed = 101; // apart from those the networks were normalized on

    /// <summary>Activations uint8 asymmetric, weights int8 symmetric per channel: the form ONNX Runtime is fastest with on x64.</summary>
    private static readonly Recipe s_u8s8 = Of("u8s8", "ort-x64-vnni", signed: false);

    /// <summary>Activations int8, as ONNX Runtime's own quantizer makes them unless told otherwise; weights int8 symmetric, per channel here too, so that only activations differ.</summary>
    private static readonly Recipe s_s8s8 = Of("s8s8", "ort-arm64", signed: true);

    /// <summary>Activations as in the first, weights of 4 bits, two in a byte.</summary>
    private static readonly Recipe s_u8s4 = s_u8s8 with { Name = "u8s4", Target = "ort-x64", Weights = s_u8s8.Weights with { Bits = 4, Packed = true } };

    /// <summary>Ids of the forms.</summary>
    public static IReadOnlyList<string> Forms { get; } = ["f32", "u8s8", "s8s8", "u8s4"];

    /// <summary>The images that a network was not built on.</summary>
    public static NoiseImages FreshImages(Network network, int count) => new("input", network.Size, count, ImagesSeed + 1);

    /// <summary>Path of a form; it is made where it is missing.</summary>
    public string PathOf(Network network, string form)
    {
        string path = Path.Combine(folder, $"{network.Id}_{form}-{seed}.onnx");
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(folder);
            (form switch
            {
                "f32" => network.Build(seed),
                "u8s8" => Quantized(network, s_u8s8),
                "s8s8" => Quantized(network, s_s8s8),
                "u8s4" => Quantized(network, s_u8s4),
                _ => throw new ArgumentException($"There is no form '{form}'.", nameof(form)),
            }).Save(path);
        }

        return path;
    }

    private Model Quantized(Network network, Recipe recipe) => Quantizer.Quantize(
        Model.Load(PathOf(network, "f32")),
        recipe,
        new NoiseImages("input", network.Size, CalibrationImages, ImagesSeed),
        new QuantizerOptions
        {
            Calibration = new CalibrationOptions { Samples = CalibrationImages },
            Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero, Details = false },
        }).Model;

    private static Recipe Of(string name, string target, bool signed) => new()
    {
        Name = name,
        Target = target,
        Weights = new WeightRecipe { Bits = 8, Signed = true, Narrow = true, Granularity = RecipeGranularity.Channel },
        Activations = new ActivationRecipe { Range = "min-max", Bits = 8, Signed = signed, Symmetric = false },
    };
}
