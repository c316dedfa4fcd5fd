using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

public sealed class LatencyTests
{
    [Fact]
    public void Medians_and_ratio_are_those_of_the_rounds()
    {
        LatencyComparison result = Latency.Summarize([4, 8, 6, 2, 10], [2, 4, 2, 2, 2], threads: 3);

        // ratios 2 2 3 1 5
        Assert.Equal(new LatencyComparison(6, 2, 2, 1, 5, 5, 3), result);
    }

    // ranks k of the order statistics x(k), x(n+1-k) for a 90 % interval of a median, as tables of the sign test print them
    [Theory]
    [InlineData(5, 1)]
    [InlineData(7, 1)]
    [InlineData(8, 2)]
    [InlineData(10, 2)]
    [InlineData(11, 3)]
    [InlineData(20, 6)]
    [InlineData(30, 11)]
    public void The_interval_has_the_ranks_of_the_sign_test(int count, int rank) => Assert.Equal(rank, Latency.IntervalRank(count));

    [Fact]
    public void The_interval_holds_the_median_in_nine_of_ten_trials()
    {
        var random = new Random(1);
        int held = 0;
        for (int trial = 0; trial < 1000; trial++)
        {
            // log-normal ratios around a median of 1
            double[] floats = [.. Enumerable.Range(0, 25).Select(_ => Math.Exp(random.NextDouble() - random.NextDouble()))];
            LatencyComparison result = Latency.Summarize(floats, [.. Enumerable.Repeat(1.0, 25)], 1);
            held += result.RatioLow <= 1 && result.RatioHigh >= 1 ? 1 : 0;
        }

        Assert.InRange(held, 880, 980);
    }

    [Fact]
    public void Takes_turns_with_the_first_place_changing()
    {
        List<char> calls = [];
        LatencyOptions options = new() { Budget = TimeSpan.Zero, Pause = TimeSpan.Zero, WarmUp = 1 };

        // longer than the shortest measurement, so that each is one run
        LatencyComparison result = Latency.Compare(() => Wait(calls, 'f'), () => Wait(calls, 'q'), options, CancellationToken.None);

        Assert.Equal("ffqq" + "fq" + "qf" + "fq" + "qf" + "fq", new string([.. calls]));
        Assert.Equal(5, result.Rounds);
    }

    [Fact]
    public void Tells_a_model_of_many_nodes_from_one_of_few()
    {
        LatencyComparison result = Latency.Compare(
            Chains.Long(40), Chains.Long(2), new Dictionary<string, Tensor> { ["x"] = Samples.Ramp(256, 256) }, new LatencyOptions { Budget = TimeSpan.FromSeconds(0.5) });

        Assert.True(result.SurelyFaster, result.ToString());
        Assert.True(result.RatioLow <= result.Ratio && result.Ratio <= result.RatioHigh);
    }

    [Fact]
    public void Stops_when_cancelled()
    {
        using CancellationTokenSource stop = new(TimeSpan.FromMilliseconds(50));

        Assert.ThrowsAny<OperationCanceledException>(() => Latency.Compare(
            Chains.Long(20), Chains.Long(20), new Dictionary<string, Tensor> { ["x"] = Samples.Ramp(256, 256) }, new LatencyOptions { Budget = TimeSpan.FromMinutes(5) }, stop.Token));
    }

    private static void Wait(List<char> calls, char name)
    {
        calls.Add(name);
        Thread.Sleep(2);
    }
}

public sealed class OpProfileTests
{
    [Fact]
    public void Takes_the_median_of_the_last_runs_of_each_node()
    {
        byte[] json = """
            [
              {"cat":"Session","pid":1,"tid":1,"dur":99,"ts":1,"ph":"X","name":"model_run","args":{}},
              {"cat":"Node","pid":1,"tid":1,"dur":70,"ts":1,"ph":"X","name":"a_kernel_time","args":{"op_name":"Conv"}},
              {"cat":"Node","pid":1,"tid":1,"dur":1,"ts":1,"ph":"X","name":"b_kernel_time","args":{"op_name":"Relu"}},
              {"cat":"Node","pid":1,"tid":1,"dur":5,"ts":1,"ph":"X","name":"a_fence_before","args":{"op_name":"Conv"}},
              {"cat":"Node","pid":1,"tid":1,"dur":10,"ts":1,"ph":"X","name":"a_kernel_time","args":{"op_name":"Conv"}},
              {"cat":"Node","pid":1,"tid":1,"dur":2000,"ts":1,"ph":"X","name":"a_kernel_time","args":{"op_name":"Conv"}},
              {"cat":"Node","pid":1,"tid":1,"dur":15,"ts":1,"ph":"X","name":"a_kernel_time","args":{"op_name":"Conv"}}
            ]
            """u8.ToArray();

        OpProfile profile = OpProfile.Parse(json, runs: 3);

        Assert.Equal([new OpTime("a", "Conv", 15), new OpTime("b", "Relu", 1)], profile.Ops);
        Assert.Equal(16, profile.TotalMicroseconds);
    }

    [Fact]
    public void Names_the_nodes_that_ran_and_leaves_no_file()
    {
        HashSet<string> before = [.. Directory.GetFileSystemEntries(Directory.GetCurrentDirectory())];

        OpProfile profile = OpProfile.Of(Chains.Long(5), new Dictionary<string, Tensor> { ["x"] = Samples.Ramp(256, 256) }, runs: 2);

        Assert.Equal(["n0", "n1", "n2", "n3", "n4"], profile.Ops.Select(o => o.Node).Order());
        Assert.All(profile.Ops, o => Assert.True(o is { Op: "MatMul", Microseconds: > 0 }));
        Assert.True(before.SetEquals(Directory.GetFileSystemEntries(Directory.GetCurrentDirectory())));
    }
}
