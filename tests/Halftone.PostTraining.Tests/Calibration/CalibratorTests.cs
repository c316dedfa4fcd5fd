using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.Statistics;

namespace Halftone.PostTraining.Tests.Calibration;

public sealed class CalibratorTests
{
    private static readonly CalibrationOptions s_one = new() { Threads = 1, BatchSize = 4 };

    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 5)]
    public void Every_sample_is_read_and_run_once(int threads, int batch)
    {
        Net net = Residual();
        var data = new SeededData(net.Graph.Inputs, 37);
        CalibrationResult result = Run(net, Edges(net), data, new CalibrationOptions { Threads = threads, BatchSize = batch });
        Assert.Equal(37, data.Reads);
        Assert.Equal((37, 1), (result.Samples, result.Groups));
        Assert.All(result.Statistics, s => Assert.Equal(37 * 8 * 6 * 6, s.Value.Count));
    }

    [Fact]
    public void No_more_than_the_samples_asked_for_evenly_over_the_set()
    {
        Net net = Residual();
        List<int> seen = [];
        var data = new SeededData(net.Graph.Inputs, 100) { Change = (index, _, _) => seen.Add(index) };
        Assert.Equal(10, Run(net, Edges(net), data, s_one with { Samples = 10 }).Samples);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => 10 * i), seen.Order());
    }

    [Fact]
    public void Statistics_are_those_of_the_values()
    {
        Net net = Residual();
        var data = new SeededData(net.Graph.Inputs, 9);
        TensorStatistics seen = Run(net, ["x", "c2"], data, s_one).Statistics["c2"];
        float[] values = [.. Enumerable.Range(0, 9).SelectMany(i => Inner(net, data.Read(i).Inputs, "c2"))];
        Assert.Equal(values.Length, seen.Count);
        Assert.Equal(values.Min(), seen.Min, 1e-5);
        Assert.Equal(values.Max(), seen.Max, 1e-5);
        Assert.Equal(values.Average(v => (double)v), seen.Mean, 1e-5);
        Assert.Equal(values.Length, seen.Histogram.Total);
    }

    [Fact]
    public void Threads_change_no_bit()
    {
        Net net = Residual();
        string[] edges = Edges(net);
        var one = Run(net, edges, new SeededData(net.Graph.Inputs, 50), s_one);
        Same(one, Run(net, edges, new SeededData(net.Graph.Inputs, 50), s_one with { Threads = 4 }));
    }

    [Fact]
    public void Too_little_memory_for_one_batch_fetches_in_groups_with_the_same_result()
    {
        Net net = Residual();
        string[] edges = Edges(net);
        var data = new SeededData(net.Graph.Inputs, 20);
        CalibrationResult all = Run(net, edges, new SeededData(net.Graph.Inputs, 20), s_one with { BatchSize = 1 });
        CalibrationResult grouped = Run(net, edges, data, s_one with { Memory = 2 * 8 * 6 * 6 * sizeof(float) });
        Assert.Equal((edges.Length + 1) / 2, grouped.Groups);
        Assert.Equal(grouped.Groups * 20, data.Reads);
        Assert.Equal(edges.Length * 8 * 6 * 6 * sizeof(float), grouped.BytesPerSample);
        Same(all, grouped);
    }

    [Fact]
    public void Memory_makes_batches_smaller_before_it_makes_groups()
    {
        Net net = Residual();
        string[] edges = Edges(net);
        long sample = edges.Length * 8 * 6 * 6 * sizeof(float);
        CalibrationResult result = Run(net, edges, new SeededData(net.Graph.Inputs, 20), new CalibrationOptions { Threads = 2, BatchSize = 16, Memory = 2 * 5 * sample });
        Assert.Equal((4, 1), (result.Batches, result.Groups));
    }

    [Fact]
    public void Inputs_of_varying_shape_calibrate()
    {
        var net = new Net([null, 8, null, null]);
        net.Conv("x", "y", 4, 8);
        var data = new SeededData(net.Graph.Inputs, 12) { FreeLength = index => 4 + (index / 3) };
        CalibrationResult result = Run(net, ["x", "y"], data, s_one);
        Assert.Equal(Enumerable.Range(0, 12).Sum(i => 8 * (4 + (i / 3)) * (4 + (i / 3))), result.Statistics["x"].Count);
        Assert.Equal(4, result.Batches); // samples of one shape ran together
    }

    [Fact]
    public void Values_that_are_not_finite_are_counted_and_named()
    {
        var net = new Net([null, 6]);
        net.Op("Log", ["x"], "l");
        net.Op("MatMul", ["l", net.Constant("w", 0.3f, 6, 6)], "y");
        CalibrationResult result = Run(net, ["x", "l"], new SeededData(net.Graph.Inputs, 10), s_one);
        (string edge, long count) = Assert.Single(result.NonFinite);
        Assert.Equal("l", edge);
        Assert.Equal(60, result.Statistics["l"].Count + count);
        Assert.InRange(count, 20, 40); // half of the normal numbers are negative
    }

    [Fact]
    public void A_value_that_is_never_finite_is_an_error_that_names_it()
    {
        var net = new Net([null, 6]);
        net.Op("Log", ["x"], "l");
        net.Op("MatMul", ["l", net.Constant("w", 0.3f, 6, 6)], "y");
        var negative = new SeededData(net.Graph.Inputs, 4) { Change = (_, _, values) => values.AsSpan().Fill(-1) };
        using QuantizationJob job = Jobs.Start(net.Model, Jobs.Plain(OnnxRuntimeTargets.X64), negative);
        Assert.Contains("'l'", Assert.Throws<ModelException>(() => job.Solve()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Graph_inputs_alone_need_no_run()
    {
        Net net = Residual();
        Assert.Equal(5 * 8 * 6 * 6, Run(net, ["x"], new SeededData(net.Graph.Inputs, 5), s_one).Statistics["x"].Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_empty_set_is_refused(int threads)
    {
        Net net = Residual();
        var empty = new SeededData(net.Graph.Inputs, 0);
        Assert.Contains("no samples", Assert.Throws<DataException>(() => Run(net, ["x"], empty, s_one with { Threads = threads })).Message, StringComparison.Ordinal);
        Assert.Contains("no samples", Assert.Throws<DataException>(() => Jobs.Start(net.Model, Jobs.Plain(OnnxRuntimeTargets.X64), empty)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Unreadable_samples_are_skipped_up_to_a_limit(int threads)
    {
        Net net = Residual();
        CalibrationResult few = Run(net, Edges(net), new SeededData(net.Graph.Inputs, 100) { Broken = i => i % 25 == 24 }, s_one with { Threads = threads });
        Assert.Equal((96, 4), (few.Samples, few.Skipped.Length));
        Assert.Contains("'sample-24'", few.Skipped[0], StringComparison.Ordinal);
        var many = new SeededData(net.Graph.Inputs, 100) { Broken = i => i % 10 == 5 };
        DataException error = Assert.Throws<DataException>(() => Run(net, Edges(net), many, s_one with { Threads = threads }));
        Assert.Contains("'sample-5'", error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, ValueInfo, string> Unfit => new()
    {
        { "name", new ValueInfo("z", ElementType.Float, [1, 8, 6, 6]), "'x'" },
        { "rank", new ValueInfo("x", ElementType.Float, [1, 8, 6]), "x" },
        { "lengths", new ValueInfo("x", ElementType.Float, [1, 7, 6, 6]), "x" },
        { "type", new ValueInfo("x", ElementType.Int64, [1, 8, 6, 6]), "int64" },
    };

    [Theory]
    [MemberData(nameof(Unfit))]
    public void Samples_that_do_not_fit_are_one_clear_error(string what, ValueInfo given, string part)
    {
        Net net = Residual();
        ModelException error = Assert.Throws<ModelException>(() => Jobs.Start(net.Model, Jobs.Plain(OnnxRuntimeTargets.X64), new SeededData([given], 3)));
        Assert.True(error.Message.Contains(part, StringComparison.Ordinal), $"{what}: {error.Message}");
    }

    [Fact]
    public void Cancelling_stops_before_the_next_batch()
    {
        Net net = Residual();
        using var cancel = new CancellationTokenSource();
        var data = new SeededData(net.Graph.Inputs, 1000);
        var options = s_one with { Progress = new Told(_ => cancel.Cancel()) };
        Assert.ThrowsAny<OperationCanceledException>(() => Calibrator.Run(net.Model, Edges(net), Values(net, data), data, options, cancel.Token));
        Assert.InRange(data.Reads, 1, 20);
    }

    [Fact]
    public void A_carried_state_goes_from_sample_to_sample()
    {
        var net = new Net([new("x", ElementType.Float, [1, 3]), new("s", ElementType.Float, [1, 3])], ["y"]);
        net.Op("Add", ["x", "s"], "y");
        var data = new SeededData(net.Graph.Inputs, 20) { StateLinks = ImmutableDictionary<string, string>.Empty.Add("y", "s"), Change = (_, name, values) => Array.Fill(values, name == "s" ? 0 : 1) };
        TensorStatistics seen = Run(net, ["y", "s"], data, s_one with { Threads = 4 }).Statistics["y"];
        Assert.Equal((1.0, 20.0), (seen.Min, seen.Max)); // ones are summed up along the sequence
    }

    private static Net Residual()
    {
        var net = new Net([null, 8, 6, 6]);
        net.Op("Relu", [net.Conv("x", "c1", 8, 8)], "r1");
        net.Op("Relu", [net.Conv("r1", "c2", 8, 8)], "r2");
        net.Op("Add", ["r2", "r1"], "a");
        net.Conv("a", "y", 8, 8);
        return net;
    }

    private static string[] Edges(Net net) => ["x", .. net.Graph.Nodes.SelectMany(n => n.Outputs)];

    private static IReadOnlyDictionary<string, ObservedValue> Values(Net net, SeededData data) => Calibrator.Observe(net.Model, new SeededData(data.Inputs, 1) { FreeLength = data.FreeLength }.Read(0).Inputs);

    private static CalibrationResult Run(Net net, string[] edges, SeededData data, CalibrationOptions options) =>
        Calibrator.Run(net.Model, edges, data.Count == 0 ? ImmutableDictionary<string, ObservedValue>.Empty : Values(net, data), data, options);

    private static float[] Inner(Net net, IReadOnlyDictionary<string, Tensor> inputs, string name) =>
        Fidelity.Run(OnnxRuntime.TensorTap.Expose(net.Model, [name]), inputs)[name].ToFloats();

    private static void Same(CalibrationResult expected, CalibrationResult actual)
    {
        Assert.Equal(expected.Statistics.Keys.Order(), actual.Statistics.Keys.Order());
        Assert.All(expected.Statistics, e =>
        {
            TensorStatistics other = actual.Statistics[e.Key];
            Assert.Equal(e.Value.Histogram.Counts, other.Histogram.Counts);
            Assert.Equal(e.Value with { Histogram = other.Histogram }, other);
        });
    }

    private sealed class Told(Action<(int Done, int Total)> tell) : IProgress<(int Done, int Total)>
    {
        public void Report((int Done, int Total) value) => tell(value);
    }
}
