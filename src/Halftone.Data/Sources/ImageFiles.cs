using System.Collections.Immutable;
using Halftone.Data.Pictures;

namespace Halftone.Data.Sources;

/// <summary>Image files: those a labels file names, those of class folders (classes in code point order of the folders' names), or all of a folder or pattern.</summary>
internal sealed class ImageFiles : IPictureSource
{
    private static readonly string[] s_labels = ["labels.txt", "labels.csv", "labels.tsv"];

    private readonly ImmutableArray<(string File, int? Label)> _files;

    private ImageFiles(string description, ImmutableArray<(string File, int? Label)> files, ImmutableArray<string> classNames, Dictionary<string, string> keys)
    {
        _files = files;
        ClassNames = classNames;
        Keys = keys;
        HasLabels = files.Any(f => f.Label is not null);
        Description = $"{files.Length} images {description}";
    }

    /// <summary>What pairs a file with its target: its name without extension, or what the pattern's star stands for.</summary>
    public Dictionary<string, string> Keys { get; }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    public int Count => _files.Length;

    /// <inheritdoc/>
    public bool HasLabels { get; }

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>Opens a folder, a file, or a pattern with one star in the file's name.</summary>
    /// <exception cref="DataException">Labels and files do not match.</exception>
    public static ImageFiles Open(string path, string? labels)
    {
        labels ??= Directory.Exists(path) ? FindLabels(path) : null;
        if (labels is not null)
        {
            return Labelled(path, LabelsFile.Read(labels), labels);
        }

        string[] classes = !Directory.Exists(path) ? [] : [.. Directory.EnumerateDirectories(path).Where(d => AllIn(d).Any()).Order(StringComparer.Ordinal)];
        if (classes.Length > 1)
        {
            ImmutableArray<(string, int?)> files = [.. classes.SelectMany((folder, c) => AllIn(folder).Select(f => (f, (int?)c)))];
            return new ImageFiles($"in {classes.Length} class folders of '{path}'", files, [.. classes.Select(c => Path.GetFileName(c))], []);
        }

        Dictionary<string, string> keyed = Keyed(path);
        return new ImageFiles($"of '{path}'", [.. keyed.Values.Select(f => (f, (int?)null))], [], keyed.ToDictionary(k => k.Value, k => k.Key));
    }

    /// <summary>Whether there are images at a path.</summary>
    public static bool AnyAt(string path) => Directory.Exists(path) ? AllIn(path).Any() : ImageDecoder.IsImage(path);

    /// <summary>The image files at a path by what names them, in order.</summary>
    /// <exception cref="DataException">There are none, or two of one name.</exception>
    public static Dictionary<string, string> Keyed(string path)
    {
        string pattern = Path.GetFileName(path);
        int star = pattern.IndexOf('*', StringComparison.Ordinal);
        if (star < 0)
        {
            Dictionary<string, string> files = [];
            foreach (string file in Directory.Exists(path) ? AllIn(path) : [path])
            {
                string key = Path.ChangeExtension(Directory.Exists(path) ? Path.GetRelativePath(path, file) : pattern, null);
                files[key] = files.ContainsKey(key) ? throw new DataException($"'{path}' holds two images called '{key}'.") : file;
            }

            return files;
        }

        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        string head = pattern[..star];
        string tail = pattern[(star + 1)..];
        return Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder)
                .Where(f => Path.GetFileName(f) is var n && n.Length >= head.Length + tail.Length && n.StartsWith(head, StringComparison.Ordinal) && n.EndsWith(tail, StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
                .ToDictionary(f => Path.GetFileName(f)[head.Length..^tail.Length])
            : throw new DataException($"There is no folder '{folder}'.");
    }

    /// <inheritdoc/>
    public string Name(int index) => _files[index].File;

    /// <inheritdoc/>
    public int? Label(int index) => _files[index].Label;

    /// <inheritdoc/>
    public Picture Read(int index) => ImageDecoder.Read(_files[index].File);

    private static ImageFiles Labelled(string path, LabelsFile labels, string name)
    {
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : "."; // of a pattern
        string beside = name.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) ? Path.GetDirectoryName(name)! : ".";
        string[] roots = [folder, Path.Combine(folder, "images"), beside];
        List<(string, int?)> files = [];
        int missing = 0;
        foreach ((string file, int label) in labels.Rows)
        {
            string? found = roots.Select(r => Path.Combine(r, file)).FirstOrDefault(File.Exists);
            missing += found is null ? 1 : 0;
            files.Add((found ?? Path.Combine(folder, file), label)); // a missing one is named when it is read, and counted
        }

        return missing < labels.Rows.Length
            ? new ImageFiles($"of '{path}' with labels from '{name}'", [.. files], labels.ClassNames, [])
            : throw new DataException($"None of the {labels.Rows.Length} files that '{name}' names ('{labels.Rows[0].File}', ...) is in '{path}'; labels and data do not match.");
    }

    private static string? FindLabels(string folder)
    {
        string plain = Path.TrimEndingDirectorySeparator(folder);
        string[] places = Path.GetFileName(Path.GetFullPath(plain)) == "images" && Path.GetDirectoryName(plain) is { } parent ? [plain, parent] : [plain];
        return places.SelectMany(p => s_labels.Select(n => Path.Combine(p, n))).FirstOrDefault(File.Exists);
    }

    private static IEnumerable<string> AllIn(string folder) =>
        Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 8, AttributesToSkip = FileAttributes.Hidden })
            .Where(ImageDecoder.IsImage).Order(StringComparer.Ordinal);
}
