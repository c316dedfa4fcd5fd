using System.Globalization;

namespace Halftone.Data.Sources;

/// <summary>Tables in text: .csv (comma, quotes doubled inside quotes), .tsv (tab), and anything else by white space.</summary>
internal static class TextTable
{
    private const long MostBytes = 1 << 28; // about ten million lines

    /// <summary>The rows that are not empty.</summary>
    /// <exception cref="DataException">The file is missing or too large.</exception>
    public static List<string[]> Read(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MostBytes } large)
            {
                throw new DataException($"'{path}' has {large.Length} bytes; a table of at most {MostBytes} is read.");
            }

            string extension = Path.GetExtension(path).ToLowerInvariant();
            return [.. File.ReadLines(path).Where(l => !string.IsNullOrWhiteSpace(l)).Select(l => extension switch
            {
                ".csv" => Commas(l),
                ".tsv" => [.. l.Split('\t').Select(c => c.Trim())],
                _ => Spaces(l),
            })];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"The table '{path}' cannot be read: {error.Message}", error);
        }
    }

    /// <summary>A finite number, written with a point.</summary>
    public static bool TryNumber(string cell, out float value) =>
        float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite(value);

    // "my file.png 3": the last word is the class, so that names with spaces work
    private static string[] Spaces(string line)
    {
        string text = line.Trim();
        int at = text.LastIndexOfAny([' ', '\t']);
        return at < 0 ? [text] : [text[..at].TrimEnd(), text[(at + 1)..]];
    }

    private static string[] Commas(string line)
    {
        List<string> cells = [];
        var cell = new System.Text.StringBuilder();
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            if (quoted && line[i] == '"' && i + 1 < line.Length && line[i + 1] == '"')
            {
                cell.Append('"');
                i++;
            }
            else if (line[i] == '"')
            {
                quoted = !quoted;
            }
            else if (line[i] == ',' && !quoted)
            {
                cells.Add(cell.ToString().Trim());
                cell.Clear();
            }
            else
            {
                cell.Append(line[i]);
            }
        }

        return [.. cells, cell.ToString().Trim()];
    }
}
