using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.Reports;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone demo: the bundled networks and images, several recipes, one table.</summary>
internal static class Demo
{
    /// <summary>The bundled networks.</summary>
    public static readonly string[] Models = ["fashion_resnet", "fashion_mobilenet"];

    /// <summary>Where they lie: beside the tool.</summary>
    public static readonly string Samples = Path.Combine(AppContext.BaseDirectory, "samples");

    private static readonly string[] s_recipes =
        ["tensorflow-float16", "tensorflow-dynamic-range", "tensorflow-int8", "pytorch-static-fbgemm", "tensorrt-int8", "intelcaffe-int8", "ort-int8"];

    private static readonly Option<string[]> s_only = new("--recipe", "-r") { Description = "Try this recipe instead of the standard ones; may be given more than once.", HelpName = "name|file" };

    private static readonly Option<int?> s_samples = new("--samples")
    {
        Description = "Measure on at most this many of the 2,500 test images.",
        HelpName = "count",
        CustomParser = result => CommonOptions.Whole(result, 1, int.MaxValue),
    };

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand(
            "demo",
            "Quantizes two bundled networks on bundled images with several recipes, measures them in one table, and writes reports.",
            "halftone demo -o demo-out/",
            "halftone demo --recipe tensorrt-int8 --recipe ort-int8")
        {
            CommonOptions.Output,
            s_only,
            s_samples,
            CommonOptions.Threads,
        }.Does(Run);

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string folder = OutputPath.Folder(options, Path.Combine("out", "demo"));
        int threads = options.GetValue(CommonOptions.Threads);
        Recipe[] recipes = [.. (options.GetValue(s_only) is { Length: > 0 } only ? only : s_recipes).Select(Recipe.Find)];
        List<Outcome> outcomes = [];
        foreach (string name in Models)
        {
            Model model = Model.Load(Path.Combine(Samples, name + ".onnx"));
            var reading = new DataOptions { Preprocessing = Preprocessing.Parse(Path.Combine(Samples, "preprocessing.json")) };
            IDataSet calibration = DataSets.Open(Path.Combine(Samples, "fashion-mnist", "calib-images-idx3-ubyte.gz"), model.Graph.Inputs, reading);
            IDataSet measured = DataSets.Open(Path.Combine(Samples, "fashion-mnist", "test-images-idx3-ubyte.gz"), model.Graph.Inputs, reading with { Limit = options.GetValue(s_samples) });
            foreach (Recipe recipe in recipes)
            {
                terminal.Remark($"{name}, {recipe.Name}");
                QuantizationResult result = Quantizer.Quantize(model, recipe, calibration, new QuantizerOptions
                {
                    Calibration = new CalibrationOptions { Threads = threads },
                    Measured = measured,
                    Proof = new ProofOptions { LatencyBudget = TimeSpan.FromSeconds(1.5) },
                }, cancel);
                string to = Path.Combine(folder, name, recipe.Name);
                result.Save(to);
                Report.Write(result.Outcome, Path.Combine(to, "report.html"));
                outcomes.Add(result.Outcome);
            }
        }

        terminal.Result(outcomes.Select(o => new { o.Float, o.Quantized, recipe = o.Recipe.Name, o.Status, o.Reason, o.Accuracy, o.Agreement, o.Latency, o.Engine, o.FusedNodes, o.FusedMacs }), console => Show(outcomes, folder, console));
        return ExitCode.Ok; // a recipe that fails its proof on these networks is a result, shown as one
    }

    private static void Show(List<Outcome> outcomes, string folder, IAnsiConsole console)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("network", "recipe");
        foreach (string number in (string[])["size", "top-1, %", "95 % interval", "against float", "speed", "90 % interval", "in integers", "engine"])
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        foreach (var group in outcomes.GroupBy(o => o.Float.File))
        {
            AccuracyEntry before = group.First().Accuracy[0];
            table.AddRow(group.Key, "float", Quantity.Size(group.First().Float.Bytes), F(before.Float, 2), $"{F(before.FloatLow, 2)} to {F(before.FloatHigh, 2)}", "", "", "", "", "");
            foreach (Outcome o in group)
            {
                AccuracyEntry? a = o.Accuracy.FirstOrDefault();
                table.AddRow(
                    "", o.Recipe.Name + (o.Status is OutcomeStatus.Failed ? " (set aside)" : ""), Quantity.Size(o.Quantized.Bytes),
                    a is null ? "" : F(a.Quantized, 2), a is null ? "" : $"{F(a.QuantizedLow, 2)} to {F(a.QuantizedHigh, 2)}", a is null ? "" : $"{a.Difference.ToString("+0.00;-0.00", CultureInfo.InvariantCulture)} ± {F(a.StandardError, 2)}",
                    o.Latency is null ? "" : F(o.Latency.Ratio, 2) + " x", o.Latency is null ? "" : $"{F(o.Latency.RatioLow, 2)} to {F(o.Latency.RatioHigh, 2)}",
                    $"{o.Fusion.Count(f => f.Fused)} of {o.Fusion.Length}", o.Engine?.Latency is { } engine ? F(engine.Ratio, 2) + " x" : "");
            }
        }

        console.Write(table);
        AccuracyEntry any = outcomes[0].Accuracy[0];
        console.Profile.Out.Writer.WriteLine($"Top-1 on {any.Samples} labelled Fashion-MNIST test images; speed is float time over quantized time in ONNX Runtime, batch 1, {outcomes[0].Latency?.Threads} threads; engine is the quantized model's time there over its time in Halftone's engine.");
        foreach (Outcome o in outcomes.Where(o => o.Status is OutcomeStatus.Failed))
        {
            console.Profile.Out.Writer.WriteLine($"{Path.GetFileNameWithoutExtension(o.Float.File)} by {o.Recipe.Name} failed its proof and was set aside: {o.Reason}.");
        }

        console.Profile.Out.Writer.WriteLine($"Reports: {Path.Combine(folder, Models[0], outcomes[^1].Recipe.Name, "report.html")} and beside it.");
    }

    private static string F(double value, int digits) => QuantizeOptions.Number(value, digits);
}
