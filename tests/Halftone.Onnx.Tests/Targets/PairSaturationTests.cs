using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx.Targets;

namespace Halftone.Onnx.Tests.Targets;

public sealed class PairSaturationTests
{
    [Fact]
    public void Bounds_are_those_of_all_activations_tried_out() =>
        Gen.Int[-128, 127].Array[1, 7].Sample(codes =>
        {
            // a linear function is extreme at the ends of its range, so activations 0 and 255 are all there is to try
            int highest = 0;
            int lowest = 0;
            for (int k = 0; k < codes.Length; k += 2)
            {
                foreach (int a in (int[])[0, 255])
                {
                    foreach (int b in (int[])[0, 255])
                    {
                        int sum = (a * codes[k]) + (k + 1 < codes.Length ? b * codes[k + 1] : 0);
                        highest = Math.Max(highest, sum);
                        lowest = Math.Min(lowest, sum);
                    }
                }
            }

            PairBound bound = PairSaturation.WorstCase(codes);
            Assert.Equal((highest, lowest), (bound.Highest, bound.Lowest));
            Assert.Equal(highest > 32767 || lowest < -32768, bound.Saturates);
        });

    [Fact]
    public void Every_pair_of_weights_is_judged_as_vpmaddubsw_computes_it()
    {
        // two u8 x s8 products added in 16 bits that saturate: the bound is reached by some activations, and no others go beyond
        int wrong = 0;
        int[] activations = [0, 1, 127, 128, 254, 255];
        for (int w = -128; w <= 127; w++)
        {
            for (int v = -128; v <= 127; v++)
            {
                bool cut = false;
                foreach (int a in activations)
                {
                    foreach (int b in activations)
                    {
                        int sum = (a * w) + (b * v);
                        cut |= Math.Clamp(sum, short.MinValue, short.MaxValue) != sum;
                    }
                }

                wrong += PairSaturation.WorstCase([w, v]).Saturates == cut ? 0 : 1;
            }
        }

        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Scales_that_grew_as_told_leave_no_pair_that_saturates() =>
        Gen.Int[-127, 127].Array[3 * 2 * 2 * 3].Sample(codes =>
        {
            Node conv = new("c", "Conv", ["x", "w"], ["y"]);
            AffineTensor weight = new([3, 2, 2, 3], Granularity.Channel(0), IntegerGrid.Int8, codes, [1, 1, 1]);
            float[] growth = PairSaturation.Growth(conv, weight);
            int[] rounded = [.. codes.Select((c, i) => (int)MathF.Round(c / growth[i / 12]))];
            foreach (SumOrder order in (SumOrder[])[SumOrder.ChannelFirst, SumOrder.ChannelLast])
            {
                Assert.DoesNotContain(PairSaturation.WorstCases(conv, [3, 2, 2, 3], rounded, order), b => b.Saturates);
            }
        });

    [Fact]
    public void Neighbours_depend_on_the_order_of_the_sum()
    {
        Node conv = new("c", "Conv", ["x", "w"], ["y"]);
        int[] sameKernelPlace = [100, 0, 0, 0, 100, 0, 0, 0]; // [1, 2, 2, 2]: both channels at kernel place (0, 0)
        Assert.False(PairSaturation.WorstCases(conv, [1, 2, 2, 2], sameKernelPlace, SumOrder.ChannelFirst)[0].Saturates);
        Assert.True(PairSaturation.WorstCases(conv, [1, 2, 2, 2], sameKernelPlace, SumOrder.ChannelLast)[0].Saturates);
    }

    [Fact]
    public void Gemm_and_MatMul_pair_along_what_they_sum_over()
    {
        int[] codes = [100, 1, 2, 100, 3, 4]; // [2, 3]: column 0 is 100, 100
        Assert.True(PairSaturation.WorstCases(new("m", "MatMul", [], []), [2, 3], codes, SumOrder.ChannelFirst)[0].Saturates);
        Assert.All(PairSaturation.WorstCases(new Node("g", "Gemm", [], []).With("transB", 1), [2, 3], codes, SumOrder.ChannelFirst), b => Assert.False(b.Saturates));
    }

    [Theory]
    [InlineData(1, 4, 3, 0, 1)] // neighbours along the kernel: not neighbours in QLinearConv
    [InlineData(1, 4, 3, 0, 9)] // neighbours along the channels
    [InlineData(1, 4, 3, 9, 18)] // channels 1 and 2: not a pair
    [InlineData(1, 4, 3, 18, 27)] // channels 2 and 3
    [InlineData(1, 4, 1, 0, 1)]
    [InlineData(1, 4, 1, 1, 2)]
    [InlineData(1, 3, 3, 18, 1)] // odd channel count: the pair reaches into the next kernel place
    [InlineData(8, 1, 3, 0, 1)] // depthwise
    [InlineData(2, 2, 3, 0, 9)] // groups
    public void OnnxRuntime_without_Vnni_saturates_exactly_where_foretold(int groups, int inputs, int kernel, int first, int second)
    {
        Assert.SkipUnless(LacksVnni(), "needs an x64 processor with AVX2 and without VNNI");
        int count = inputs * kernel * kernel;
        var row = new sbyte[count];
        (row[first], row[second]) = (127, 127);
        int outputs = 8;
        sbyte[] codes = [.. Enumerable.Repeat(row, outputs).SelectMany(r => r)];
        int channels = inputs * groups;
        QdqModel m = new(signed: false, [1, channels, 6, 6]);
        string y = m.Op(
            "Conv",
            [m.Pair("x", 1, -128), m.Weight(codes, [outputs, inputs, kernel, kernel], [1])],
            n => n.With("group", groups), name: "conv");
        m.Pair(y, 400, -128, "y");
        float[] x = [.. Enumerable.Repeat(255f, channels * 36)];
        float[] got = Ort.Run(m.Model, new Dictionary<string, Tensor> { ["x"] = Tensor.Of(x, 1, channels, 6, 6) }, Microsoft.ML.OnnxRuntime.GraphOptimizationLevel.ORT_ENABLE_ALL)[0].ToFloats();
        bool saturated = Math.Abs(got[0] - 64770) > 400; // 2 * 127 * 255
        bool foretold = PairSaturation.WorstCases(m.Graph.Nodes.Single(n => n.Is("Conv")), [outputs, inputs, kernel, kernel], [.. codes.Select(c => (int)c)], SumOrder.ChannelLast) is [{ Saturates: true }, ..];
        Assert.Equal(foretold, saturated);
    }

    private static bool LacksVnni() =>
        System.Runtime.Intrinsics.X86.Avx2.IsSupported && File.Exists("/proc/cpuinfo") && !File.ReadAllText("/proc/cpuinfo").Contains("vnni", StringComparison.Ordinal);
}
