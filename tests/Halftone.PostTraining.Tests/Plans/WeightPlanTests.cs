using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Tests.Odd;

namespace Halftone.PostTraining.Tests.Plans;

public sealed class WeightPlanTests
{
    // node, axes of the weight whose index is the output channel, and the same done by hand on the file's constants
    [Theory]
    [InlineData("conv", "n_y", 0)]
    [InlineData("conv grouped", "n_y", 0)]
    [InlineData("conv depthwise", "n_y", 0)]
    [InlineData("conv of one dimension", "n_y", 0)]
    [InlineData("conv of three dimensions", "n_y", 0)]
    [InlineData("conv transpose", "n_y", 1)]
    [InlineData("gemm", "n_y", 1)]
    [InlineData("gemm transposed", "n_y", 0)]
    [InlineData("matmul of sequence", "n_y", 1)]
    public void One_scale_an_output_channel(string layer, string name, int axis)
    {
        Model model = OddLayers.Find(layer).Build();
        Tensor weight = model.Graph.Constant("w_y") ?? model.Graph.Constant("w")!;
        Model quantized = Jobs.Solve(model, Jobs.Plain(TensorRtTarget.Int8), OddLayers.Find(layer).Data(model)).Quantized;
        Node restore = quantized.Graph.Producer(quantized.Graph.Nodes.Single(n => n.Name == name).Input(1))!;
        Assert.Equal(axis, restore.Int("axis", 1));
        float[] scales = quantized.Graph.Constant(restore.Input(1))!.ToFloats();
        long[] codes = quantized.Graph.Constant(restore.Input(0))!.ToInt64s();
        int length = (int)weight.Dims[axis];
        int inner = (int)weight.Dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b);
        float[] values = weight.ToFloats();
        var greatest = new float[length];
        for (int i = 0; i < values.Length; i++)
        {
            int channel = i / inner % length;
            greatest[channel] = Math.Max(greatest[channel], Math.Abs(values[i]));
        }

        Assert.Equal(greatest.Select(g => (float)((double)g / 127)), scales);
        for (int i = 0; i < values.Length; i++)
        {
            int channel = i / inner % length;
            Assert.Equal((long)Math.Round(values[i] / scales[channel], MidpointRounding.ToEven), codes[i]);
        }
    }

    [Theory]
    [InlineData("conv transpose grouped")] // a channel of the output is no index of one axis
    [InlineData("matmul batched constant")] // a channel of each matrix has no scale of its own in QuantizeLinear
    public void One_scale_where_channels_have_no_axis(string layer)
    {
        Model model = OddLayers.Find(layer).Build();
        QuantizationPlan plan = Jobs.Solve(model, Jobs.Plain(TensorRtTarget.Int8), OddLayers.Find(layer).Data(model)).Plan;
        Assert.Equal(Granularity.Tensor, ((AffineTensor)plan.Weights[new("n_y", 1)]).Granularity);
    }

    [Fact]
    public void One_scale_for_the_network_is_that_of_its_largest_weight()
    {
        Model model = OddLayers.Find("residual").Build();
        Recipe recipe = Jobs.Plain(OnnxRuntimeTargets.X64Vnni) with { Weights = new WeightRecipe { Granularity = RecipeGranularity.Network } };
        QuantizationPlan plan = Jobs.Solve(model, recipe, OddLayers.Find("residual").Data(model)).Plan;
        float greatest = ((string[])["w_c1", "w_c2", "w"]).SelectMany(w => model.Graph.Constant(w)!.ToFloats()).Max(Math.Abs);
        float[] scales = [.. plan.Weights.Values.Cast<AffineTensor>().SelectMany(w => w.Scales).Distinct()];
        Assert.Equal((float)((double)greatest / 127), Assert.Single(scales));
    }

    // ONNX Runtime's own case (test_qoperator_adjust_int32_bias.py): biases that do not fit 32 bits at the scales of weight and input
    [Theory]
    [InlineData(RecipeGranularity.Tensor)]
    [InlineData(RecipeGranularity.Channel)]
    public void Tiny_weights_make_room_for_the_bias(RecipeGranularity granularity)
    {
        var net = new Net([1, 1, 128, 128]);
        net.Constant("w", Tensor.Of([.. Enumerable.Range(0, 8).Select(i => 7.8e-10f * 127 * (i % 2 == 0 ? 1 : -1))], 8, 1, 1, 1));
        net.Constant("b", Tensor.Of([.. Enumerable.Range(0, 8).Select(i => i % 2 == 0 ? 5f : -4.5f)], 8));
        net.Op("Conv", ["x", "w", "b"], "y");
        var data = new SeededData(net.Graph.Inputs, 2)
        {
            Change = (_, _, values) =>
            {
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = 0.5f * (i % 256); // a scale of 0.5
                }
            },
        };
        Recipe recipe = Jobs.Plain(OnnxRuntimeTargets.X64Vnni) with { Weights = new WeightRecipe { Granularity = granularity } };
        (QuantizationPlan plan, Model quantized) = Jobs.Solve(net.Model, recipe, data);
        Assert.Equal(0.5f, ((AffineGrid)plan.Edges["x"]).Scale);
        int[] bias = [.. quantized.Graph.Initializers.Values.Single(t => t.Type is ElementType.Int32 && t.Count == 8 && t.ToInt64s().Any(v => v != 0)).ToInt64s().Select(v => (int)v)];
        Assert.All(bias, b => Assert.InRange(Math.Abs((long)b), 1L << 20, int.MaxValue - (1L << 16)));
        Assert.All(Fidelity.Of(net.Model, quantized, data), f => Assert.InRange(f.LargestDifference, 0, 9.5 / 255));
    }

    [Fact]
    public void Dead_channels_get_codes_of_zero_and_a_scale_of_one()
    {
        Model model = OddLayers.Find("conv dead channels").Build();
        OddLayer layer = OddLayers.Find("conv dead channels");
        Recipe recipe = Jobs.Plain(OnnxRuntimeTargets.X64Vnni) with { QuantizeBias = false };
        var weight = (AffineTensor)Jobs.Solve(model, recipe, layer.Data(model)).Plan.Weights[new("n_y", 1)];
        Assert.Equal((1f, 1f), (weight.Scales[0], weight.Scales[5]));
        Assert.All(weight.Codes()[..72], c => Assert.Equal(0, c));
        Assert.All(weight.Scales, s => Assert.True(float.IsFinite(s) && s > 0));
    }

    // by brute force over the order in which QLinearConv sums: kernel places, input channels innermost, and ConvInteger: the other way round
    [Fact]
    public void No_pair_of_products_leaves_16_bits_and_no_more_is_given_up_than_needed()
    {
        var net = new Net([null, 6, 8, 8]);
        net.Conv("x", "y", 12, 6);
        float[] values = net.Graph.Constant("w_y")!.ToFloats();
        values.AsSpan(0, 54).Fill(0.5f); // the worst there can be: every pair sums to twice the largest code
        for (int i = 54; i < 108; i++)
        {
            values[i] = i == 54 ? 0.5f : i % 2 == 0 ? 0.1f : -0.1f; // nothing to fear
        }

        net.Constant("w_y", Tensor.Of(values, 12, 6, 3, 3));
        var data = new SeededData(net.Graph.Inputs, 4);
        var safe = (AffineTensor)Jobs.Solve(net.Model, Jobs.Plain(OnnxRuntimeTargets.X64), data).Plan.Weights[new("n_y", 1)];
        var free = (AffineTensor)Jobs.Solve(net.Model, Jobs.Plain(OnnxRuntimeTargets.X64Vnni), data).Plan.Weights[new("n_y", 1)];
        for (int o = 0; o < 12; o++)
        {
            (int highest, int lowest) = WorstPair(safe, o);
            Assert.True(highest <= short.MaxValue && lowest >= short.MinValue, $"channel {o} reaches {lowest} to {highest}");
            (int before, int below) = WorstPair(free, o);
            bool harmless = before <= short.MaxValue && below >= short.MinValue;
            Assert.Equal(harmless, safe.Scales[o] == free.Scales[o]);
            Assert.True(harmless || Math.Max(highest, -lowest) >= 0.9 * short.MaxValue, $"channel {o} only reaches {lowest} to {highest}");
        }
    }

    [Theory]
    [InlineData("conv shared weight", "tensorflow-int8", ElementType.Int8, "8,8,3,3")]
    [InlineData("conv shared weight", "ort-int8", ElementType.Int8, "8,8,3,3")]
    [InlineData("conv shared weight", "tensorflow-dynamic-range", ElementType.Float, "8,8,3,3")] // 576 elements, fewer than it quantizes
    [InlineData("matmul shared initializer", "ort-int8", ElementType.Int8, "32,32")]
    [InlineData("matmul shared initializer", "pytorch-dynamic", ElementType.Int8, "32,32")]
    [InlineData("matmul shared initializer", "weight-only-int4", ElementType.UInt4, "32,32")]
    [InlineData("embedding tied to gemm", "weight-only-int8", ElementType.Int8, "10,32")]
    [InlineData("embedding tied to gemm", "tensorflow-float16", ElementType.Float16, "10,32")]
    public void A_tied_weight_is_in_the_file_once(string layer, string recipe, ElementType type, string dims)
    {
        Model model = OddLayers.Find(layer).Build();
        if (recipe == "tensorflow-dynamic-range")
        {
            Assert.Throws<ModelException>(() => Jobs.Solve(model, RecipeFile.Find(recipe), OddLayers.Find(layer).Data(model)));
            return;
        }

        Model quantized = Jobs.Solve(model, RecipeFile.Find(recipe), OddLayers.Find(layer).Data(model)).Quantized;
        Assert.Single(quantized.Graph.Initializers.Values, t => string.Join(',', t.Dims) == dims);
        Assert.Single(quantized.Graph.Initializers.Values, t => t.Type == type && string.Join(',', t.Dims) == dims);
    }

    // K = 45 in blocks of 32: the second block holds 13 inputs
    [Theory]
    [InlineData("weight-only-int4", 4, 1)]
    [InlineData("weight-only-int8", 8, 1)]
    [InlineData("weight-only-int8", 8, 16)]
    public void Blocks_need_not_divide_the_inputs(string recipe, int bits, int block)
    {
        Model model = OddLayers.Find("matmul K not a multiple of the block").Build();
        Recipe chosen = RecipeFile.Find(recipe);
        chosen = block == 1 ? chosen : chosen with { Weights = chosen.Weights with { Granularity = RecipeGranularity.Block, BlockSize = block } };
        (QuantizationPlan plan, Model quantized) = Jobs.Solve(model, chosen, null);
        var weight = (AffineTensor)plan.Weights[new("n_y", 1)];
        int size = weight.Granularity.BlockSize == 0 ? 45 : weight.Granularity.BlockSize;
        float[] values = model.Graph.Constant("w")!.ToFloats();
        var restored = new float[values.Length];
        weight.Dequantize(restored);
        for (int n = 0; n < 24; n++)
        {
            for (int start = 0; start < 45; start += size)
            {
                float[] one = [.. Enumerable.Range(start, Math.Min(size, 45 - start)).Select(k => values[(k * 24) + n])];
                double widest = Math.Max(one.Max(), 0) - Math.Min(one.Min(), 0);
                double step = weight.ZeroPoints.Any(z => z != 0) ? widest / ((1 << bits) - 1) : 2.0 * one.Max(Math.Abs) / ((1 << bits) - 2);

                // min/max rounds by half a step; a clip with less squared error in all may err more at a single value
                double error = Enumerable.Range(0, one.Length).Sum(k => Math.Pow(one[k] - restored[((start + k) * 24) + n], 2));
                Assert.True(error <= one.Length * step * step / 4 * 1.0001, $"output {n}, inputs from {start}: {error}");
            }
        }

        // ONNX Runtime computes with the very numbers of the plan
        var data = new SeededData(model.Graph.Inputs, 1);
        Model plain = model.Clone();
        plain.Graph.SetConstant("w", Tensor.Of(restored, 45, 24));
        Assert.InRange(Fidelity.Sqnr(plain, quantized, data, optimize: false), 100, double.PositiveInfinity);
    }

    private static (int Highest, int Lowest) WorstPair(AffineTensor weight, int channel)
    {
        int[] codes = weight.Codes();
        List<int> outermost = [];
        List<int> innermost = [];
        for (int i = 0; i < 6; i++)
        {
            for (int k = 0; k < 9; k++)
            {
                outermost.Add(codes[(channel * 54) + (i * 9) + k]);
            }
        }

        for (int k = 0; k < 9; k++)
        {
            for (int i = 0; i < 6; i++)
            {
                innermost.Add(codes[(channel * 54) + (i * 9) + k]);
            }
        }

        int[] sums = [.. ((List<int>[])[outermost, innermost]).SelectMany(order => order.Chunk(2)).SelectMany(pair => (int[])[255 * pair.Where(c => c > 0).Sum(), 255 * pair.Where(c => c < 0).Sum()])];
        return (sums.Max(), sums.Min());
    }
}
