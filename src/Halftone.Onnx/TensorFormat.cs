using System.Runtime.InteropServices;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>Between <see cref="Tensor"/> and its message, whichever of the fields the values stand in.</summary>
internal static class TensorFormat
{
    /// <summary>TensorProto.DataLocation.EXTERNAL.</summary>
    public const int External = 1;

    /// <summary>Whether the element type is one that <see cref="Read"/> reads: strings and types of the future are not.</summary>
    public static bool HoldsNumbers(TensorProto proto) => ((ElementType)proto.DataType).Bits() > 0;

    /// <summary>Reads a tensor.</summary>
    /// <param name="proto">The message.</param>
    /// <param name="external">Where external data lies.</param>
    /// <exception cref="ModelException">Lengths and payload do not fit, or external data is missing or outside the folder.</exception>
    public static Tensor Read(TensorProto proto, ExternalData external)
    {
        var type = (ElementType)proto.DataType;
        string name = $"Tensor '{proto.Name}'";
        if (!HoldsNumbers(proto))
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
            return new Tensor(type, [.. proto.Dims], external.Map(proto, name, bytes));
        }

        if (proto.HasRawData)
        {
            return proto.RawData.Length == bytes
                ? new Tensor(type, [.. proto.Dims], proto.RawData.Memory)
                : throw new ModelException($"{name} is {type.OnnxName()} [{string.Join(",", proto.Dims.Take(16))}] and takes {bytes} bytes, but {proto.RawData.Length} are in the file.");
        }

        return new Tensor(type, [.. proto.Dims], ReadTyped(proto, name, type, count, bytes));
    }

    /// <summary>Clears what a <see cref="Tensor"/> now holds; left are documentation, metadata and unknown fields.</summary>
    public static void StripUnderstood(TensorProto proto)
    {
        proto.Dims.Clear();
        proto.ClearDataType();
        proto.ClearName();
        proto.ClearRawData();
        proto.ClearDataLocation();
        proto.ExternalData.Clear();
        proto.FloatData.Clear();
        proto.DoubleData.Clear();
        proto.Int32Data.Clear();
        proto.Int64Data.Clear();
        proto.Uint64Data.Clear();
    }

    /// <summary>The message of a tensor, its payload as raw data.</summary>
    public static TensorProto Write(string name, Tensor tensor, TensorProto? extras = null)
    {
        TensorProto proto = WriteHead(name, tensor, extras);
        proto.RawData = UnsafeByteOperations.UnsafeWrap(tensor.Memory); // tensors never change
        return proto;
    }

    /// <summary>The message of a tensor without its payload.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tensor">Type and lengths.</param>
    /// <param name="extras">What the file said of it besides; null for nothing.</param>
    public static TensorProto WriteHead(string name, Tensor tensor, TensorProto? extras)
    {
        TensorProto proto = extras?.Clone() ?? new TensorProto();
        proto.Name = name;
        proto.DataType = (int)tensor.Type;
        proto.Dims.AddRange(tensor.Dims);
        return proto;
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
