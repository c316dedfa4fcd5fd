using System.Text.Json;
using Halftone.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Halftone.Engine.Bench.Peers;

/// <summary>What ONNX Runtime's own profiler says of each node of a network, one thread.</summary>
internal static class OrtProfile
{
    private const string Suffix = "_kernel_time";
    private const string Copy = "_token_"; // what a fused node's name has after that of the convolution

    /// <summary>Runs a model.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="inputs">Fed in every run.</param>
    /// <param name="runs">Runs that count.</param>
    /// <returns>Microseconds of each run, by the name that the node has in the file.</returns>
    public static Dictionary<string, double[]> Of(string path, IReadOnlyDictionary<string, Tensor> inputs, int runs)
    {
        const int WarmUp = 3;
        string prefix = Path.Combine(Path.GetTempPath(), $"halftone-{Guid.NewGuid():N}");
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, EnableProfiling = true, ProfileOutputPathPrefix = prefix };
        using var session = new InferenceSession(path, options);
        string file;
        Dictionary<string, OrtValue> feed = inputs.ToDictionary(i => i.Key, i => OrtValue.CreateTensorValueFromMemory(i.Value.ToFloats(), i.Value.Dims.ToArray()));
        try
        {
            using var run = new RunOptions();
            for (int i = 0; i < WarmUp + runs; i++)
            {
                session.Run(run, feed, session.OutputNames).Dispose();
            }
        }
        finally
        {
            file = session.EndProfiling();
            foreach (OrtValue value in feed.Values)
            {
                value.Dispose();
            }
        }

        try
        {
            using JsonDocument events = JsonDocument.Parse(File.ReadAllBytes(file));
            return events.RootElement.EnumerateArray()
                .Select(e => (Name: e.GetProperty("name").GetString()!, Duration: e.GetProperty("dur").GetDouble()))
                .Where(e => e.Name.EndsWith(Suffix, StringComparison.Ordinal))
                .GroupBy(e => e.Name[..^Suffix.Length].Split(Copy)[0])
                .ToDictionary(g => g.Key, g => g.Select(e => e.Duration).Skip(WarmUp).ToArray());
        }
        finally
        {
            File.Delete(file);
        }
    }
}
