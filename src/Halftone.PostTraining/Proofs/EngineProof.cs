using Halftone.Data;
using Halftone.Engine;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Proofs;

/// <summary>Runs the result in Halftone's engine beside ONNX Runtime: the same outputs, and how fast.</summary>
internal static class EngineProof
{
    private const int Samples = 64; // as many as the outputs are compared on with the float model

    /// <summary>What the engine makes of a result. Whatever goes wrong in it is the finding, and no failure of the result.</summary>
    public static EngineEntry Of(QuantizationJob job, Model quantized, QuantizerOptions options, CancellationToken cancel)
    {
        var how = new EngineOptions { Threads = options.Calibration.Threads };
        try
        {
            EngineEntry entry = Compare(job.Data!, quantized, how, cancel);
            return options.Proof.LatencyBudget <= TimeSpan.Zero ? entry : entry with { Latency = Time(job.Data!, quantized, how, options, cancel) };
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            string reason = error.Message.ReplaceLineEndings(" ");
            return new EngineEntry(error is ModelException or ArgumentException ? reason : $"{error.GetType().Name}: {reason}", "", null, [], 0);
        }
    }

    private static EngineEntry Compare(IDataSet data, Model quantized, EngineOptions how, CancellationToken cancel)
    {
        string tier = EngineTiers.Chosen(how).Name;
        using EngineSession engine = EngineSession.Load(quantized, how);
        using OrtSession native = OrtSession.Load(quantized, new OrtOptions { Threads = how.Threads });
        (CarriedState Native, CarriedState Engine) states = (new(data), new(data));
        var comparison = new OutputComparison();
        int samples = 0;
        foreach (Batch batch in Batches.Of(data, Batches.Evenly(data.Count, Samples), 8, new SkippedFiles(), cancel))
        {
            comparison.Add(states.Native.Run(native, batch, null, cancel), states.Engine.Run(engine, batch, null, cancel));
            samples += batch.Samples.Length;
        }

        return new EngineEntry("", tier, null, [.. comparison.Results().Select(r => Difference(r, quantized.Graph))], samples);
    }

    private static EngineDifference Difference(OutputFidelity result, Graph graph) => new(
        result.Name,
        result.LargestDifference,
        result.LargestDifference == 0 ? 0 : result.LargestDifference / result.LargestReference,
        Step(result.Name, graph) is { } step ? result.LargestDifference / step : null,
        result.ArgmaxAgreement);

    /// <summary>The step between two codes of an output that comes out of codes with one scale; null of others.</summary>
    internal static double? Step(string output, Graph graph) =>
        graph.Producer(output) is { Op: "DequantizeLinear" } node && graph.Constant(node.Inputs[1]) is { Count: 1 } scale ? scale.ToFloats()[0] : null;

    private static EngineLatency Time(IDataSet data, Model quantized, EngineOptions how, QuantizerOptions options, CancellationToken cancel)
    {
        options.Tell?.Invoke("timing ONNX Runtime and Halftone's engine in turns");
        IReadOnlyDictionary<string, Tensor> inputs = Batches.Of(data, null, 1, new SkippedFiles(), cancel).First().Inputs;
        LatencyComparison l = Latency.Compare(
            () => OrtSession.Load(quantized, new OrtOptions { Threads = how.Threads }), () => EngineSession.Load(quantized, how), inputs,
            new LatencyOptions { Threads = how.Threads, Budget = options.Proof.LatencyBudget }, cancel);
        return new EngineLatency(l.FloatMilliseconds, l.QuantizedMilliseconds, l.Ratio, l.RatioLow, l.RatioHigh, l.Rounds, l.Threads);
    }
}
