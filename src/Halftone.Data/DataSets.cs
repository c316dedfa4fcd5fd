using Halftone.Data.Arrays;
using Halftone.Data.Sources;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>Opens data by what lies at a path.</summary>
public static class DataSets
{
    private static readonly string[] s_calibration = ["train", "calib", "calibration", "data_batch"];
    private static readonly string[] s_measured = ["test", "t10k", "val", "validation", "valid"];

    /// <summary>Opens data for a model, as the command line does: see <see cref="Open(string, IReadOnlyList{ValueInfo}, DataOptions)"/>.</summary>
    /// <param name="path">File, folder or pattern.</param>
    /// <param name="model">What it is for.</param>
    /// <param name="preprocessing">From pixels or stored values to the model's input: a preset's name such as "imagenet", words, or a JSON file; null leaves the values as they are.</param>
    /// <exception cref="DataException">Nothing readable is there, or it does not fit the model.</exception>
    /// <exception cref="ArgumentException">There is no such preprocessing.</exception>
    public static IDataSet Open(string path, Model model, string? preprocessing = null) => Open(path, model.Graph.Inputs, Reading(preprocessing));

    /// <summary>Opens data for a model as two disjoint sets, one to calibrate and one to measure: see <see cref="OpenSplit(string, IReadOnlyList{ValueInfo}, DataOptions)"/>.</summary>
    /// <param name="path">File, folder or pattern.</param>
    /// <param name="model">What it is for.</param>
    /// <param name="preprocessing">As for <see cref="Open(string, Model, string?)"/>.</param>
    /// <exception cref="DataException">Nothing readable is there, or it does not fit the model.</exception>
    /// <exception cref="ArgumentException">There is no such preprocessing.</exception>
    public static DataSplit OpenSplit(string path, Model model, string? preprocessing = null) => OpenSplit(path, model.Graph.Inputs, Reading(preprocessing));

    /// <summary>Opens images (a folder, a file, or a pattern with one star), IDX, CIFAR binary, .npy, .npz, a folder of .npy files, or ONNX tensor sets.</summary>
    /// <remarks>Of a folder that holds a part to train and a part to test (<c>train-images...</c> and <c>t10k-images...</c>, <c>train/</c> and <c>val/</c>), the latter is opened.</remarks>
    /// <param name="path">File, folder or pattern.</param>
    /// <param name="modelInputs">What the model takes.</param>
    /// <param name="options">How to read it.</param>
    /// <exception cref="DataException">Nothing readable is there, or it does not fit the model.</exception>
    public static IDataSet Open(string path, IReadOnlyList<ValueInfo> modelInputs, DataOptions options) =>
        Limited(OpenParts(Parts(path) is { Measured.Length: > 0 } parts ? parts.Measured : [path], modelInputs, options), options);

    /// <summary>Opens data to calibrate with, where other data is measured: of a folder that holds both parts the one to train, else all.</summary>
    /// <exception cref="DataException">As for <see cref="Open(string, IReadOnlyList{ValueInfo}, DataOptions)"/>.</exception>
    public static IDataSet OpenCalibration(string path, IReadOnlyList<ValueInfo> modelInputs, DataOptions options) =>
        Limited(OpenParts(Parts(path) is { Measured.Length: > 0, Calibration.Length: > 0 } parts ? parts.Calibration : [path], modelInputs, options), options);

    /// <summary>Opens data as two disjoint sets: by its own parts where it has them, else every fifth sample calibrates.</summary>
    /// <remarks>A limit holds for each of the two sets.</remarks>
    /// <exception cref="DataException">As for <see cref="Open(string, IReadOnlyList{ValueInfo}, DataOptions)"/>.</exception>
    public static DataSplit OpenSplit(string path, IReadOnlyList<ValueInfo> modelInputs, DataOptions options)
    {
        DataSplit split = Parts(path) is { Measured.Length: > 0, Calibration.Length: > 0 } parts
            ? new DataSplit(OpenParts(parts.Calibration, modelInputs, options), OpenParts(parts.Measured, modelInputs, options))
            : DataSplit.Of(OpenParts([path], modelInputs, options));
        return new DataSplit(Limited(split.Calibration, options), Limited(split.Measured, options));
    }

    private static DataOptions Reading(string? preprocessing) => new() { Preprocessing = preprocessing is null ? null : Preprocessing.Parse(preprocessing) };

    /// <summary>The parts of a folder that holds both; empty otherwise.</summary>
    private static (string[] Calibration, string[] Measured) Parts(string path)
    {
        if (!Directory.Exists(path))
        {
            return ([], []);
        }

        string[] entries = [.. Directory.EnumerateFileSystemEntries(path).Where(e => Directory.Exists(e) ? ImageFiles.AnyAt(e) : IsBinary(e)).Order(StringComparer.Ordinal)];
        string[] calibration = [.. entries.Where(e => Starts(e, s_calibration))];
        string[] measured = [.. entries.Where(e => Starts(e, s_measured))];
        return calibration.Length > 0 && measured.Length > 0 && measured.Length + calibration.Length == entries.Length ? (calibration, measured) : ([], []);
    }

    // a name that goes on in letters is another word: testimony/ is a class, test_a.bin a part
    private static bool Starts(string entry, string[] words) =>
        words.Any(w => Path.GetFileName(entry) is var n && n.StartsWith(w, StringComparison.Ordinal) && (n.Length == w.Length || !char.IsLetter(n[w.Length])));

    private static bool IsBinary(string file) => IsCifarName(file) || (Path.GetFileName(file).Contains("images", StringComparison.Ordinal) && IdxFile.Is(file));

    private static bool IsCifarName(string file) => file.EndsWith(".bin", StringComparison.Ordinal) || file.EndsWith(".bin.gz", StringComparison.Ordinal);

    private static IDataSet OpenParts(string[] paths, IReadOnlyList<ValueInfo> inputs, DataOptions options)
    {
        if (paths.Length > 1 && paths.All(IsCifarName))
        {
            return new PictureData(new CifarPictures(paths), inputs, options);
        }

        string path = paths.Length == 1 ? paths[0]
            : throw new DataException($"Several sets lie side by side: {string.Join(", ", paths.Select(p => $"'{p}'"))}; name one.");
        return Directory.Exists(path) ? OpenFolder(path, inputs, options)
            : File.Exists(path) ? OpenFile(path, inputs, options)
            : path.Contains('*', StringComparison.Ordinal) ? new PictureData(ImageFiles.Open(path, options.Labels), inputs, options)
            : throw new DataException($"There is no data at '{path}'.");
    }

    private static IDataSet OpenFolder(string path, IReadOnlyList<ValueInfo> inputs, DataOptions options)
    {
        if (TensorSets.Folders(path).Length > 0)
        {
            return new TensorSets(path, inputs, options.StateLinks);
        }

        string[] files = [.. Directory.EnumerateFiles(path).Order(StringComparer.Ordinal)];
        string[] arrays = [.. files.Where(f => f.EndsWith(".npy", StringComparison.Ordinal))];
        if (arrays.Length > 0)
        {
            return new ArrayData(path, arrays.ToDictionary(f => Path.GetFileNameWithoutExtension(f), NpyArray.OfFile), inputs, options, LabelsFile.Names(path));
        }

        string[] single = [.. files.Where(f => f.EndsWith(".npz", StringComparison.Ordinal))];
        single = single.Length > 0 ? single : [.. files.Where(f => Path.GetFileName(f).Contains("images", StringComparison.Ordinal) && IdxFile.Is(f))];
        single = single.Length > 0 ? single : [.. files.Where(IsCifarName)];
        if (single.Length > 0)
        {
            return OpenParts(single, inputs, options);
        }

        return ImageFiles.AnyAt(path) || options.Labels is not null
            ? new PictureData(ImageFiles.Open(path, options.Labels), inputs, options)
            : throw new DataException($"The folder '{path}' holds nothing that is read as data: images (JPEG, PNG, BMP, WebP), IDX, CIFAR .bin, .npy, .npz or test_data_set_N folders.");
    }

    private static IDataSet OpenFile(string path, IReadOnlyList<ValueInfo> inputs, DataOptions options)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".npz":
                return new ArrayData(path, NpyArray.OfArchive(path), inputs, options, LabelsFile.Names(folder));
            case ".npy":
                Dictionary<string, NpyArray> arrays = new() { [Path.GetFileNameWithoutExtension(path)] = NpyArray.OfFile(path) };
                if (options.Labels is null && LabelsBeside(path) is { } labels)
                {
                    arrays["y"] = NpyArray.OfFile(labels);
                }

                return new ArrayData(path, arrays, inputs, options, LabelsFile.Names(folder));
            case ".bin":
                return new PictureData(new CifarPictures([path]), inputs, options);
        }

        return IdxFile.Is(path) ? new PictureData(new IdxPictures(path, options.Labels ?? IdxPictures.LabelsOf(path)), inputs, options)
            : IsCifarName(path) ? new PictureData(new CifarPictures([path]), inputs, options)
            : ImageFiles.AnyAt(path) ? new PictureData(ImageFiles.Open(path, options.Labels), inputs, options)
            : throw new DataException($"'{path}' is not read as data; images (JPEG, PNG, BMP, WebP), IDX, CIFAR .bin, .npy, .npz and folders of them are.");
    }

    // x_test.npy goes with y_test.npy, any other file with y.npy
    private static string? LabelsBeside(string path)
    {
        string name = Path.GetFileName(path);
        string folder = Path.GetDirectoryName(path) ?? "";
        string[] names = name.StartsWith('x') ? ["y" + name[1..], "y.npy"] : ["y.npy"];
        return names.Where(n => n != name).Select(n => Path.Combine(folder, n)).FirstOrDefault(File.Exists);
    }

    private static IDataSet Limited(IDataSet all, DataOptions options)
    {
        if (options.Limit is not int limit || limit >= all.Count)
        {
            return all;
        }

        int[] order = [.. Enumerable.Range(0, all.Count)];
        new Random(options.Seed).Shuffle(order);
        return new DataSubset(all, [.. order.Take(limit).Order()]);
    }
}
