using System.Globalization;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Tests.Calibration;

[Collection(Alone.Name)]
public sealed class CalibrationMemoryTests
{
    private const string ResetPeak = "5"; // proc(5): to clear_refs, resets the peak resident set size

    /// <summary>Managed and native memory together, as the kernel counts it: 1,000 samples take no more at their peak than 100.</summary>
    [Fact]
    public void Ten_times_the_samples_take_the_same_memory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/proc/self/clear_refs"), "needs Linux, whose kernel keeps the peak");
        Model model = FashionSamples.Load("fashion_mobilenet");
        Peak(model, 100); // code is compiled and pools are filled
        long few = Peak(model, 100);
        long many = Peak(model, 1000);
        Assert.True(many <= 1.1 * few, $"the peak is {few} KiB with 100 samples and {many} KiB with 1000");
    }

    private static long Peak(Model model, int samples)
    {
        var data = new SeededData(model.Graph.Inputs, samples);
        IReadOnlyDictionary<string, ObservedValue> values = Calibrator.Observe(model, data.Read(0).Inputs);
        string[] edges = [.. model.Graph.Nodes.SelectMany(n => n.Outputs)];
        File.WriteAllText("/proc/self/clear_refs", ResetPeak);
        CalibrationResult result = Calibrator.Run(model, edges, values, data, new CalibrationOptions { Samples = samples, Threads = 2 });
        Assert.Equal(samples, result.Samples);
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
