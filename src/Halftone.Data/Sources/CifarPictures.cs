using System.Collections.Immutable;
using Halftone.Data.Pictures;

namespace Halftone.Data.Sources;

/// <summary>CIFAR-10 and CIFAR-100 binary files, plain or gzip: one label byte (coarse and fine in CIFAR-100, where the fine one counts), then 1024 bytes each of red, green and blue.</summary>
internal sealed class CifarPictures : IPictureSource
{
    private const int Side = 32;
    private const int Plane = Side * Side;

    private readonly ImmutableArray<(string Path, StoredBytes Bytes, int LabelBytes)> _files;

    /// <exception cref="DataException">A file is damaged or none of CIFAR.</exception>
    public CifarPictures(IEnumerable<string> paths)
    {
        _files = [.. paths.Select(Open)];
        Count = _files.Sum(f => (int)(f.Bytes.Length / Record(f.LabelBytes)));
        ClassNames = LabelsFile.Names(Path.GetDirectoryName(Path.GetFullPath(_files[0].Path))!);
    }

    /// <inheritdoc/>
    public string Description => $"{Count} CIFAR images of {string.Join(", ", _files.Select(f => $"'{f.Path}'"))}";

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public bool HasLabels => true;

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames { get; }

    /// <inheritdoc/>
    public string Name(int index)
    {
        (int file, int at) = Find(index);
        return $"{_files[file].Path}[{at}]";
    }

    /// <inheritdoc/>
    public int? Label(int index)
    {
        (int file, int at) = Find(index);
        byte[] label = new byte[_files[file].LabelBytes];
        _files[file].Bytes.Read((long)at * Record(label.Length), label);
        return label[^1];
    }

    /// <inheritdoc/>
    public Picture Read(int index)
    {
        (int file, int at) = Find(index);
        int labels = _files[file].LabelBytes;
        byte[] planes = new byte[3 * Plane];
        _files[file].Bytes.Read(((long)at * Record(labels)) + labels, planes);
        byte[] pixels = new byte[3 * Plane];
        for (int i = 0; i < Plane; i++)
        {
            for (int c = 0; c < 3; c++)
            {
                pixels[(3 * i) + c] = planes[(c * Plane) + i];
            }
        }

        return new Picture(Side, Side, 3, 3, pixels);
    }

    private (int File, int At) Find(int index)
    {
        int file = 0;
        while (index >= _files[file].Bytes.Length / Record(_files[file].LabelBytes))
        {
            index -= (int)(_files[file].Bytes.Length / Record(_files[file].LabelBytes));
            file++;
        }

        return (file, index);
    }

    private static int Record(int labels) => labels + (3 * Plane);

    private static (string, StoredBytes, int) Open(string path)
    {
        try
        {
            using Stream stream = StoredBytes.Open(path);
            StoredBytes bytes = stream is FileStream ? StoredBytes.OfFile(path, 0, stream.Length) : StoredBytes.OfMemory(path, StoredBytes.UnpackAll(stream, path));
            bool ten = bytes.Length > 0 && bytes.Length % Record(1) == 0;
            bool hundred = bytes.Length > 0 && bytes.Length % Record(2) == 0;
            return ten || hundred
                ? (path, bytes, ten ? 1 : 2)
                : throw new DataException($"'{path}' has {bytes.Length} bytes, which is no number of whole CIFAR-10 (3073) or CIFAR-100 (3074) records; it was probably cut off.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }
}
