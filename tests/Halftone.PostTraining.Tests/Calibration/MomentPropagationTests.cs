using Halftone.Data;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Tests.Equalization;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.PostTraining.Tests.Calibration;

public sealed class MomentPropagationTests
{
    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void Means_of_the_bundled_networks_follow_those_that_are_seen(string name) =>
        RequireFollows(FashionSamples.Load(name), FashionSamples.Calibration(128), new ClipRange(-0.8103, 2.0227), least: 0.9);

    [Fact]
    public void Means_of_ResNet20_follow_those_that_are_seen()
    {
        Model model = Model.Load(Paths.Shared("data/models/resnet20_cifar10_ft_bn.onnx"));
        DataSplit split = DataSets.OpenSplit(Paths.Shared("data/datasets/cifar10-jpeg"), model.Graph.Inputs, new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") });
        RequireFollows(model, new DataSubset(split.Calibration, [.. Batches.Evenly(split.Calibration.Count, 256)]), new ClipRange(-2.12, 2.64), least: 0.9);
    }

    // a network of nothing but normalized layers and what comes after them, whose inputs are what normalization makes of them
    [Theory]
    [InlineData("Relu")]
    [InlineData("Clip")]
    [InlineData("LeakyRelu")]
    [InlineData("Sigmoid")]
    [InlineData("HardSwish")]
    [InlineData("Tanh")]
    [InlineData("Add")]
    [InlineData("Mul")]
    [InlineData("Concat")]
    [InlineData("Conv")]
    [InlineData("MatMul")]
    public void Mean_and_variance_are_those_of_draws(string op)
    {
        const int Samples = 40_000;
        var net = new Net([new("x", ElementType.Float, [Samples, 4]), new("z", ElementType.Float, [Samples, 4])], ["y"], opset: 14);
        string a = Normalized(net, "x");
        string b = Normalized(net, "z");
        switch (op)
        {
            case "Clip":
                net.Op("Clip", [a, net.Scalar("low", 0), net.Scalar("high", 1)], "y");
                break;
            case "Add" or "Mul":
                net.Op(op, [net.Op("Relu", [a], "r"), b], "y");
                break;
            case "Concat":
                net.Op("Concat", [net.Op("Relu", [a], "r"), b], "y", n => n.With("axis", 1));
                break;
            case "Conv":
                net.Op("Unsqueeze", [net.Op("Relu", [a], "r"), net.Integers("axes", 2, 3)], "u");
                net.Conv("u", "y", 3, 4, kernel: 1);
                break;
            case "MatMul":
                net.Op("MatMul", [net.Op("Relu", [a], "r"), net.Constant("w", 0.5f, 4, 3)], "y");
                break;
            default:
                net.Op(op, [a], "y");
                break;
        }

        // what the fold leaves behind: moments by node, though these inputs are normal already
        var moments = new Dictionary<string, BatchNormMoments> { ["n_nx"] = Moments(1), ["n_nz"] = Moments(-1) };
        float[] other = Net.Normal(new CounterRandom(99), Samples * 4);
        var data = new SeededData(net.Model.Graph.Inputs, 1) { Change = (_, input, values) => (input == "z" ? other : values).CopyTo(values, 0) };
        var seen = Calibrator.Observe(net.Model, data.Read(0).Inputs);
        DerivedMoments derived = MomentPropagation.Of(net.Graph, moments, seen, new Dictionary<string, ClipRange>());
        Assert.Empty(derived.Unknown);
        Tensor y = Fidelity.Run(net.Model, data.Read(0).Inputs)["y"];
        int channels = (int)y.Dims[1];
        double[] expected = derived.Means("y", 1, channels)!;
        float[] values = y.ToFloats();
        for (int c = 0; c < channels; c++)
        {
            Assert.Equal(values.Where((_, i) => i % channels == c).Average(v => (double)v), expected[c], 0.03);
        }

        TensorStatistics statistics = derived.Statistics("y")!;
        double mean = values.Average(v => (double)v);
        Assert.Equal(1, values.Average(v => (v - mean) * (v - mean)) / statistics.Variance, 0.05);
        Assert.InRange(values.Count(v => v < statistics.Min - 1e-6 || v > statistics.Max + 1e-6), 0, op == "Mul" ? 100 : 0); // a product of normals has longer tails than a normal
        Assert.Equal(statistics.Mean, Enumerable.Range(0, statistics.Histogram.Counts.Length).Sum(i => statistics.Histogram.Centre(i) * statistics.Histogram.Counts[i]) / statistics.Histogram.Total, 0.06);
        Assert.Equal(0, op is "Relu" ? (statistics.Zeros / (double)statistics.Count) - (values.Count(v => v == 0) / (double)values.Length) : 0, 0.01);
    }

    [Fact]
    public void Statistics_serve_every_range_method()
    {
        Model model = FashionSamples.Load("fashion_mobilenet");
        (Model ready, PassContext context) = Equalized.Ready(model, FashionSamples.Calibration(1));
        var seen = Calibrator.Observe(ready, FashionSamples.Calibration(1).Read(0).Inputs);
        DerivedMoments derived = MomentPropagation.Of(ready.Graph, context.BatchNorm, seen, new Dictionary<string, ClipRange> { ["input"] = new(-0.8103, 2.0227) });
        Assert.Empty(derived.Unknown);
        foreach (string value in seen.Where(v => v.Value.Type is ElementType.Float).Select(v => v.Key))
        {
            TensorStatistics statistics = derived.Statistics(value)!;
            foreach (MethodEntry<IRangeMethod> method in RangeMethods.All.All)
            {
                ClipRange range = method.Default.Estimate(statistics, new QuantizationGrid(new IntegerGrid(8, false), false));
                Assert.True(double.IsFinite(range.Min) && range.Min <= range.Max && double.IsFinite(range.Max), $"{value}: {method.Info.Id} gives {range}");
            }
        }
    }

    [Fact]
    public void An_operator_without_a_rule_is_named()
    {
        var net = new Net([1, 4, 8, 8]);
        net.Op("LRN", [net.Conv("x", "a", 4, 4)], "y", n => n.With("size", 3));
        DerivedMoments derived = MomentPropagation.Of(net.Graph, new Dictionary<string, BatchNormMoments>(), new Dictionary<string, ObservedValue>(), new Dictionary<string, ClipRange> { ["x"] = new(-1, 1) });
        Assert.Equal(["LRN 'n_y'"], derived.Unknown);
        Assert.Null(derived.Statistics("y"));
        Assert.NotNull(derived.Statistics("a"));
    }

    private static BatchNormMoments Moments(float mean) => new([mean, 0, 0.5f * mean, 3 * mean], [1, 0.5f, 2, 0.7f]);

    // gamma x + beta of a normal x
    private static string Normalized(Net net, string input)
    {
        BatchNormMoments moments = Moments(input == "x" ? 1 : -1);
        var eye = new float[16];
        for (int i = 0; i < 4; i++)
        {
            eye[i * 5] = moments.Deviation[i];
        }

        return net.Op("Gemm", [input, net.Constant($"e{input}", Tensor.Of(eye, 4, 4)), net.Constant($"m{input}", Tensor.Of(moments.Mean, 4))], $"n{input}");
    }

    private static void RequireFollows(Model model, IDataSet data, ClipRange input, double least)
    {
        (Model ready, PassContext context) = Equalized.Ready(model, data);
        var seen = Calibrator.Observe(ready, data.Read(0).Inputs);
        DerivedMoments derived = MomentPropagation.Of(ready.Graph, context.BatchNorm, seen, new Dictionary<string, ClipRange> { [ready.Graph.Inputs[0].Name] = input });
        Assert.Empty(derived.Unknown);

        // inputs of the layers, as bias correction asks for them
        string[] values = [.. ready.Graph.Nodes.Where(n => n.Op is "Conv" or "Gemm" && ready.Graph.Producer(n.Input(0)) is not null).Select(n => n.Input(0)).Distinct()];
        var learned = new Dictionary<string, StatisticsCollector>();
        ValueTap.Visit(ready, values, seen, data, new CalibrationOptions { Threads = 1 }, (name, dims, numbers, _) =>
        {
            StatisticsCollector collector = learned.TryGetValue(name, out StatisticsCollector? one) ? one : learned[name] = new StatisticsCollector(1);
            collector.Add(numbers, [.. dims.ToArray().Select(d => (int)d)]);
        }, CancellationToken.None);
        double[] found = [.. values.SelectMany(v => learned[v].Snapshot().Channels!.Mean)];
        double[] expected = [.. values.SelectMany(v => derived.Means(v, 1, learned[v].Snapshot().Channels!.Mean.Length)!)];
        double correlation = Correlation(found, expected);
        TestContext.Current.SendDiagnosticMessage($"correlation of {found.Length} means {correlation:F3}");
        Assert.True(correlation > least, $"{correlation}");
    }

    private static double Correlation(double[] a, double[] b)
    {
        (double ma, double mb) = (a.Average(), b.Average());
        return a.Zip(b).Sum(p => (p.First - ma) * (p.Second - mb)) / Math.Sqrt(a.Sum(v => (v - ma) * (v - ma)) * b.Sum(v => (v - mb) * (v - mb)));
    }
}
