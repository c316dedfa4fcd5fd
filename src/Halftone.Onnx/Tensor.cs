using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Halftone.Onnx;

/// <summary>An immutable dense value: element type, lengths and packed little-endian bytes. Initializers and samples are these.</summary>
public sealed class Tensor
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly MappedBytes? _mapped;

    /// <summary>Wraps packed bytes; they must not change afterwards.</summary>
    /// <exception cref="ArgumentException">The bytes do not fit type and lengths.</exception>
    public Tensor(ElementType type, ReadOnlySpan<long> dims, ReadOnlyMemory<byte> bytes)
        : this(type, dims)
    {
        if (bytes.Length != ByteLength)
        {
            throw new ArgumentException($"A {type.OnnxName()} tensor [{string.Join(",", Dims)}] takes {ByteLength} bytes, not {bytes.Length}.");
        }

        _bytes = bytes;
    }

    internal Tensor(ElementType type, ReadOnlySpan<long> dims, MappedBytes mapped)
        : this(type, dims) => _mapped = mapped;

    private Tensor(ElementType type, ReadOnlySpan<long> dims)
    {
        long count = 1;
        foreach (long length in dims)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(length, nameof(dims));
            count = checked(count * length);
        }

        Type = type;
        Dims = [.. dims];
        Count = count;
        ByteLength = type.ByteCount(count);
    }

    /// <summary>Element type.</summary>
    public ElementType Type { get; }

    /// <summary>Lengths, row-major; empty for a scalar.</summary>
    public ImmutableArray<long> Dims { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Bytes taken.</summary>
    public long ByteLength { get; }

    /// <summary>Whether the bytes stay in a mapped file until asked for.</summary>
    public bool IsMapped => _mapped is not null;

    /// <summary>The packed bytes; a mapped tensor's pages are read now.</summary>
    /// <exception cref="ModelException">Over 2 GB, which no span can show: use <see cref="CopyTo(Stream)"/>.</exception>
    public ReadOnlySpan<byte> Bytes => _mapped is null ? _bytes.Span : _mapped.GetSpan();

    /// <summary>The packed bytes as memory, without a copy; those of a mapped tensor are not in memory until touched.</summary>
    internal ReadOnlyMemory<byte> Memory => _mapped is null ? _bytes : _mapped.Memory;

    /// <summary>The same object for tensors that share one whole payload.</summary>
    internal object Payload =>
        _mapped is not null ? _mapped
        : MemoryMarshal.TryGetMemoryManager(_bytes, out MappedBytes? mapped) ? mapped
        : MemoryMarshal.TryGetArray(_bytes, out ArraySegment<byte> array) && array.Count == array.Array!.Length ? array.Array : this;

    /// <summary>A tensor of unmanaged elements of the matching type.</summary>
    public static Tensor Of<T>(ReadOnlySpan<T> values, params ReadOnlySpan<long> dims)
        where T : unmanaged => new(TypeOf<T>(), dims, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>A tensor of unmanaged elements of the matching type.</summary>
    public static Tensor Of<T>(T[] values, params ReadOnlySpan<long> dims)
        where T : unmanaged => Of((ReadOnlySpan<T>)values, dims);

    /// <summary>A scalar.</summary>
    public static Tensor Scalar<T>(T value)
        where T : unmanaged => Of([value]);

    /// <summary>The element type of a .NET type.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static ElementType TypeOf<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float
        : typeof(T) == typeof(byte) ? ElementType.UInt8
        : typeof(T) == typeof(sbyte) ? ElementType.Int8
        : typeof(T) == typeof(ushort) ? ElementType.UInt16
        : typeof(T) == typeof(short) ? ElementType.Int16
        : typeof(T) == typeof(int) ? ElementType.Int32
        : typeof(T) == typeof(uint) ? ElementType.UInt32
        : typeof(T) == typeof(long) ? ElementType.Int64
        : typeof(T) == typeof(ulong) ? ElementType.UInt64
        : typeof(T) == typeof(double) ? ElementType.Double
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(bool) ? ElementType.Bool
        : throw new NotSupportedException($"No element type for {typeof(T)}.");

    /// <summary>The elements, without a copy.</summary>
    /// <exception cref="InvalidOperationException">T is not the element type.</exception>
    public ReadOnlySpan<T> As<T>()
        where T : unmanaged =>
        TypeOf<T>() == Type || (Type.Bits() == 8 && Unsafe.SizeOf<T>() == 1)
            ? MemoryMarshal.Cast<byte, T>(Bytes)
            : throw new InvalidOperationException($"The tensor holds {Type.OnnxName()}, not {TypeOf<T>().OnnxName()}.");

    /// <summary>Every numeric element as a float; integers are converted, sub-byte ones unpacked.</summary>
    /// <exception cref="NotSupportedException">Strings and complex numbers.</exception>
    public float[] ToFloats()
    {
        if (Type is ElementType.Float)
        {
            return As<float>().ToArray();
        }

        var values = new float[Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)Number(i);
        }

        return values;
    }

    /// <summary>Every integer or bool element as a 64-bit integer.</summary>
    /// <exception cref="NotSupportedException">Not an integer type.</exception>
    public long[] ToInt64s()
    {
        if (Type is ElementType.Int64)
        {
            return As<long>().ToArray();
        }

        if (Type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16)
        {
            throw new NotSupportedException($"A {Type.OnnxName()} tensor holds no integers.");
        }

        var values = new long[Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (long)Number(i);
        }

        return values;
    }

    /// <summary>Integers of 4 and 2 bits one a byte, as int8 or uint8; any other tensor as it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Tensor Widened()
    {
        if (Type is not (ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2))
        {
            return this;
        }

        (int bits, bool signed) = (Type.Bits(), Type is ElementType.Int4 or ElementType.Int2);
        var values = new byte[Count];
        int at = 0;
        foreach (byte packed in Bytes)
        {
            for (int shift = 0; shift < 8 && at < values.Length; shift += bits, at++)
            {
                int top = packed << (24 + 8 - bits - shift); // bits above the element fall out of an int
                values[at] = (byte)(signed ? top >> (32 - bits) : top >>> (32 - bits));
            }
        }

        return new Tensor(signed ? ElementType.Int8 : ElementType.UInt8, Dims.AsSpan(), values);
    }

    /// <summary>The same bytes under other lengths.</summary>
    /// <exception cref="ArgumentException">The number of elements differs.</exception>
    public Tensor Reshape(params ReadOnlySpan<long> dims) => new(Type, dims, Memory);

    /// <summary>Writes the bytes, in pieces, whatever their number.</summary>
    public void CopyTo(Stream stream)
    {
        if (_mapped is null)
        {
            stream.Write(_bytes.Span);
        }
        else
        {
            _mapped.CopyTo(stream);
        }
    }

    /// <summary>Fixes the bytes in memory for native code, until the handle is disposed; hold the tensor as long.</summary>
    public System.Buffers.MemoryHandle Pin() => _mapped is null ? _bytes.Pin() : _mapped.Pin();

    private double Number(int i)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        return Type switch
        {
            ElementType.Float => As<float>()[i],
            ElementType.Double => As<double>()[i],
            ElementType.Float16 => (double)As<Half>()[i],
            ElementType.BFloat16 => BitConverter.Int32BitsToSingle(MemoryMarshal.Cast<byte, ushort>(bytes)[i] << 16),
            ElementType.UInt8 or ElementType.Bool => bytes[i],
            ElementType.Int8 => (sbyte)bytes[i],
            ElementType.UInt16 => As<ushort>()[i],
            ElementType.Int16 => As<short>()[i],
            ElementType.Int32 => As<int>()[i],
            ElementType.UInt32 => As<uint>()[i],
            ElementType.Int64 => As<long>()[i],
            ElementType.UInt64 => As<ulong>()[i],
            ElementType.UInt4 => (bytes[i >> 1] >> ((i & 1) * 4)) & 15,
            ElementType.Int4 => (sbyte)(bytes[i >> 1] << (4 - ((i & 1) * 4))) >> 4,
            ElementType.UInt2 => (bytes[i >> 2] >> ((i & 3) * 2)) & 3,
            ElementType.Int2 => (sbyte)(bytes[i >> 2] << (6 - ((i & 3) * 2))) >> 6,
            _ => throw new NotSupportedException($"{Type.OnnxName()} elements are not read as numbers here."),
        };
    }
}
