using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;

namespace Halftone.Cli.Commands;

/// <summary>halftone compare: outputs and speed of two models.</summary>
internal static class Compare
{
    private static readonly Argument<string> s_other = new("other") { Description = "The model to compare with it, such as its quantized form." };

    private const int Samples = 256; // enough for a decibel and a percent

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "compare",
            "Compares the outputs of two models on the same samples, and times them in turns.",
            "halftone compare model.onnx model.int8.onnx --data images/ --preprocess imagenet")
        {
            CommonOptions.Model,
            s_other,
            CommonOptions.Threads,
        };
        foreach (Option option in QuantizeOptions.OfData.Where(o => o != QuantizeOptions.Measure))
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string path = QuantizeOptions.RequiredData(options, "Comparing needs samples");
        Model first = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        Model second = Model.Load(options.GetRequiredValue(s_other));
        IDataSet data = DataSets.Open(path, first.Graph.Inputs, QuantizeOptions.Reading(options, first) with { Limit = options.GetValue(CommonOptions.Samples) ?? Samples });
        int threads = options.GetValue(CommonOptions.Threads);
        var comparison = new OutputComparison();
        using OrtSession a = OrtSession.Load(first, new OrtOptions { Threads = threads });
        using OrtSession b = OrtSession.Load(second, new OrtOptions { Threads = threads });
        (CarriedState A, CarriedState B) states = (new(data), new(data));
        string[] outputs = [.. first.Graph.Outputs.Select(o => o.Name).Intersect(second.Graph.Outputs.Select(o => o.Name))];
        if (outputs.Length == 0)
        {
            throw new ModelException("The two models have no output name in common.");
        }

        foreach (Batch batch in Batches.Of(data, null, 8, new SkippedFiles(), cancel))
        {
            comparison.Add(states.A.Run(a, batch, outputs, cancel), states.B.Run(b, batch, outputs, cancel));
        }

        IReadOnlyDictionary<string, Tensor> inputs = Batches.Of(data, null, 1, new SkippedFiles(), cancel).First().Inputs;
        LatencyComparison latency = Latency.Compare(first, second, inputs, new LatencyOptions { Threads = threads }, cancel);
        terminal.Result(new { outputs = comparison.Results(), latency }, console =>
        {
            foreach (OutputFidelity o in comparison.Results())
            {
                console.Profile.Out.Writer.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{o.Name}: SQNR {o.SqnrDecibels:F1} dB, cosine {o.Cosine:F5}, largest difference {o.LargestDifference:G4}{(o.ArgmaxAgreement is { } same ? $", same largest entry in {100 * same:F1} % of {o.Rows} rows" : "")}"));
            }

            console.Profile.Out.Writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"latency: {latency.FloatMilliseconds:F3} and {latency.QuantizedMilliseconds:F3} ms, ratio {latency.Ratio:F2} (90 %: {latency.RatioLow:F2} to {latency.RatioHigh:F2}, {latency.Rounds} rounds, {latency.Threads} threads)"));
        });
        return ExitCode.Ok;
    }
}
