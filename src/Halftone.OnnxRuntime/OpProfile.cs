using System.Collections.Immutable;
using System.Text.Json;
using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>What one node of an optimized model took.</summary>
/// <param name="Node">Its name, as the optimizer leaves it.</param>
/// <param name="Op">The operator that ran.</param>
/// <param name="Microseconds">Median time of a run: one that was interrupted does not count.</param>
public sealed record OpTime(string Node, string Op, double Microseconds);

/// <summary>Where the time of a run goes, node by node, from ONNX Runtime's own profile.</summary>
/// <param name="Ops">The nodes, the slowest first.</param>
public sealed record OpProfile(ImmutableArray<OpTime> Ops)
{
    /// <summary>Sum of the operators' medians, in microseconds.</summary>
    public double TotalMicroseconds => Ops.Sum(o => o.Microseconds);

    /// <summary>Profiles a number of runs, after one that does not count.</summary>
    /// <exception cref="ModelException">The model cannot be loaded or run.</exception>
    public static OpProfile Of(Model model, IReadOnlyDictionary<string, Tensor> inputs, int threads = 1, int runs = 10, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(runs, 1);
        string folder = Directory.CreateTempSubdirectory("halftone-").FullName;
        try
        {
            string path;
            using (OrtSession session = OrtSession.Load(model, new OrtOptions { Threads = threads, ProfileFolder = folder }))
            {
                for (int i = 0; i <= runs; i++)
                {
                    session.RunOnly(inputs, cancel);
                }

                path = session.EndProfile();
            }

            return Parse(File.ReadAllBytes(path), runs);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Reads a profile: of every node, the median of its last runs.</summary>
    /// <param name="json">The file that ONNX Runtime writes.</param>
    /// <param name="runs">How many of the runs in it count.</param>
    internal static OpProfile Parse(ReadOnlyMemory<byte> json, int runs)
    {
        const string Suffix = "_kernel_time";
        Dictionary<(string Node, string Op), List<double>> times = [];
        using var document = JsonDocument.Parse(json);
        foreach (JsonElement entry in document.RootElement.EnumerateArray())
        {
            if (entry.TryGetProperty("cat", out JsonElement category) && category.ValueEquals("Node")
                && entry.GetProperty("name").GetString() is { } name && name.EndsWith(Suffix, StringComparison.Ordinal))
            {
                string op = entry.GetProperty("args").GetProperty("op_name").GetString() ?? "";
                (string, string) key = (name[..^Suffix.Length], op);
                (times.TryGetValue(key, out List<double>? list) ? list : times[key] = []).Add(entry.GetProperty("dur").GetDouble());
            }
        }

        return new OpProfile(
        [
            .. times.Select(t => new OpTime(t.Key.Node, t.Key.Op, Latency.Median([.. t.Value.TakeLast(runs)])))
                .OrderByDescending(t => t.Microseconds).ThenBy(t => t.Node, StringComparer.Ordinal),
        ]);
    }
}
