using System.Collections.Immutable;
using Halftone.Data.Metrics;
using Halftone.Onnx;

namespace Halftone.Data.Tests.Metrics;

public sealed class MetricTests
{
    [Fact]
    public void Top_five_counts_what_top_one_misses()
    {
        IMeasurement one = new Top1().Start();
        IMeasurement five = new Top5().Start();
        for (int label = 0; label < 10; label++)
        {
            Sample sample = new([]) { Label = label };
            one.Add(sample, Out(9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
            five.Add(sample, Out(9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
        }

        Assert.Equal(10, one.Result().Value);
        Assert.Equal(50, five.Result().Value);
    }

    [Fact]
    public void Of_equal_scores_the_lower_class_stands_first_and_NaN_is_never_right()
    {
        var top = new Top1();
        Assert.Equal(1, top.Start().Add(new([]) { Label = 0 }, Out(2, 2)));
        Assert.Equal(0, top.Start().Add(new([]) { Label = 1 }, Out(2, 2)));
        Assert.Equal(0, top.Start().Add(new([]) { Label = 0 }, Out(float.NaN, 1)));
        Assert.True(double.IsNaN(top.Start().Add(new([]), Out(1, 2))));
        Assert.Contains("classes 0 to 1", Assert.Throws<DataException>(() => top.Start().Add(new([]) { Label = 2 }, Out(1, 2))).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => top.Start().Result());
    }

    [Theory]
    [InlineData(0, 10, 0, 0.277533)] // Brown, Cai and DasGupta 2001: at p = 0 the upper end is z^2 / (n + z^2)
    [InlineData(10, 10, 0.722467, 1)]
    [InlineData(50, 100, 0.403832, 0.596168)] // 0.5 -+ z / (2 sqrt(n + z^2))
    public void The_Wilson_interval_has_its_closed_forms(long hits, long count, double low, double high)
    {
        (double a, double b) = Wilson.Interval(hits, count);
        Assert.Equal(low, a, 5e-6);
        Assert.Equal(high, b, 5e-6);
    }

    [Fact]
    public void The_Wilson_ends_solve_their_defining_equation()
    {
        const double Z = 1.959963984540054;
        Gen.Select(Gen.Int[1, 500], Gen.Int[1, 500]).Where((n, k) => k < n).Sample((n, k) =>
        {
            (double low, double high) = Wilson.Interval(k, n);
            foreach (double end in (double[])[low, high])
            {
                Assert.Equal(Z, Math.Abs(((double)k / n) - end) / Math.Sqrt(end * (1 - end) / n), 1e-6);
            }
        });
    }

    [Fact]
    public void A_paired_difference_is_the_mean_and_its_error()
    {
        var paired = new PairedDifference();
        double[] differences = [1, 0, 0, -1, 1, 1, 0, 1];
        foreach (double d in differences)
        {
            paired.Add(3, 3 + d);
        }

        paired.Add(double.NaN, 1);
        double variance = differences.Sum(d => (d - 0.375) * (d - 0.375)) / 7;
        Assert.Equal(8, paired.Count);
        Assert.Equal(0.375, paired.Mean, 12);
        Assert.Equal(Math.Sqrt(variance / 8), paired.StandardError, 12);
    }

    [Fact]
    public void Even_logits_give_the_size_of_the_vocabulary()
    {
        IMeasurement perplexity = new Perplexity().Start();
        double score = perplexity.Add(Text([3, 1, 2, 0, -1, -1]), new Dictionary<string, Tensor> { ["y"] = Tensor.Of(new float[6 * 7], 1, 6, 7) });
        Assert.Equal(7, perplexity.Result().Value, 1e-9);
        Assert.Equal(3, perplexity.Result().Count);
        Assert.Equal(Math.Log(7), score, 1e-9);
    }

    [Fact]
    public void A_model_that_knows_the_next_token_has_a_perplexity_of_one_and_rows_do_not_mix()
    {
        long[] ids = [1, 2, 0, 2, 0, 1];
        float[] logits = new float[6 * 3];
        for (int t = 0; t < 6; t++)
        {
            logits[(t * 3) + (int)(t % 3 == 2 ? 0 : ids[t + 1])] = 1000; // what stands at the end of a row must not count
        }

        IMeasurement perplexity = new Perplexity().Start();
        var sample = new Sample(ImmutableDictionary<string, Tensor>.Empty.Add("ids", Tensor.Of(ids, 2, 3)));
        perplexity.Add(sample, new Dictionary<string, Tensor> { ["y"] = Tensor.Of(logits, 2, 3, 3) });
        Assert.Equal((1, 4), (perplexity.Result().Value, (int)perplexity.Result().Count));
    }

    [Fact]
    public void PSNR_of_a_constant_error_is_its_decibels_and_the_border_is_left_out()
    {
        float[] target = new float[36];
        float[] output = [.. Enumerable.Repeat(0.1f, 36)];
        output[0] = 0.9f; // in the border
        var sample = new Sample([]) { Target = Tensor.Of(target, 1, 1, 6, 6) };
        Dictionary<string, Tensor> outputs = new() { ["y"] = Tensor.Of(output, 1, 1, 6, 6) };
        Assert.Equal(20, new Psnr { Border = 1 }.Start().Add(sample, outputs), 1e-5);
        Assert.True(new Psnr().Start().Add(sample, outputs) < 19);
        Assert.Equal(20 + (20 * Math.Log10(255)), new Psnr { Border = 1, Peak = 255 }.Start().Add(sample, outputs), 1e-5);
        Assert.Throws<DataException>(() => new Psnr { Border = 3 }.Start().Add(sample, outputs));
    }

    [Fact]
    public void Errors_against_targets_have_their_closed_forms()
    {
        IMeasurement absolute = new MeanAbsoluteError().Start();
        IMeasurement square = new RootMeanSquareError().Start();
        foreach ((float y, float t) in (ReadOnlySpan<(float, float)>)[(1, 2), (5, 2), (0, 0), (-2, 2)])
        {
            var sample = new Sample([]) { Target = Tensor.Of([t], 1) };
            absolute.Add(sample, Out(y));
            square.Add(sample, Out(y));
        }

        Assert.Equal(2, absolute.Result().Value, 12);
        Assert.Equal(Math.Sqrt(26 / 4.0), square.Result().Value, 12);
        Assert.Contains("no target", Assert.Throws<DataException>(() => absolute.Add(new Sample([]) { Name = "q" }, Out(1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Noise_a_tenth_of_the_signal_is_twenty_decibels_and_the_worst_output_counts()
    {
        Dictionary<string, Tensor> reference = new() { ["a"] = Tensor.Of((float[])[3, 4], 1, 2), ["b"] = Tensor.Of((float[])[1], 1, 1) };
        Dictionary<string, Tensor> outputs = new() { ["a"] = Tensor.Of((float[])[3.3f, 4.4f], 1, 2), ["b"] = Tensor.Of((float[])[2], 1, 1) };
        IMeasurement sqnr = new Sqnr().Start();
        sqnr.Add(new([]), outputs, reference);
        Measured result = sqnr.Result();
        Assert.Equal(20, result.PerOutput["a"], 1e-4);
        Assert.Equal(0, result.Value, 1e-9);
        Assert.Equal(double.PositiveInfinity, new Sqnr().Start().Add(new([]), reference, reference));
        Dictionary<string, Tensor> broken = new() { ["a"] = Tensor.Of((float[])[float.NaN, 4], 1, 2) };
        Assert.Equal(double.NegativeInfinity, new Sqnr { Output = "a" }.Start().Add(new([]), broken, reference));
        Assert.Throws<DataException>(() => new Sqnr().Start().Add(new([]), outputs));
    }

    [Fact]
    public void The_cosine_is_that_of_the_angle()
    {
        double Of(float[] y, float[] r) => new CosineSimilarity().Start().Add(new([]), Out(y), Out(r));
        Assert.Equal(1, Of([1, 2], [2, 4]), 12);
        Assert.Equal(0, Of([1, 0], [0, 1]), 12);
        Assert.Equal(-1, Of([1, 1], [-3, -3]), 12);
        Assert.Equal(Math.Sqrt(0.5), Of([1, 0], [1, 1]), 12);
        Assert.Equal((1, 0, 0), (Of([0, 0], [0, 0]), Of([0, 0], [1, 0]), Of([float.NaN, 0], [1, 0])));
    }

    [Fact]
    public void Agreement_counts_every_row_of_the_last_axis()
    {
        IMeasurement agreement = new ArgmaxAgreement().Start();
        Dictionary<string, Tensor> a = new() { ["y"] = Tensor.Of((float[])[1, 2, 2, 1, 0, 5, float.NaN, 9], 1, 4, 2) };
        Dictionary<string, Tensor> b = new() { ["y"] = Tensor.Of((float[])[0, 9, 0, 9, 1, 3, 1, 2], 1, 4, 2) };
        Assert.Equal(0.5, agreement.Add(new([]), a, b));
        Assert.Equal(50, agreement.Result().Value);
        Assert.Null(agreement.Result().Interval);
    }

    [Fact]
    public void A_function_of_ones_own_is_averaged()
    {
        IMeasurement own = new DelegateMetric("first", (_, outputs, _) => outputs["y"].ToFloats()[0]).Start();
        own.Add(new([]), Out(1));
        own.Add(new([]), Out(3));
        own.Add(new([]), Out(float.NaN));
        Assert.Equal((2, 2), (own.Result().Value, (int)own.Result().Count));
    }

    [Fact]
    public void Every_metric_of_the_room_is_listed_once_under_its_own_name()
    {
        Type[] metrics = [.. typeof(IMetric).Assembly.GetTypes().Where(t => t.IsAssignableTo(typeof(IMetric)) && t.IsClass && t != typeof(DelegateMetric))];
        Assert.Equal(metrics.OrderBy(t => t.Name), MetricList.All.All.Select(e => e.Type).OrderBy(t => t.Name));
        Assert.Equal(metrics.Length, MetricList.All.All.Select(e => e.Info.Id).Distinct().Count());
        Assert.All(MetricList.All.All, e => Assert.Equal(e.Info.Id, e.Default.Name));
        Assert.Equal(4, Assert.IsType<Psnr>(MetricList.All.Find("psnr").FromOptions(System.Text.Json.JsonElement.Parse("""{"border":4}"""))).Border);
        Assert.ThrowsAny<System.Text.Json.JsonException>(() => MetricList.All.Find("psnr").FromOptions(System.Text.Json.JsonElement.Parse("""{"boarder":4}""")));
    }

    private static Dictionary<string, Tensor> Out(params float[] values) => new() { ["y"] = Tensor.Of(values, 1, values.Length) };

    private static Sample Text(long[] ids) => new(ImmutableDictionary<string, Tensor>.Empty.Add("ids", Tensor.Of(Array.ConvertAll(ids, i => Math.Max(i, 0)), 1, ids.Length)))
    {
        Target = Tensor.Of(ids, 1, ids.Length),
    };
}
