using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Engine;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Recipes;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone doctor: the machine as Halftone sees it, and whether all that it needs works.</summary>
internal static class Doctor
{
    private static readonly TimeSpan s_timing = TimeSpan.FromSeconds(1);

    /// <summary>Something that Halftone needs.</summary>
    /// <param name="Name">What.</param>
    /// <param name="Works">Whether it is there and works.</param>
    /// <param name="Detail">Version or place, or what went wrong.</param>
    internal sealed record Need(string Name, bool Works, string Detail);

    /// <summary>What matters for quantized networks.</summary>
    /// <param name="Halftone">Version of the tool.</param>
    /// <param name="Machine">Processor, instruction sets, versions, and what to expect of 8 bits; null where ONNX Runtime does not run.</param>
    /// <param name="MemoryBytes">Memory that may be used.</param>
    /// <param name="Int8Speed">How many times faster an 8-bit convolution runs here than a float one, one thread, measured; null where ONNX Runtime does not run.</param>
    /// <param name="Tier">The tier that Halftone's engine takes; null where it does not run.</param>
    /// <param name="Tiers">All its tiers, best first, and why this machine cannot run one.</param>
    /// <param name="Needs">What Halftone needs.</param>
    internal sealed record Report(
        string Halftone, MachineDescription? Machine, long MemoryBytes, LatencyComparison? Int8Speed, string? Tier, IReadOnlyList<EngineTier> Tiers, IReadOnlyList<Need> Needs);

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand(
            "doctor",
            "Shows processor, instruction sets and versions, measures what 8 bits gain here, and checks that all that is needed works.",
            "halftone doctor",
            "halftone doctor --json")
            .Does((_, terminal, cancel) =>
            {
                Report report = Examine(cancel);
                terminal.Result(report, console => Show(report, console));
                return report.Needs.All(n => n.Works) ? ExitCode.Ok : ExitCode.InputOutput;
            });

    private static Report Examine(CancellationToken cancel)
    {
        MachineDescription? machine = null;
        LatencyComparison? speed = null;
        string? tier = null;
        Need[] needs =
        [
            Try("ONNX Runtime", () =>
            {
                machine = Machine.Describe();
                (Model plain, Model quantized, IReadOnlyDictionary<string, Tensor> inputs) = Int8Probe.Convolution();
                speed = Latency.Compare(plain, quantized, inputs, new LatencyOptions { Budget = s_timing }, cancel);
                return machine.OnnxRuntime;
            }),
            Try("engine", () => $"{tier = RunsEngine()} kernels"),
            Try("image decoder", () => DecodesPictures() ? "SkiaSharp" : throw new DataException("the bundled picture was not decoded as it is")),
            Try("recipes", () => string.Create(CultureInfo.InvariantCulture, $"{RecipeFile.Names.Select(RecipeFile.Find).Count()} in the tool")),
            Try("demo files", () => string.Create(CultureInfo.InvariantCulture, $"{Demo.Models.Select(m => Model.Load(Path.Combine(Demo.Samples, m + ".onnx"))).Count()} networks and images in '{Demo.Samples}'")),
            Try("temporary files", () =>
            {
                Directory.CreateTempSubdirectory("halftone-").Delete();
                return $"'{Path.GetTempPath()}'";
            }),
        ];
        return new Report(CliApplication.Version, machine, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, speed, tier, EngineTiers.All, needs);
    }

    // a missing native library shows as DllNotFoundException inside of TypeInitializationException: whatever it is, it is the finding
    private static Need Try(string name, Func<string> check)
    {
        try
        {
            return new Need(name, true, check());
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return new Need(name, false, error.GetBaseException().Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>Runs the convolution in the engine and in its reference kernels, which must agree bit by bit.</summary>
    /// <returns>The tier that it uses.</returns>
    private static string RunsEngine()
    {
        (_, Model quantized, IReadOnlyDictionary<string, Tensor> inputs) = Int8Probe.Convolution();
        using EngineSession best = EngineSession.Load(quantized);
        using EngineSession reference = EngineSession.Load(quantized, new EngineOptions { Tier = "reference" });
        bool same = best.Run(inputs)["y"].Bytes.SequenceEqual(reference.Run(inputs)["y"].Bytes);
        string tier = EngineTiers.Chosen(EngineOptions.Default).Name;
        return same ? tier : throw new ModelException($"a convolution with {tier} kernels differs from the reference");
    }

    private static bool DecodesPictures()
    {
        // one red pixel as BMP, 24 bits, blue first
        byte[] picture = [0x42, 0x4D, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0, .. new byte[24], 0, 0, 255, 0];
        string folder = Directory.CreateTempSubdirectory("halftone-").FullName;
        try
        {
            string file = Path.Combine(folder, "red.bmp");
            File.WriteAllBytes(file, picture);
            Tensor pixel = DataSets.Open(file, [new ValueInfo("x", ElementType.Float, [1, 3, 1, 1])], new DataOptions()).Read(0).Inputs["x"];
            return pixel.ToFloats() is [255, 0, 0];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Show(Report report, IAnsiConsole console)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Line(string name, string value) => grid.AddRow(new Text(name), new Text(value));
        Line("halftone", report.Halftone);
        if (report.Machine is { } machine)
        {
            Line("processor", string.Create(CultureInfo.InvariantCulture, $"{machine.Processor}, {machine.Cores} cores, {machine.Architecture.ToLowerInvariant()}"));
            Line("has", string.Join(", ", machine.InstructionSets));
            Line("system", $"{machine.OperatingSystem}, {machine.DotNet}, {Quantity.Size(report.MemoryBytes)} of memory");
            Line("8 bits", machine.Expectation);
        }

        if (report.Int8Speed is { } speed)
        {
            Line("measured", string.Create(CultureInfo.InvariantCulture, $"a convolution runs {speed.Ratio:F2} times as fast in 8 bits as in float (90 %: {speed.RatioLow:F2} to {speed.RatioHigh:F2}, one thread)"));
        }

        if (report.Tier is { } tier)
        {
            string[] others = [.. report.Tiers.Where(t => t.IsSupported && t.Name != tier).Select(t => t.Name)];
            IEnumerable<string> better = report.Tiers.TakeWhile(t => t.Name != tier).Select(t => $"not {t.Name}, {t.Obstacle ?? "since another is asked for"}");
            Line("engine", string.Join("; ", (string[])[$"takes {tier} kernels", .. better, $"runs {string.Join(", ", others)} too"]));
        }

        foreach (Need need in report.Needs)
        {
            Line(need.Works ? "works" : "FAILS", $"{need.Name}: {need.Detail}");
        }

        console.Write(grid);
    }
}
