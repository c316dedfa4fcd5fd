using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Calibration;

/// <summary>The rows a layer reads, times its weight, are its outputs: as ONNX Runtime computes them.</summary>
public sealed class LayerInputsTests
{
    public static TheoryData<string> Layers => ["plain", "strided", "dilated", "uneven pads", "same upper", "same lower", "grouped", "depthwise", "1-D", "Gemm", "Gemm transB", "MatMul"];

    [Theory, MemberData(nameof(Layers))]
    public void Mean_square_of_an_output_without_bias_follows_from_the_second_moment(string layer)
    {
        Net net = Of(layer);
        var data = new SeededData(net.Model.Graph.Inputs, 5);
        Node node = net.Graph.Nodes[0];
        var site = new InputSite(node.Name, 1);
        WeightView view = WeightViews.Of(node, net.Graph.Constant(node.Input(1))!);
        double[] moments = Moments(net.Model, site, data, 1L << 30).Found[site].SecondMoment!;
        double[] expected = MeanSquares(net.Model, data, view);
        WeightMatrix matrix = view.Matrix!.Value;
        int d = matrix.Columns;
        Assert.Equal(view.Groups * d * d, moments.Length);
        for (int output = 0; output < matrix.Rows; output++)
        {
            int group = output / (matrix.Rows / view.Groups);
            double sum = 0;
            for (int i = 0; i < d; i++)
            {
                for (int j = 0; j < d; j++)
                {
                    sum += view.Values.Span[matrix.Element(output, i)] * moments[(((group * d) + i) * d) + j] * view.Values.Span[matrix.Element(output, j)];
                }
            }

            Assert.Equal(expected[output], sum, 1e-4 * expected[output]);
        }
    }

    [Fact]
    public void Moments_beyond_the_memory_are_left_out_and_named()
    {
        Net net = Of("Gemm");
        var site = new InputSite("n_y", 1);
        var data = new SeededData(net.Model.Graph.Inputs, 5);
        Assert.Empty(Moments(net.Model, site, data, (6 * 6 * sizeof(double)) - 1).Found);
        Assert.Equal(["n_y"], Moments(net.Model, site, data, (6 * 6 * sizeof(double)) - 1).TooLarge);
        Assert.Empty(Moments(net.Model, site, data, 6 * 6 * sizeof(double)).TooLarge);
    }

    private static (IReadOnlyDictionary<InputSite, LayerStatistics> Found, ImmutableArray<string> TooLarge) Moments(Model model, InputSite site, SeededData data, long memory) =>
        LayerInputs.SecondMoments(model, [site], Calibrator.Observe(model, data.Read(0).Inputs), data, new CalibrationOptions { BatchSize = 2, Threads = 2, Memory = memory });

    private static Net Of(string layer)
    {
        var net = layer switch
        {
            "1-D" => new Net([1, 4, 9]),
            "Gemm" or "Gemm transB" => new Net([1, 6]),
            "MatMul" => new Net([1, 3, 6]),
            _ => new Net([1, 4, 9, 7]),
        };
        switch (layer)
        {
            case "1-D":
                net.Op("Conv", ["x", net.Constant("w", 0.3f, 5, 4, 3)], "y", n => n.With("pads", [2L, 0]).With("strides", [2L]));
                break;
            case "Gemm":
                net.Op("Gemm", ["x", net.Constant("w", 0.3f, 6, 5)], "y");
                break;
            case "Gemm transB":
                net.Op("Gemm", ["x", net.Constant("w", 0.3f, 5, 6)], "y", n => n.With("transB", 1L));
                break;
            case "MatMul":
                net.Op("MatMul", ["x", net.Constant("w", 0.3f, 6, 5)], "y");
                break;
            default:
                int group = layer == "grouped" ? 2 : layer == "depthwise" ? 4 : 1;
                net.Op("Conv", ["x", net.Constant("w", 0.3f, 4, 4 / group, 3, 2)], "y", n => Attributes(n.With("group", (long)group), layer));
                break;
        }

        return net;
    }

    private static void Attributes(Node conv, string layer)
    {
        _ = layer switch
        {
            "strided" => conv.With("strides", [2L, 3]).With("pads", [1L, 1, 1, 0]),
            "dilated" => conv.With("dilations", [2L, 3]).With("pads", [2L, 1, 2, 2]),
            "uneven pads" => conv.With("pads", [0L, 1, 2, 0]),
            "same upper" => conv.With("auto_pad", "SAME_UPPER").With("strides", [2L, 2]),
            "same lower" => conv.With("auto_pad", "SAME_LOWER").With("strides", [2L, 2]),
            _ => conv.With("pads", [1L, 0, 1, 0]),
        };
    }

    // of each output channel over samples and places
    private static double[] MeanSquares(Model model, IDataSet data, WeightView view)
    {
        int channels = view.OutputChannels;
        var sums = new double[channels];
        long count = 0;
        foreach (Batch batch in Batches.Of(data, null, 1, new SkippedFiles()))
        {
            Tensor y = Fidelity.Run(model, batch.Inputs)["y"];
            float[] values = y.ToFloats();
            int inner = view.Kind is WeightKind.Conv ? (int)y.Dims.Skip(2).Aggregate(1L, (a, b) => a * b) : 1;
            for (int i = 0; i < values.Length; i++)
            {
                sums[i / inner % channels] += (double)values[i] * values[i];
            }

            count += values.Length / channels;
        }

        return Array.ConvertAll(sums, s => s / count);
    }
}
