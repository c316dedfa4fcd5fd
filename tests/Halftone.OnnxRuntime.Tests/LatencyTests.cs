using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

public sealed class LatencyTests
{
    [Fact]
    public void With_one_pair_medians_and_ratio_are_those_of_its_rounds()
    {
        LatencyComparison result = Latency.Summarize([new([4, 8, 6, 2, 10], [2, 4, 2, 2, 2])], threads: 3);

        // ratios 2 2 3 1 5
        Assert.Equal(new LatencyComparison(6, 2, 2, 1, 5, 5, 3, 1), result);
    }

    [Fact]
    public void With_several_pairs_each_counts_once()
    {
        // ratios 1 1 1 1 1 9, 2, 3, 4, 5 by pair; by round most would be 1
        LatencyComparison result = Latency.Summarize(
            [new([1, 1, 1, 1, 1, 9], [1, 1, 1, 1, 1, 1]), new([2], [1]), new([3], [1]), new([4], [1]), new([5], [1])], threads: 1);

        Assert.Equal((3, 1, 5, 10, 5), (result.Ratio, result.RatioLow, result.RatioHigh, result.Rounds, result.Pairs));
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

    [Theory]
    [InlineData(1, 25, 0)] // rounds that vary alone, by one pair
    [InlineData(15, 3, 0)]
    [InlineData(5, 3, 0.5)] // sessions that are slow or fast as a whole
    [InlineData(15, 3, 0.5)]
    public void The_interval_holds_the_median_in_nine_of_ten_trials(int pairs, int rounds, double sessionSpread)
    {
        var random = new Random(1);
        double Noise(double spread) => Math.Exp(spread * (random.NextDouble() - random.NextDouble()));
        int held = 0;
        for (int trial = 0; trial < 1000; trial++)
        {
            // ratios around a median of 1: the logarithms of all factors are symmetric about 0
            LatencyComparison result = Latency.Summarize(
                [.. Enumerable.Range(0, pairs).Select(_ =>
                {
                    double session = Math.Exp(random.Next(2) == 0 ? -sessionSpread : sessionSpread) * Noise(0.02);
                    return new Latency.PairTimes([.. Enumerable.Range(0, rounds).Select(_ => session * Noise(0.3))], [.. Enumerable.Repeat(1.0, rounds)]);
                })], 1);
            held += result.RatioLow <= 1 && result.RatioHigh >= 1 ? 1 : 0;
        }

        Assert.InRange(held, 880, 1000);
    }

    [Fact]
    public void Takes_turns_with_the_first_place_changing()
    {
        List<char> calls = [];
        LatencyOptions options = new() { Budget = TimeSpan.Zero, Pause = TimeSpan.Zero, WarmUp = 1 };

        // longer than the shortest measurement, so that each is one run
        LatencyComparison result = Latency.Compare(_ => Waits(calls, TimeSpan.FromMilliseconds(2)), options, CancellationToken.None);

        Assert.Equal("ffqq" + "fq" + "qf" + "fq" + "qf" + "fq" + "d", new string([.. calls]));
        Assert.Equal((5, 1), (result.Rounds, result.Pairs));
    }

    [Fact]
    public void Loads_fresh_pairs_and_lets_each_go_when_the_next_stands()
    {
        List<char> calls = [];
        LatencyOptions options = new() { Budget = TimeSpan.FromSeconds(0.4), Pause = TimeSpan.Zero, WarmUp = 1, MostRounds = 5 };

        LatencyComparison result = Latency.Compare(
            _ =>
            {
                calls.Add('l');
                return Waits(calls, TimeSpan.FromMilliseconds(0.1));
            },
            options, CancellationToken.None);

        string order = new([.. calls.Where(c => c is 'l' or 'd')]);
        Assert.InRange(result.Pairs, 5, 15);
        Assert.Equal("l" + string.Concat(Enumerable.Repeat("ld", result.Pairs - 1)) + "d", order);
        Assert.InRange(result.Rounds, 2 * result.Pairs, 5 * result.Pairs);
    }

    [Fact]
    public void Five_pairs_that_do_not_fit_the_budget_become_one()
    {
        List<char> calls = [];
        LatencyOptions options = new() { Budget = TimeSpan.FromMilliseconds(100), Pause = TimeSpan.Zero, WarmUp = 1 };

        LatencyComparison result = Latency.Compare(_ => Waits(calls, TimeSpan.FromMilliseconds(10)), options, CancellationToken.None);

        Assert.Equal(1, result.Pairs);
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

    private static Latency.SessionPair Waits(List<char> calls, TimeSpan time)
    {
        Action Wait(char name) => () =>
        {
            calls.Add(name);
            Thread.Sleep(time);
        };
        return new(Wait('f'), Wait('q'), [new Disposal(calls)]);
    }

    private sealed class Disposal(List<char> calls) : IDisposable
    {
        public void Dispose() => calls.Add('d');
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
