using System.Collections.Immutable;
using System.Globalization;

namespace Halftone.Data.Sources;

/// <summary>Which file has which class, out of a table whose first column names files.</summary>
/// <remarks>
/// <para>The class column is the one asked for (<c>labels.tsv:orientation</c>), else one called class, label, category or target, else the second of two, else the only one whose values repeat
/// (fewer different ones than half the rows).</para>
/// <para>In a column that is called so, or has no name, whole numbers are class numbers. Other values are names: their place in <c>classes.txt</c> beside the file,
/// or in their own order (numbers by size, text by code point), is the class.</para>
/// </remarks>
internal sealed class LabelsFile
{
    private static readonly string[] s_classColumns = ["class", "label", "category", "target", "class_id", "label_id", "y"];
    private static readonly string[] s_fileColumns = ["file", "filename", "file_name", "image", "image_id", "img", "path", "name", "id"];

    private LabelsFile(ImmutableArray<(string File, int Label)> rows, ImmutableArray<string> classNames) => (Rows, ClassNames) = (rows, classNames);

    /// <summary>File and class, in the table's order.</summary>
    public ImmutableArray<(string File, int Label)> Rows { get; }

    /// <summary>Names by class number; empty where unknown.</summary>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>Reads a table.</summary>
    /// <param name="asked">A path, after which a colon and a column's name may stand.</param>
    /// <exception cref="DataException">The table is missing or the column is not clear; the message lists the columns.</exception>
    public static LabelsFile Read(string asked)
    {
        int colon = File.Exists(asked) ? -1 : asked.LastIndexOf(':');
        string path = colon < 0 ? asked : asked[..colon];
        string? wanted = colon < 0 ? null : asked[(colon + 1)..];
        List<string[]> rows = TextTable.Read(path);
        if (rows.Count == 0 || rows.Any(r => r.Length < 2))
        {
            throw new DataException($"The labels file '{path}' must have a file and a class on every line{(rows.Count == 0 ? "; it is empty" : $"; line '{string.Join(" ", rows.First(r => r.Length < 2))}' has not")}.");
        }

        bool head = s_fileColumns.Contains(rows[0][0].ToLowerInvariant()) || (wanted is not null && rows[0].Contains(wanted));
        string[]? names = head ? rows[0] : null;
        List<string[]> body = head ? rows[1..] : rows;
        int column = Column(path, names, body, wanted);
        if (body.FirstOrDefault(r => r.Length <= column) is { } cut)
        {
            throw new DataException($"The labels file '{path}' has no class on the line of '{cut[0]}'.");
        }

        bool numbered = names is null || s_classColumns.Contains(names[column].ToLowerInvariant());
        ImmutableArray<string> known = Names(Path.GetDirectoryName(Path.GetFullPath(path))!);
        string[] values = [.. body.Select(r => r[column])];
        if (numbered && values.All(v => Whole(v) is >= 0))
        {
            return new LabelsFile([.. body.Select((r, i) => (r[0], Whole(values[i])!.Value))], known);
        }

        ImmutableArray<string> classes = values.All(known.Contains) ? known : Ordered(values);
        return new LabelsFile([.. body.Select((r, i) => (r[0], classes.IndexOf(values[i])))], classes);
    }

    /// <summary>The names in <c>classes.txt</c> of a folder, one a line; empty where there is none.</summary>
    public static ImmutableArray<string> Names(string folder)
    {
        string path = Path.Combine(folder, "classes.txt");
        return File.Exists(path) ? [.. File.ReadLines(path).Select(l => l.Trim()).Where(l => l.Length > 0)] : [];
    }

    private static int Column(string path, string[]? names, List<string[]> body, string? wanted)
    {
        string listed = names is null ? "the columns have no names" : $"columns: {string.Join(", ", names)}";
        if (wanted is not null)
        {
            int at = names is null ? -1 : Array.IndexOf(names, wanted);
            return at > 0 ? at : throw new DataException($"The labels file '{path}' has no column '{wanted}'; {listed}.");
        }

        int named = names is null ? -1 : Array.FindIndex(names, 1, n => s_classColumns.Contains(n.ToLowerInvariant()));
        int width = names?.Length ?? body[0].Length;
        if (named > 0 || width == 2)
        {
            return named > 0 ? named : 1;
        }

        int[] repeating = [.. Enumerable.Range(1, width - 1).Where(c => body.Select(r => r.ElementAtOrDefault(c) ?? "").Distinct().Count() * 2 <= body.Count)];
        return repeating is [var only] ? only
            : throw new DataException($"It is not clear which column of '{path}' is the class; {listed}. Name it: {path}:COLUMN.");
    }

    private static ImmutableArray<string> Ordered(string[] values)
    {
        IEnumerable<string> distinct = values.Distinct();
        return values.All(v => Whole(v) is not null) ? [.. distinct.OrderBy(v => Whole(v))] : [.. distinct.Order(StringComparer.Ordinal)];
    }

    private static int? Whole(string text) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value : null;
}
