using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>Picks what a metric looks at.</summary>
internal static class Outputs
{
    /// <summary>The output of that name, or the only one.</summary>
    /// <exception cref="DataException">There is no such output, or several and none was named.</exception>
    public static Tensor Pick(IReadOnlyDictionary<string, Tensor> outputs, string? name) =>
        name is not null
            ? outputs.TryGetValue(name, out Tensor? named) ? named : throw new DataException($"The model has no output '{name}'; it has {Names(outputs)}.")
            : outputs.Count == 1 ? outputs.Values.First()
            : throw new DataException($"The model has {outputs.Count} outputs ({Names(outputs)}); name the one that the metric is for.");

    /// <summary>The reference's outputs.</summary>
    /// <exception cref="DataException">There are none.</exception>
    public static IReadOnlyDictionary<string, Tensor> Reference(IReadOnlyDictionary<string, Tensor>? reference, string metric) =>
        reference ?? throw new DataException($"The metric {metric} compares with a reference model, and its outputs are not given.");

    /// <summary>The pairs of float outputs that both models give: those of that name, or all.</summary>
    /// <exception cref="DataException">There are none, or their lengths differ.</exception>
    public static IEnumerable<(string Name, float[] Value, float[] Reference)> Pairs(IReadOnlyDictionary<string, Tensor> outputs, IReadOnlyDictionary<string, Tensor> reference, string? name)
    {
        string[] names = name is not null ? [name] : [.. reference.Where(r => outputs.ContainsKey(r.Key) && IsFloat(r.Value)).Select(r => r.Key).Order(StringComparer.Ordinal)];
        if (names.Length == 0)
        {
            throw new DataException($"The two models have no float output in common ({Names(outputs)}; {Names(reference)}).");
        }

        foreach (string key in names)
        {
            (Tensor a, Tensor b) = (Pick(outputs, key), Pick(reference, key));
            yield return a.Dims.SequenceEqual(b.Dims)
                ? (key, a.ToFloats(), b.ToFloats())
                : throw new DataException($"The output '{key}' is [{string.Join(",", a.Dims)}], but the reference's is [{string.Join(",", b.Dims)}].");
        }
    }

    /// <summary>The sample's target as floats, as many as the output has.</summary>
    /// <exception cref="DataException">There is none, or another number.</exception>
    public static float[] Target(Sample sample, Tensor output, string metric)
    {
        Tensor target = sample.Target ?? throw new DataException($"'{sample.Name}' has no target, which {metric} needs.");
        return target.Count == output.Count
            ? target.ToFloats()
            : throw new DataException($"The target of '{sample.Name}' is [{string.Join(",", target.Dims)}], but the model gives [{string.Join(",", output.Dims)}].");
    }

    private static bool IsFloat(Tensor tensor) => tensor.Type is ElementType.Float or ElementType.Float16 or ElementType.BFloat16 or ElementType.Double;

    private static string Names(IReadOnlyDictionary<string, Tensor> outputs) => string.Join(", ", outputs.Keys.Select(k => $"'{k}'"));
}
