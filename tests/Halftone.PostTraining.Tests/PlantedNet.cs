using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests;

/// <summary>A small classifier of which one layer is spoilt for quantization, though it computes what a sound one would; its labels are its own decisions.</summary>
internal sealed class PlantedNet
{
    private PlantedNet(Net net) => Model = net.Model;

    public Model Model { get; }

    /// <summary>Weights by tensor, ranges by minimum and maximum, so that one large number spoils a tensor.</summary>
    public static Recipe Recipe { get; } = new()
    {
        Name = "planted",
        Target = "ort-x64-vnni",
        Weights = new WeightRecipe { Granularity = RecipeGranularity.Tensor },
        Activations = new ActivationRecipe { Range = "min-max" },
    };

    /// <summary>Convolution c2 reads a channel that is always 0 with weights a hundred times the others.</summary>
    public static PlantedNet BadWeights()
    {
        Net net = Classifier();
        float[] bias = net.Graph.Constant("b_c1")!.ToFloats();
        bias[0] = -100; // behind the Relu nothing is left of channel 0
        net.Constant("b_c1", Tensor.Of(bias, 8));
        float[] weight = net.Graph.Constant("w_c2")!.ToFloats();
        for (int o = 0; o < 8; o++)
        {
            for (int k = 0; k < 9; k++)
            {
                weight[(o * 72) + k] *= 200;
            }
        }

        net.Constant("w_c2", Tensor.Of(weight, 8, 8, 3, 3));
        return new PlantedNet(net);
    }

    /// <summary>Channel 0 between c2 and c3 is a hundred times the others, and c3 does not look at it.</summary>
    public static PlantedNet BadActivations()
    {
        Net net = Classifier();
        float[] bias = net.Graph.Constant("b_c2")!.ToFloats();
        bias[0] = 300;
        net.Constant("b_c2", Tensor.Of(bias, 8));
        float[] weight = net.Graph.Constant("w_c3")!.ToFloats();
        for (int o = 0; o < 8; o++)
        {
            weight.AsSpan(o * 72, 9).Clear();
        }

        net.Constant("w_c3", Tensor.Of(weight, 8, 8, 3, 3));
        return new PlantedNet(net);
    }

    public SeededData Calibration(int count = 32) => new(Model.Graph.Inputs, count, seed: 5);

    /// <summary>Other samples, labelled by the float model, so that it is right on all of them.</summary>
    public SeededData Labelled(int count)
    {
        var plain = new SeededData(Model.Graph.Inputs, count, seed: 6);
        using OrtSession session = OrtSession.Load(Model, new OrtOptions { Threads = 1 });
        int[] labels = [.. Enumerable.Range(0, count).Select(i => session.Run(plain.Read(i).Inputs)["y"].ToFloats()).Select(y => Array.IndexOf(y, y.Max()))];
        return new SeededData(Model.Graph.Inputs, count, seed: 6) { Label = i => labels[i] };
    }

    private static Net Classifier()
    {
        var net = new Net([null, 4, 8, 8], seed: 11);
        net.Op("Relu", [net.Conv("x", "c1", 8, 4)], "r1");
        net.Op("Relu", [net.Conv("r1", "c2", 8, 8)], "r2");
        net.Op("Relu", [net.Conv("r2", "c3", 8, 8)], "r3");
        net.Op("Flatten", ["r3"], "f");
        net.Op("Gemm", ["f", net.Constant("w", 0.1f, 512, 6), net.Constant("b", 0.1f, 6)], "y");
        return net;
    }
}
