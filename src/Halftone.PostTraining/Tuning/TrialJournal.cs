using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tuning;

/// <summary>What is tuned, so that a later run goes on only with the same.</summary>
/// <param name="Model">SHA-256 of the float model.</param>
/// <param name="Recipe">The recipe, as text.</param>
/// <param name="Target">Id of the target.</param>
/// <param name="Metric">Id of the metric.</param>
/// <param name="Float">The metric of the float model.</param>
internal sealed record TuningSubject(string Model, string Recipe, string Target, string Metric, double Float)
{
    /// <summary>Of a job and a metric.</summary>
    public static TuningSubject Of(QuantizationJob job, string metric, double floatMetric) =>
        new(Convert.ToHexStringLower(SHA256.HashData(job.Prepared.Model.ToBytes())), RecipeFile.Write(job.Recipe), job.Target.Id, metric, floatMetric);
}

/// <summary>The trials of a folder, one JSON line each behind a line that says what was tuned.</summary>
internal sealed class TrialJournal(string path)
{
    /// <summary>Reads the trials of an earlier run, or starts anew.</summary>
    /// <param name="subject">What is tuned now.</param>
    /// <exception cref="DataException">The folder holds trials of something else, or they are damaged.</exception>
    public ImmutableArray<Trial> Open(TuningSubject subject)
    {
        string[] lines = File.Exists(path) ? File.ReadAllText(path).Split('\n') : [];

        // the part behind the last line end was being written when the run before was killed
        lines = [.. lines.SkipLast(1)];
        if (lines.Length == 0)
        {
            WholeFile.WriteText(path, Line(subject));
            return [];
        }

        if (Read<TuningSubject>(lines[0], 1) is var before && before != subject)
        {
            string what = before.Model != subject.Model ? "another model" : before.Recipe != subject.Recipe ? "another recipe" : before.Target != subject.Target ? $"the target '{before.Target}'" : "other samples or another metric";
            throw new DataException($"'{path}' holds trials of {what}: give another folder, or remove this one to start anew.");
        }

        ImmutableArray<Trial> trials = [.. lines.Skip(1).Select((line, i) => Read<Trial>(line, i + 2))];
        WholeFile.WriteText(path, string.Concat(lines.Select(l => l + "\n")));
        return trials;
    }

    /// <summary>Adds a trial.</summary>
    public void Add(Trial trial) => File.AppendAllText(path, Line(trial));

    private static string Line<T>(T value) => JsonSerializer.Serialize(value, JsonSerializerOptions.Web) + "\n";

    private T Read<T>(string line, int number)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, JsonSerializerOptions.Web) ?? throw new JsonException();
        }
        catch (JsonException error)
        {
            throw new DataException($"'{path}' is damaged at line {number}. Remove the folder to start anew.", error);
        }
    }
}
