using System.Collections.Immutable;
using System.IO.Compression;
using Halftone.Onnx;

namespace Halftone.Data.Arrays;

/// <summary>A NumPy array, rows of which are read by number: in place in a plain file, in memory out of an archive.</summary>
internal sealed class NpyArray
{
    private readonly StoredBytes _bytes;
    private readonly int _swap; // bytes of an element whose high byte stands first, or 0

    private NpyArray(string name, NpyHeader header, StoredBytes bytes)
    {
        Name = name;
        Type = header.Type;
        Dims = header.Dims;
        _swap = header.BigEndian ? header.Type.Bits() / 8 : 0;
        _bytes = header.ColumnMajor && Dims.Length > 1 ? RowMajor(name, header, bytes) : bytes;
    }

    /// <summary>File, and entry in it.</summary>
    public string Name { get; }

    /// <summary>Element type.</summary>
    public ElementType Type { get; }

    /// <summary>Lengths.</summary>
    public ImmutableArray<long> Dims { get; }

    /// <summary>Whether elements are integers or bools.</summary>
    public bool IsInteger => Type is not (ElementType.Float or ElementType.Float16 or ElementType.Double);

    /// <summary>A plain file.</summary>
    /// <exception cref="DataException">It is missing, no array, or its length is not what its head says.</exception>
    public static NpyArray OfFile(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            NpyHeader header = NpyHeader.Read(file, path);
            long after = file.Length - header.Start;
            return after == header.Bytes
                ? new NpyArray(path, header, StoredBytes.OfFile(path, header.Start, header.Bytes))
                : throw new DataException($"'{path}' is [{string.Join(",", header.Dims)}] of {header.Type.OnnxName()}, which takes {header.Bytes} bytes, but {after} follow its header.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    /// <summary>The arrays of a .npz file by name, together within the memory limit.</summary>
    /// <exception cref="DataException">It is no archive of arrays, is damaged, or too large.</exception>
    public static Dictionary<string, NpyArray> OfArchive(string path)
    {
        try
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            Dictionary<string, NpyArray> arrays = [];
            long left = StoredBytes.MostInMemory;
            foreach (ZipArchiveEntry entry in zip.Entries.Where(e => e.FullName.EndsWith(".npy", StringComparison.Ordinal)))
            {
                string name = $"{path}/{entry.FullName}";
                using Stream stream = entry.Open();
                NpyHeader header = NpyHeader.Read(stream, name);
                left -= header.Bytes;
                if (header.Bytes > StoredBytes.MostInMemory || left < 0)
                {
                    throw new DataException($"The arrays of '{path}' take over {StoredBytes.MostInMemory} bytes; unpack them to a folder of .npy files, which are read in place.");
                }

                byte[] bytes = StoredBytes.Unpack(stream, header.Bytes, entry.CompressedLength, name);
                arrays[entry.FullName[..^4]] = new NpyArray(name, header, StoredBytes.OfMemory(name, bytes));
            }

            return arrays.Count > 0 ? arrays : throw new DataException($"'{path}' holds no .npy arrays.");
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' is no .npz archive, or is damaged: {error.Message}", error);
        }
    }

    /// <summary>Everything.</summary>
    /// <exception cref="DataException">Over the memory limit.</exception>
    public Tensor All() => Read(0, Dims.AsSpan());

    /// <summary>Rows along the first axis.</summary>
    public Tensor Rows(long start, long count) => Read(start * RowBytes, [count, .. Dims[1..]]);

    private long RowBytes => Dims[0] == 0 ? 0 : _bytes.Length / Dims[0];

    private Tensor Read(long offset, ReadOnlySpan<long> dims)
    {
        long count = 1;
        foreach (long length in dims)
        {
            count *= length;
        }

        long size = Type.ByteCount(count);
        if (size > StoredBytes.MostInMemory)
        {
            throw new DataException($"'{Name}' would put {size} bytes into one sample; at most {StoredBytes.MostInMemory} are read.");
        }

        byte[] bytes = new byte[size];
        _bytes.Read(offset, bytes);
        for (int i = 0; _swap > 1 && i < bytes.Length; i += _swap)
        {
            bytes.AsSpan(i, _swap).Reverse();
        }

        return new Tensor(Type, dims, bytes);
    }

    private static StoredBytes RowMajor(string name, NpyHeader header, StoredBytes bytes)
    {
        if (header.Bytes > StoredBytes.MostInMemory)
        {
            throw new DataException($"'{name}' is stored in Fortran order and takes {header.Bytes} bytes; save it in C order (numpy.ascontiguousarray), which is read in place.");
        }

        byte[] from = new byte[header.Bytes];
        bytes.Read(0, from);
        byte[] to = new byte[header.Bytes];
        int size = header.Type.Bits() / 8;
        ImmutableArray<long> dims = header.Dims;
        long[] index = new long[dims.Length];
        long[] strides = new long[dims.Length];
        for (int axis = 0, stride = 1; axis < dims.Length; stride *= (int)dims[axis], axis++)
        {
            strides[axis] = stride;
        }

        for (int at = 0; at < to.Length; at += size)
        {
            long source = 0;
            for (int axis = 0; axis < dims.Length; axis++)
            {
                source += index[axis] * strides[axis];
            }

            from.AsSpan((int)source * size, size).CopyTo(to.AsSpan(at));
            for (int axis = dims.Length - 1; axis >= 0 && ++index[axis] == dims[axis]; axis--)
            {
                index[axis] = 0;
            }
        }

        return StoredBytes.OfMemory(name, to);
    }
}
