using Halftone.Data;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Recipes;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Equalization;

/// <summary>SmoothQuant and AWQ on a small transformer's parts and on a real language model.</summary>
public sealed class SmoothingTests
{
    private static readonly WeightTarget s_int4 = new(new IntegerGrid(4, true), true, Granularity.Channel(1));

    [Theory]
    [InlineData("LayerNormalization")]
    [InlineData("decomposed")]
    [InlineData("linear")]
    public void SmoothQuant_computes_the_same_with_equal_maxima(string before)
    {
        Net net = Block(before);
        var data = new SeededData(net.Model.Graph.Inputs, 8);
        Model model = net.Model.Clone();
        PassContext context = Equalized.Context(model, data);
        Assert.True(new SmoothQuant().Apply(model.Graph, context));
        Equalized.RequireSame(net.Model, model, data);
        Assert.Equal(net.Graph.Nodes.Count, model.Graph.Nodes.Count); // everything was folded
        string value = model.Graph.Nodes.First(n => n.Name == "n_q").Input(0);
        float[] activations = context.ChannelRanges!([new(value, -1)])[value].Magnitude;
        float[][] weights = [.. new[] { "w_q", "w_k" }.Select(w => Rows(model.Graph.Constant(w)!))];
        for (int j = 0; j < activations.Length; j++)
        {
            Assert.Equal(1, activations[j] / Math.Max(weights[0][j], weights[1][j]), 1e-3);
        }

        Assert.False(new SmoothQuant().Apply(model.Graph, context));
    }

    [Fact]
    public void An_outlier_a_hundred_times_the_rest_costs_ten_decibels_that_SmoothQuant_brings_back()
    {
        Net net = Block("LayerNormalization");
        float[] gamma = net.Graph.Constant("gamma")!.ToFloats();
        gamma[3] = 100;
        net.Graph.SetConstant("gamma", Tensor.Of(gamma, 16));
        foreach (string weight in (string[])["w_q", "w_k"])
        {
            // as in language models, what is large is weighed little
            net.Graph.SetConstant(weight, Tensor.Of([.. net.Graph.Constant(weight)!.ToFloats().Select((w, i) => i / 16 == 3 ? w / 100 : w)], 16, 16));
        }

        var data = new SeededData(net.Model.Graph.Inputs, 32);
        Model model = net.Model.Clone();
        Assert.True(new SmoothQuant().Apply(model.Graph, Equalized.Context(model, data)));
        var recipe = new Recipe { Name = "plain", Target = "ort-x64-vnni", Activations = new ActivationRecipe { Range = "min-max" } };
        double plain = Fidelity.Sqnr(net.Model, Jobs.Solve(net.Model, recipe, data).Quantized, data);
        double smooth = Fidelity.Sqnr(net.Model, Jobs.Solve(model, recipe, data).Quantized, data);
        TestContext.Current.SendDiagnosticMessage($"{plain:F1} dB, smoothed {smooth:F1} dB");
        Assert.True(smooth > plain + 10, $"{plain} dB, smoothed {smooth} dB");
    }

    [Fact]
    public void A_language_model_computes_the_same()
    {
        Model model = Model.Load(Paths.Shared("data/models/stories260K.onnx"));
        var data = new SeededData(model.Graph.Inputs, 6) { FreeLength = _ => 24, MostInteger = 500 };
        (Model smooth, PassContext context) = Equalized.Ready(model, data);
        Assert.True(new SmoothQuant().Apply(smooth.Graph, context));
        Assert.True(context.Log.Count(l => l.StartsWith("smoothed", StringComparison.Ordinal)) >= 10); // two normalizations in each of five layers
        Equalized.RequireSame(model, smooth, data);

        (Model aware, PassContext plain) = Equalized.Ready(model, data);
        PassContext other = Known(plain);
        Assert.True(new ActivationAwareScaling().Apply(aware.Graph, other));
        Equalized.RequireSame(model, aware, data);
        Assert.Contains(other.Log, l => l.Contains("in a product", StringComparison.Ordinal)); // what attention makes
        Assert.Contains(other.Log, l => l.StartsWith("scaled", StringComparison.Ordinal) && !l.Contains("in a product", StringComparison.Ordinal));
    }

    [Fact]
    public void AWQ_takes_the_exponent_of_least_loss_and_none_is_plain_rounding()
    {
        Net net = Block("LayerNormalization");
        var data = new SeededData(net.Model.Graph.Inputs, 32);
        PassContext context = Known(Equalized.Context(net.Model, data));
        LinearLayer layer = LinearLayer.Of(net.Graph, net.Graph.Nodes.First(n => n.Name == "n_o"))!;
        LayerStatistics inputs = context.LayerInputs!([new("n_o", 1)])[new("n_o", 1)];
        float[] means = context.ChannelRanges!([new(layer.Node.Input(0), -1)])[layer.Node.Input(0)].MeanMagnitude;
        Assert.All(ActivationAwareScaling.Scale(means, 0), s => Assert.Equal(1, s));

        // against the outputs themselves, of weights rounded by hand
        double[] losses = [.. Enumerable.Range(0, 20).Select(i => ActivationAwareScaling.Loss(layer, s_int4, inputs, ActivationAwareScaling.Scale(means, i / 20.0)))];
        foreach (int i in (int[])[0, 7, 19])
        {
            Assert.Equal(1, losses[i] / BruteForce(net, layer, data, ActivationAwareScaling.Scale(means, i / 20.0)), 1e-4);
        }

        Model model = net.Model.Clone();
        PassContext own = Known(Equalized.Context(model, data));
        Assert.True(new ActivationAwareScaling().Apply(model.Graph, own));
        Equalized.RequireSame(net.Model, model, data);
        int best = Array.IndexOf(losses, losses.Min());
        Assert.True(best > 0);
        Assert.Contains(own.Log, l => l.Contains($"'n_o' by mean|x|^{best / 20.0:0.##}", StringComparison.Ordinal));
        double least = ActivationAwareScaling.Loss(layer, s_int4, inputs, ActivationAwareScaling.Scale(means, best / 20.0));
        Assert.All(losses, l => Assert.True(least <= l));
    }

    [Fact]
    public void AWQ_puts_a_product_before_convolutions_that_read_an_input()
    {
        var net = new Net([1, 8, 6, 6]);
        net.Conv("x", "y", 8, 8);
        var data = new SeededData(net.Model.Graph.Inputs, 16) { Change = (_, _, v) => Scale(v) };
        Model model = net.Model.Clone();
        Assert.True(new ActivationAwareScaling().Apply(model.Graph, Known(Equalized.Context(model, data))));
        Assert.Equal(["Mul", "Conv"], model.Graph.Nodes.Select(n => n.Op));
        Equalized.RequireSame(net.Model, model, data);
        Assert.False(new ActivationAwareScaling { InsertProducts = false }.Apply(net.Graph, Known(Equalized.Context(net.Model, data))));

        static void Scale(float[] values)
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] *= 1 + (3 * (i / 36));
            }
        }
    }

    private static PassContext Known(PassContext context) => new()
    {
        BatchNorm = context.BatchNorm,
        ChannelRanges = context.ChannelRanges,
        LayerInputs = context.LayerInputs,
        Lengths = context.Lengths,
        WeightTarget = _ => s_int4,
    };

    private static double BruteForce(Net net, LinearLayer layer, IDataSet data, double[] scales)
    {
        int width = layer.Outputs;
        float[] w = layer.Weight.ToFloats();
        var rounded = new double[w.Length];
        for (int o = 0; o < width; o++)
        {
            double most = Enumerable.Range(0, layer.Inputs).Max(i => Math.Abs((float)(w[(i * width) + o] * scales[i])));
            for (int i = 0; i < layer.Inputs; i++)
            {
                double step = (float)(2 * most / 15);
                rounded[(i * width) + o] = Math.Clamp(Math.Round((float)(w[(i * width) + o] * scales[i]) / (float)step), -8, 7) * step / scales[i];
            }
        }

        net.Graph.ExposeOutput(layer.Node.Input(0));
        (double sum, long rows) = (0, 0);
        foreach (Batch batch in Batches.Of(data, null, 1, new SkippedFiles()))
        {
            float[] x = Fidelity.Run(net.Model, batch.Inputs)[layer.Node.Input(0)].ToFloats();
            for (int row = 0; row < x.Length / layer.Inputs; row++)
            {
                for (int o = 0; o < width; o++)
                {
                    double error = Enumerable.Range(0, layer.Inputs).Sum(i => (rounded[(i * width) + o] - w[(i * width) + o]) * x[(row * layer.Inputs) + i]);
                    sum += error * error;
                }

                rows++;
            }
        }

        return sum / rows;
    }

    private static float[] Rows(Tensor weight) => [.. weight.ToFloats().Chunk((int)weight.Dims[1]).Select(r => r.Max(Math.Abs))];

    // two products that read a normalized value, and one that reads their product
    private static Net Block(string before)
    {
        var net = new Net([1, 5, 16], opset: 17);
        string value = before switch
        {
            "LayerNormalization" => net.Op("LayerNormalization", ["x", net.Constant("gamma", 1, 16), net.Constant("beta", 0.5f, 16)], "n"),
            "linear" => net.Op("Add", [net.Op("MatMul", ["x", net.Constant("w", 0.5f, 16, 16)], "m"), net.Constant("b", 0.5f, 16)], "n"),
            _ => Decomposed(net),
        };
        net.Op("MatMul", [value, net.Constant("w_q", 0.3f, 16, 16)], "q");
        net.Op("MatMul", [value, net.Constant("w_k", 0.3f, 16, 16)], "k");
        net.Op("Mul", ["q", net.Op("Sigmoid", ["k"], "g")], "p");
        net.Op("MatMul", ["p", net.Constant("w_o", 0.3f, 16, 8)], "o");
        net.Op("Softplus", ["o"], "y");
        return net;
    }

    private static string Decomposed(Net net)
    {
        net.Op("ReduceMean", [net.Op("Mul", ["x", "x"], "xx")], "ms", n => n.With("axes", [-1L]));
        net.Op("Div", ["x", net.Op("Sqrt", [net.Op("Add", ["ms", net.Scalar("eps", 1e-5f)], "mse")], "rms")], "xn");
        return net.Op("Add", [net.Op("Mul", [net.Constant("gamma", 1, 16), "xn"], "xg"), net.Constant("beta", 0.5f, 16)], "n");
    }
}
