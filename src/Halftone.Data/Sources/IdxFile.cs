using System.Buffers.Binary;
using System.Collections.Immutable;
using Halftone.Data.Pictures;

namespace Halftone.Data.Sources;

/// <summary>An IDX file of bytes, plain or gzip: two zero bytes, type 8, number of axes, lengths with their high byte first, values.</summary>
internal sealed class IdxFile
{
    private IdxFile(ImmutableArray<int> dims, StoredBytes bytes) => (Dims, Bytes) = (dims, bytes);

    /// <summary>Lengths.</summary>
    public ImmutableArray<int> Dims { get; }

    /// <summary>The values.</summary>
    public StoredBytes Bytes { get; }

    /// <summary>Whether a file starts as IDX files do.</summary>
    public static bool Is(string path)
    {
        try
        {
            using Stream stream = StoredBytes.Open(path);
            byte[] head = StoredBytes.Head(stream, 4, path);
            return head[0] == 0 && head[1] == 0 && head[2] is >= 8 and <= 14 && head[3] is >= 1 and <= 4;
        }
        catch (Exception error) when (error is DataException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Reads a file of so many axes.</summary>
    /// <exception cref="DataException">It is missing, no such file, or not as long as it says.</exception>
    public static IdxFile Read(string path, int axes)
    {
        try
        {
            using Stream stream = StoredBytes.Open(path);
            byte[] head = StoredBytes.Head(stream, 4, path);
            if (head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] != axes)
            {
                throw new DataException($"'{path}' is no IDX file of bytes with {axes} axes: it starts with {Convert.ToHexString(head)}, not 000008{axes:X2}.");
            }

            byte[] lengths = StoredBytes.Head(stream, 4 * axes, path);
            int[] dims = [.. Enumerable.Range(0, axes).Select(i => BinaryPrimitives.ReadInt32BigEndian(lengths.AsSpan(4 * i)))];
            long size = Size(dims, path);
            long packed = new FileInfo(path).Length;
            int start = 4 + (4 * axes);
            if (stream is FileStream)
            {
                return packed - start == size
                    ? new IdxFile([.. dims], StoredBytes.OfFile(path, start, size))
                    : throw new DataException($"'{path}' says that it holds [{string.Join(",", dims)}], {size} bytes, but {packed - start} follow its header.");
            }

            return new IdxFile([.. dims], StoredBytes.OfMemory(path, StoredBytes.Unpack(stream, size, packed, path)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    private static long Size(int[] dims, string path)
    {
        try
        {
            long size = 1;
            foreach (int length in dims)
            {
                size = length > 0 ? checked(size * length) : throw new OverflowException();
            }

            return size;
        }
        catch (OverflowException error)
        {
            throw new DataException($"'{path}' has lengths [{string.Join(",", dims)}], which no data can have.", error);
        }
    }
}

/// <summary>Grey pictures of an IDX file, with the labels of another.</summary>
internal sealed class IdxPictures : IPictureSource
{
    private const int MostSide = 1 << 13; // 64 megapixels, as for image files

    private readonly string _path;
    private readonly IdxFile _images;
    private readonly byte[]? _labels;

    /// <exception cref="DataException">The files are damaged or do not match.</exception>
    public IdxPictures(string path, string? labels)
    {
        _path = path;
        _images = IdxFile.Read(path, axes: 3);
        if (_images.Dims[1] > MostSide || _images.Dims[2] > MostSide)
        {
            throw new DataException($"'{path}' says that its images are {_images.Dims[1]} x {_images.Dims[2]}; at most {MostSide} a side are read.");
        }

        if (labels is not null)
        {
            var file = IdxFile.Read(labels, axes: 1);
            if (file.Dims[0] != _images.Dims[0])
            {
                throw new DataException($"'{labels}' has {file.Dims[0]} labels, but '{path}' has {_images.Dims[0]} images; labels and data do not match.");
            }

            _labels = new byte[file.Dims[0]];
            file.Bytes.Read(0, _labels);
        }

        ClassNames = LabelsFile.Names(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <inheritdoc/>
    public string Description => $"{Count} images {_images.Dims[1]} x {_images.Dims[2]} of '{_path}'";

    /// <inheritdoc/>
    public int Count => _images.Dims[0];

    /// <inheritdoc/>
    public bool HasLabels => _labels is not null;

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>The labels file that goes with an images file by name; null where there is none.</summary>
    public static string? LabelsOf(string images)
    {
        string name = Path.GetFileName(images).Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);
        string plain = name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name;
        string folder = Path.GetDirectoryName(images) ?? "";
        return new[] { plain, plain + ".gz" }.Where(n => n != Path.GetFileName(images)).Select(n => Path.Combine(folder, n)).FirstOrDefault(File.Exists);
    }

    /// <inheritdoc/>
    public string Name(int index) => $"{_path}[{index}]";

    /// <inheritdoc/>
    public int? Label(int index) => _labels?[index];

    /// <inheritdoc/>
    public Picture Read(int index)
    {
        byte[] bytes = new byte[_images.Dims[1] * _images.Dims[2]];
        _images.Bytes.Read((long)index * bytes.Length, bytes);
        return new Picture(_images.Dims[1], _images.Dims[2], 1, 1, bytes);
    }
}
