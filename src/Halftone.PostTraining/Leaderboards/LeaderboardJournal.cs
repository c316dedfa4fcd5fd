using System.Text.Json;
using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.PostTraining.Leaderboards;

/// <summary>Finished rows on disk, one JSON line each under the hash of all that it depends on; so a later run takes what it would only repeat, and nothing else.</summary>
internal sealed class LeaderboardJournal
{
    private readonly string _path;
    private readonly Dictionary<string, LeaderboardRow> _rows = [];

    /// <summary>Reads the rows of earlier runs.</summary>
    /// <exception cref="DataException">It is damaged.</exception>
    public LeaderboardJournal(string path)
    {
        _path = path;

        // the part behind the last line end was being written when a run before was killed
        string[] lines = File.Exists(path) ? [.. File.ReadAllText(path).Split('\n').SkipLast(1)] : [];
        for (int i = 0; i < lines.Length; i++)
        {
            try
            {
                Line line = JsonSerializer.Deserialize<Line>(lines[i], LeaderboardFiles.Lines) ?? throw new JsonException();
                _rows[line.Key] = line.Row;
            }
            catch (JsonException error)
            {
                throw new DataException($"'{path}' is damaged at line {i + 1}. Remove the folder to start anew.", error);
            }
        }

        WholeFile.WriteText(path, string.Concat(lines.Select(l => l + "\n")));
    }

    /// <summary>The finished row, or null.</summary>
    public LeaderboardRow? Find(string key) => _rows.GetValueOrDefault(key);

    /// <summary>Adds a row; when this returns it is on the disk.</summary>
    public void Add(string key, LeaderboardRow row)
    {
        _rows[key] = row;
        using FileStream file = new(_path, FileMode.Append, FileAccess.Write, FileShare.Read);
        file.Write(JsonSerializer.SerializeToUtf8Bytes(new Line(key, row), LeaderboardFiles.Lines));
        file.WriteByte((byte)'\n');
        file.Flush(flushToDisk: true);
    }

    private sealed record Line(string Key, LeaderboardRow Row);
}
