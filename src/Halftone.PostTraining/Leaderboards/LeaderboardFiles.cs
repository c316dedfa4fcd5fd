using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Halftone.PostTraining.Leaderboards;

/// <summary>A leaderboard as CSV, JSON and Markdown.</summary>
public static class LeaderboardFiles
{
    internal static JsonSerializerOptions Lines { get; } = new(Outcome.Json) { WriteIndented = false };

    /// <summary>JSON, all of it.</summary>
    public static string Json(LeaderboardResult result) => JsonSerializer.Serialize(result, Outcome.Json) + "\n";

    /// <summary>CSV (RFC 4180), one line a row; what was not measured is empty.</summary>
    public static string Csv(LeaderboardResult result)
    {
        StringBuilder text = new("name,recipe,weight_bits,activation_bits,stored_bits_per_weight,metric,value,difference,standard_error,output_sqnr_db,deployed_bytes,coded_bytes,integer_macs,speed,engine_agreement,engine_difference,engine_speed,engine_obstacle,seconds,status,reason\r\n");
        foreach (LeaderboardRow r in result.Rows)
        {
            object?[] cells =
            [
                r.Name, r.Recipe, r.WeightBits, r.ActivationBits, r.StoredBits is { } b ? Math.Round(b, 3) : null, r.Metric is null ? "" : result.Metric, r.Metric, r.Difference, r.StandardError, r.Sqnr, r.DeployedBytes, r.CodedBytes,
                r.FusedMacs, r.Speed, r.EngineAgreement, r.EngineDifference, r.EngineSpeed, r.EngineObstacle, r.Seconds is { } s ? Math.Round(s, 2) : null, JsonNamingPolicy.KebabCaseLower.ConvertName(r.Status.ToString()), r.Reason,
            ];
            text.AppendJoin(',', cells.Select(Cell)).Append("\r\n");
        }

        return text.ToString();
    }

    /// <summary>A Markdown table, with what it was measured on above and what was not measured below.</summary>
    public static string Markdown(LeaderboardResult result)
    {
        StringBuilder text = new();
        string unit = result.Unit.Length > 0 ? " " + result.Unit : "";
        text.Append(CultureInfo.InvariantCulture, $"`{result.Model}`: {Size(result.DeployedBytes)}, coded {Size(result.CodedBytes)}");
        text.Append(result.Metric.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"; {result.Metric} {Number(result.Float, 2)}{unit} on {result.Samples} samples")).Append(".\n\n");
        string metric = result.Metric.Length > 0 ? result.Metric : "metric";
        bool timed = result.Rows.Any(r => r.Speed is not null);
        text.Append($"| recipe | W/A bits | stored bits a weight | {metric} | against float | output SQNR, dB | deployed | coded |{(timed ? " speed |" : "")} engine |{(timed ? " engine speed |" : "")} seconds |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |{(timed ? " ---: |" : "")} ---: |{(timed ? " ---: |" : "")} ---: |\n");
        foreach (LeaderboardRow r in result.Rows.Where(r => r.Status is LeaderboardStatus.Measured))
        {
            string difference = r.Difference is null ? "" : $"{Signed(r.Difference.Value)} ± {Number(r.StandardError, 2)}";
            string speed = timed ? $" {Number(r.Speed, 2)} |" : "";
            string engineSpeed = timed ? $" {Number(r.EngineSpeed, 2)} |" : "";
            text.Append($"| {Escape(r.Name)} | {Bits(r)} | {Number(r.StoredBits, 1)} | {Number(r.Metric, 2)} | {difference} | {Number(r.Sqnr, 1)} | {Size(r.DeployedBytes)} | {Size(r.CodedBytes)} |{speed} {Engine(r)} |{engineSpeed} {Number(r.Seconds, 1)} |\n");
        }

        foreach (LeaderboardRow r in result.Rows.Where(r => r.EngineObstacle.Length > 0))
        {
            text.Append($"\n{Escape(r.Name)} does not run in the engine: {Escape(r.EngineObstacle)}\n");
        }

        foreach (LeaderboardRow r in result.Rows.Where(r => r.Status is not LeaderboardStatus.Measured))
        {
            text.Append($"\n{Escape(r.Name)} {(r.Status is LeaderboardStatus.Failed ? "failed" : "was skipped")}: {Escape(r.Reason)}\n");
        }

        return text.ToString();
    }

    /// <summary>Bits of weights and activations: 4/8, 4/float.</summary>
    public static string Bits(LeaderboardRow row) =>
        row.WeightBits is { } w ? string.Create(CultureInfo.InvariantCulture, $"{w}/{(row.ActivationBits is { } a ? a.ToString(CultureInfo.InvariantCulture) : "float")}") : "";

    /// <summary>How Halftone's engine agrees with ONNX Runtime: on the largest output of so many samples, else by the largest relative difference; "no" where it does not run the model.</summary>
    public static string Engine(LeaderboardRow row) => row.EngineObstacle.Length > 0 ? "no"
        : row.EngineAgreement is { } same ? string.Create(CultureInfo.InvariantCulture, $"{100 * same:F1} %")
        : row.EngineDifference is { } difference ? string.Create(CultureInfo.InvariantCulture, $"{difference:0.#E+0}") : "";

    private static string Cell(object? value)
    {
        string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return text.AsSpan().IndexOfAny("\",\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private static string Number(double? value, int digits) =>
        value is not { } v || double.IsNaN(v) ? "" : double.IsPositiveInfinity(v) ? "exact" : v.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string Signed(double value) => value.ToString("+0.00;-0.00", CultureInfo.InvariantCulture);

    private static string Size(long? bytes) => bytes is { } b ? string.Create(CultureInfo.InvariantCulture, $"{b / 1024.0:F1} KB") : "";

    private static string Escape(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
