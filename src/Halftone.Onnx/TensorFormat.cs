using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>Between <see cref="Tensor"/> and its message, whichever of the fields the values stand in.</summary>
internal static class TensorFormat
{
    private const int External = 1; // TensorProto.DataLocation.EXTERNAL

    /// <summary>Reads a tensor.</summary>
    /// <param name="proto">The message.</param>
    /// <param name="folder">Where external data lies; null where it may not be (attributes).</param>
    /// <exception cref="ModelException">Lengths and payload do not fit, or external data is missing or outside the folder.</exception>
    public static Tensor Read(TensorProto proto, string? folder)
    {
        var type = (ElementType)proto.DataType;
        string name = $"Tensor '{proto.Name}'";
        if (type.Bits() == 0)
        {
            throw new ModelException($"{name} has element type {proto.DataType}, which holds no numbers that can be read.");
        }

        long count = 1;
        long bytes;
        try
        {
            foreach (long length in proto.Dims)
            {
                count = length >= 0 ? checked(count * length) : throw new OverflowException();
            }

            bytes = type.ByteCount(count);
        }
        catch (OverflowException)
        {
            throw new ModelException($"{name} has lengths [{string.Join(",", proto.Dims.Take(16))}], which no tensor can have.");
        }

        if (proto.DataLocation == External)
        {
            return ReadExternal(proto, folder, name, type, bytes);
        }

        if (proto.HasRawData)
        {
            return proto.RawData.Length == bytes
                ? new Tensor(type, [.. proto.Dims], proto.RawData.Memory)
                : throw new ModelException($"{name} is {type.OnnxName()} [{string.Join(",", proto.Dims.Take(16))}] and takes {bytes} bytes, but {proto.RawData.Length} are in the file.");
        }

        return new Tensor(type, [.. proto.Dims], ReadTyped(proto, name, type, count, bytes));
    }

    /// <summary>The message of a tensor, its payload as raw data.</summary>
    public static TensorProto Write(string name, Tensor tensor)
    {
        TensorProto proto = WriteHead(name, tensor);
        proto.RawData = ByteString.CopyFrom(tensor.Bytes);
        return proto;
    }

    /// <summary>The message of a tensor without its payload.</summary>
    public static TensorProto WriteHead(string name, Tensor tensor)
    {
        var proto = new TensorProto { Name = name, DataType = (int)tensor.Type };
        proto.Dims.AddRange(tensor.Dims);
        return proto;
    }

    private static Tensor ReadExternal(TensorProto proto, string? folder, string name, ElementType type, long bytes)
    {
        if (folder is null)
        {
            throw new ModelException($"{name} is kept in an external file, which is only allowed for initializers.");
        }

        Dictionary<string, string> entries = [];
        foreach (StringStringEntryProto entry in proto.ExternalData)
        {
            entries[entry.Key] = entry.Value;
        }

        string location = entries.GetValueOrDefault("location", "");
        string root = Path.GetFullPath(folder);
        string path = location.Length == 0 || location.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(location) || location.Contains('\\', StringComparison.Ordinal)
            ? "" : Path.GetFullPath(Path.Combine(root, location));
        if (path.Length == 0 || !path.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal) || EscapesThroughLink(root, path))
        {
            throw new ModelException($"{name} points to external data at '{location}', outside the model's folder. That is refused; move the file beside the model.");
        }

        if (!File.Exists(path))
        {
            throw new ModelException($"{name} needs its external data file '{location}' beside the model, and it is not there.");
        }

        if (!long.TryParse(entries.GetValueOrDefault("offset", "0"), NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
            || !long.TryParse(entries.GetValueOrDefault("length", bytes.ToString(CultureInfo.InvariantCulture)), NumberStyles.None, CultureInfo.InvariantCulture, out long length)
            || length != bytes)
        {
            throw new ModelException($"{name} takes {bytes} bytes, but its external data entry says offset '{entries.GetValueOrDefault("offset")}', length '{entries.GetValueOrDefault("length")}'.");
        }

        try
        {
            return new Tensor(type, [.. proto.Dims], MappedBytes.Map(path, offset, length));
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new ModelException($"{name} needs bytes {offset} to {offset + length} of '{location}', which ends at {new FileInfo(path).Length}.");
        }
    }

    private static bool EscapesThroughLink(string root, string path)
    {
        for (string? at = path; at is not null && at.Length > root.Length; at = Path.GetDirectoryName(at))
        {
            FileSystemInfo info = Directory.Exists(at) ? new DirectoryInfo(at) : new FileInfo(at);
            if (info.LinkTarget is not null)
            {
                string target = info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? "";
                if (!target.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static byte[] ReadTyped(TensorProto proto, string name, ElementType type, long count, long bytes)
    {
        // the payload in the file bounds what is allocated
        (long have, long want) = type switch
        {
            ElementType.Float => (proto.FloatData.Count, count),
            ElementType.Complex64 => (proto.FloatData.Count, checked(2 * count)),
            ElementType.Double => (proto.DoubleData.Count, count),
            ElementType.Complex128 => (proto.DoubleData.Count, checked(2 * count)),
            ElementType.Int64 => (proto.Int64Data.Count, count),
            ElementType.UInt64 or ElementType.UInt32 => (proto.Uint64Data.Count, count),
            _ when type.Bits() < 8 => (proto.Int32Data.Count, bytes),
            _ => (proto.Int32Data.Count, count),
        };
        if (have != want)
        {
            throw new ModelException($"{name} is {type.OnnxName()} [{string.Join(",", proto.Dims.Take(16))}] and takes {want} values, but {have} are in the file.");
        }

        switch (type)
        {
            case ElementType.Float or ElementType.Complex64:
                return MemoryMarshal.AsBytes<float>([.. proto.FloatData]).ToArray();
            case ElementType.Double or ElementType.Complex128:
                return MemoryMarshal.AsBytes<double>([.. proto.DoubleData]).ToArray();
            case ElementType.Int64:
                return MemoryMarshal.AsBytes<long>([.. proto.Int64Data]).ToArray();
            case ElementType.UInt64:
                return MemoryMarshal.AsBytes<ulong>([.. proto.Uint64Data]).ToArray();
            case ElementType.UInt32:
                return MemoryMarshal.AsBytes<uint>([.. proto.Uint64Data.Select(v => unchecked((uint)v))]).ToArray();
            case ElementType.Int32:
                return MemoryMarshal.AsBytes<int>([.. proto.Int32Data]).ToArray();
            case ElementType.Int16 or ElementType.UInt16 or ElementType.Float16 or ElementType.BFloat16:
                return MemoryMarshal.AsBytes<ushort>([.. proto.Int32Data.Select(v => unchecked((ushort)v))]).ToArray();
            default:
                return [.. proto.Int32Data.Select(v => unchecked((byte)v))];
        }
    }
}
