using Halftone.Data;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Plans;

/// <summary>What methods with codebooks claim, on the weights and inputs of real networks.</summary>
public sealed class CodebookPlanTests
{
    private static readonly WeightTarget s_eight = new(new IntegerGrid(8, signed: false), true, Granularity.Tensor);

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("resnet20_cifar10_ft")]
    public void Knowing_the_inputs_makes_weights_err_more_and_outputs_less(string name)
    {
        (Model model, IDataSet data) = Network(name);
        using QuantizationJob job = Start(model, "bit-goes-down", data);
        (double Weight, double Output) plain = default;
        (double Weight, double Output) aware = default;
        int layers = 0;
        foreach ((WeightView view, LayerStatistics statistics) in Layers(job).Where(l => l.View.Shape is [> 8, > 1, 3, 3]))
        {
            Add(ref plain, view, statistics, new BitGoesDown().Quantize(view, s_eight, LayerStatistics.None));
            Add(ref aware, view, statistics, new BitGoesDown().Quantize(view, s_eight, statistics));
            layers++;
        }

        Assert.True(layers > 5);
        string found = $"weights {plain.Weight / layers} became {aware.Weight / layers}, outputs {plain.Output / layers} became {aware.Output / layers}";
        Assert.True(aware.Weight > 1.03 * plain.Weight, found);
        Assert.True(aware.Output < 0.9 * plain.Output, found);
    }

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("resnet20_cifar10_ft")]
    public void Sixteen_values_of_k_means_err_less_than_the_best_equal_steps(string name)
    {
        (Model model, IDataSet data) = Network(name);
        using QuantizationJob job = Start(model, "k-means", data);
        var four = new WeightTarget(new IntegerGrid(4, signed: true), true, Granularity.Tensor);
        double[] errors = [.. new IWeightMethod[] { new OptimalMse(), new KMeans(), new KMeans { Start = LloydStart.Density } }
            .Select(method => Layers(job).Average(l => RelativeError(l.View, method.Quantize(l.View, four, LayerStatistics.None).Dequantize())))];
        Assert.True(errors[1] < 0.8 * errors[0] && errors[2] < 0.8 * errors[0], string.Join(", ", errors));
    }

    [Fact]
    public void A_network_of_deep_compression_comes_back_as_it_was()
    {
        // pruned and trained by the method's authors: at most 256 values a layer besides zero
        var model = Model.Load(Paths.Shared("data/models/squeezenet_dc_imagenet.onnx"));
        using QuantizationJob job = Start(model, "deep-compression", null);
        (long bits, long elements) = (0, 0);
        foreach ((WeightView view, _) in Layers(job))
        {
            QuantizedTensor q = new DeepCompression().Quantize(view, s_eight, LayerStatistics.None);
            Assert.Equal(view.Values.ToArray(), q.Dequantize());
            (bits, elements) = (bits + q.StorageBits, elements + q.Count);
        }

        // a bit for each place, eight for each of the third that is left, and the codebooks
        Assert.InRange((double)bits / elements, 3.3, 4.2);
    }

    private static QuantizationJob Start(Model model, string recipe, IDataSet? data) =>
        Jobs.Start(model, RecipeFile.Find(recipe), data, new QuantizerOptions { Calibration = new CalibrationOptions { Samples = 64 } });

    private static (Model Model, IDataSet Data) Network(string name)
    {
        if (name.StartsWith("fashion", StringComparison.Ordinal))
        {
            return (FashionSamples.Load(name), FashionSamples.Calibration(64));
        }

        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
        return (model, DataSets.OpenSplit(Paths.Shared("data/datasets/cifar10-jpeg"), model.Graph.Inputs, new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") }).Calibration!);
    }

    private static IEnumerable<(WeightView View, LayerStatistics Statistics)> Layers(QuantizationJob job)
    {
        Graph graph = job.Prepared.Model.Graph;
        foreach (InputSite site in job.Placement.Weights.OrderBy(s => s.Node, StringComparer.Ordinal))
        {
            Node node = graph.Nodes.First(n => n.Name == site.Node);
            yield return (WeightViews.Of(node, graph.Constant(node.Input(site.Input))!), job.Builder.Layers.GetValueOrDefault(site, LayerStatistics.None));
        }
    }

    private static void Add(ref (double Weight, double Output) sums, WeightView view, LayerStatistics statistics, QuantizedTensor q)
    {
        float[] values = q.Dequantize();
        sums.Weight += RelativeError(view, values);
        float[] weight = view.Values.ToArray();
        double[] difference = [.. weight.Zip(values, (w, x) => (double)w - x)];
        sums.Output += Power(view, statistics.SecondMoment!, difference) / Power(view, statistics.SecondMoment!, [.. weight.Select(w => (double)w)]);
    }

    private static double RelativeError(WeightView view, float[] values) =>
        view.Values.ToArray().Zip(values, (w, x) => Math.Pow((double)w - x, 2)).Sum() / view.Values.ToArray().Sum(w => (double)w * w);

    // sum over outputs of w M w^T
    private static double Power(WeightView view, double[] moment, double[] rows)
    {
        int d = view.Matrix!.Value.Columns;
        double sum = 0;
        for (int row = 0; row < rows.Length; row += d)
        {
            for (int i = 0; i < d; i++)
            {
                for (int j = 0; j < d; j++)
                {
                    sum += rows[row + i] * moment[(i * d) + j] * rows[row + j];
                }
            }
        }

        return sum;
    }
}
