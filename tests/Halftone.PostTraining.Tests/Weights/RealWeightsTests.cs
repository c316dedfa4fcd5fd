using Halftone.Data;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Weights;

/// <summary>What weight methods err on the weights of trained networks: on the bundled ones always, on ResNet-20 where it is here.</summary>
public sealed class RealWeightsTests
{
    public static TheoryData<string> Networks => ["samples/fashion_resnet.onnx", "samples/fashion_mobilenet.onnx", "shared/data/models/resnet20_cifar10_ft.onnx"];

    [Theory, MemberData(nameof(Networks))]
    public void Methods_err_on_weights_in_the_order_that_they_promise(string network)
    {
        foreach (bool perChannel in new[] { false, true })
        {
            double nearest = Error(network, new RoundToNearest(), 4, perChannel).Share;
            double least = Error(network, new Omse(), 4, perChannel).Share;
            double piecewise = Error(network, new Pwlq(), 4, perChannel).Share;
            double oneMore = Error(network, new Omse(), 5, perChannel).Share;
            Assert.True(least <= Error(network, new OptimalMse(), 4, perChannel).Share && least < (perChannel ? 0.9 : 0.6) * nearest, $"{least} against {nearest}");
            Assert.True(piecewise < (perChannel ? 0.3 : 0.2) * nearest, $"{piecewise} against {nearest}"); // 9 / 16 at most is what the paper proves
            Assert.InRange(piecewise / oneMore, 0.7, 1.3); // the bit more that it stores does as well without pieces
            Assert.True(Error(network, new LqNets(), 3, perChannel).Share < Error(network, new Omse(), 3, perChannel).Share);
            Assert.True(Error(network, new LqNets(), 3, perChannel).Share < Error(network, new Admm(), 3, perChannel).Share);
            Assert.True(Error(network, new Twn { Exact = true }, 2, perChannel).Share < Error(network, new Twn(), 2, perChannel).Share);
            Assert.True(Error(network, new Hqq(), 4, perChannel).Share < nearest);
            (double two, double bits) = Error(network, new MultiPoint { Epsilon = 0.0155 }, 4, perChannel);
            Assert.True(two < least && bits < 8.6, $"{two} with {bits} bits against {least}");
        }

        (double allocated, double some) = Error(network, new Aciq(), 4, perChannel: true);
        (double equal, double same) = Error(network, new Aciq { AllocatedUpTo = 0 }, 4, perChannel: true);
        Assert.True(allocated < 0.95 * equal && Math.Abs(some - same) < 0.05, $"{allocated} with {some} bits against {equal} with {same}");
    }

    // measured on the same network by somebody else, its normalizations folded otherwise
    [Theory]
    [InlineData(3, 0.28761, 0.06174, 0.03553, 0.11382, 0.05181, 0.02038)]
    [InlineData(4, 0.05693, 0.01903, 0.00688, 0.02111, 0.01439, 0.00379)]
    [InlineData(5, 0.01250, 0.00599, 0.00152, 0.00460, 0.00391, 0.00083)]
    public void ResNet_20_errs_as_measured_elsewhere(int bits, double nearest, double least, double piecewise, double nearestChannels, double leastChannels, double piecewiseChannels)
    {
        const string Network = "shared/data/models/resnet20_cifar10_ft.onnx";
        double[] measured =
        [
            .. new[] { false, true }.SelectMany(c => new IWeightMethod[] { new RoundToNearest(), new Omse(), new Pwlq() }.Select(m => Error(Network, m, bits, c).Share)),
        ];
        double[] expected = [nearest, least, piecewise, nearestChannels, leastChannels, piecewiseChannels];
        Assert.All(measured.Zip(expected), p => Assert.InRange(p.First, 0.92 * p.Second, 1.08 * p.Second));
    }

    [Theory]
    [InlineData("fashion_resnet", 3)]
    [InlineData("fashion_mobilenet", 3)]
    public void The_outputs_err_less_with_the_best_scales_and_less_again_with_mean_and_deviation_restored(string name, int bits)
    {
        Model model = FashionSamples.Load(name);
        IDataSet data = FashionSamples.Test(60);
        double Sqnr(Func<WeightView, WeightTarget, QuantizedTensor> quantize)
        {
            Model changed = FashionSamples.Load(name);
            foreach (Node node in changed.Graph.Nodes.Where(n => n.Op is "Conv" or "Gemm"))
            {
                Tensor weight = changed.Graph.Constant(node.Input(1))!;
                WeightView view = WeightViews.Of(node, weight);
                float[] made = quantize(view, new(new IntegerGrid(bits, signed: true).Narrow, true, Granularity.Tensor)).Dequantize();
                changed.Graph.SetConstant(node.Input(1), Tensor.Of(made, [.. weight.Dims]));
            }

            return Fidelity.Sqnr(model, changed, data);
        }

        double nearest = Sqnr((w, t) => new RoundToNearest().Quantize(w, t, LayerStatistics.None));
        double least = Sqnr((w, t) => new Omse().Quantize(w, t, LayerStatistics.None));
        double corrected = Sqnr((w, t) => MeanVarianceCorrection.Corrected(new Omse().Quantize(w, t, LayerStatistics.None), w));
        Assert.True(nearest + 2 < least && least + 0.5 < corrected, $"{nearest}, {least}, {corrected} dB");
    }

    /// <summary>Squared error over squares of all weights, and bits a weight.</summary>
    private static (double Share, double Bits) Error(string network, IWeightMethod method, int bits, bool perChannel)
    {
        (double errors, double squares, long stored, long count) = (0, 0, 0, 0);
        foreach (WeightView weight in Weights(network))
        {
            var target = new WeightTarget(new IntegerGrid(bits, signed: true).Narrow, true, perChannel ? Granularity.Channel(weight.OutputAxis) : Granularity.Tensor);
            QuantizedTensor q = method.Quantize(weight, target, LayerStatistics.None);
            errors += weight.Values.ToArray().Zip(q.Dequantize(), (w, x) => Math.Pow((double)w - x, 2)).Sum();
            squares += weight.Values.ToArray().Sum(w => (double)w * w);
            (stored, count) = (stored + q.StorageBits, count + q.Count);
        }

        return (errors / squares, (double)stored / count);
    }

    private static IEnumerable<WeightView> Weights(string network)
    {
        string path = network.StartsWith("shared/", StringComparison.Ordinal) ? Paths.Shared(network[7..]) : Paths.InRepository(network);
        Graph graph = Model.Load(path).Graph;
        return graph.Nodes.Where(n => n.Op is "Conv" or "Gemm" or "MatMul" && graph.Constant(n.Input(1)) is not null).Select(n => WeightViews.Of(n, graph.Constant(n.Input(1))!));
    }
}
