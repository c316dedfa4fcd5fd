using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Halftone.Data.Arrays;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>A tensor as a NumPy file.</summary>
public static class NpyFile
{
    private const int Alignment = 64; // of the elements, as format.py has it

    /// <summary>Reads an array, as it is.</summary>
    /// <exception cref="DataException">It is missing, no array, damaged, or holds what is no number.</exception>
    public static Tensor Read(string path) => NpyArray.OfFile(path).All();

    /// <summary>Writes an array, whole or not at all: version 1, row-major, little-endian.</summary>
    /// <exception cref="DataException">NumPy has no such element type.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, Tensor tensor)
    {
        byte[] head = Head(tensor, path);
        WholeFile.Write(path, stream =>
        {
            stream.Write(head);
            tensor.CopyTo(stream);
        });
    }

    /// <summary>Refuses a tensor that cannot be written, before anything is.</summary>
    /// <exception cref="DataException">NumPy has no such element type.</exception>
    public static void Check(string path, Tensor tensor) => Head(tensor, path);

    private static byte[] Head(Tensor tensor, string path)
    {
        string code = tensor.Type switch
        {
            ElementType.Bool => "|b1",
            ElementType.Int8 => "|i1",
            ElementType.UInt8 => "|u1",
            ElementType.Int16 => "<i2",
            ElementType.UInt16 => "<u2",
            ElementType.Int32 => "<i4",
            ElementType.UInt32 => "<u4",
            ElementType.Int64 => "<i8",
            ElementType.UInt64 => "<u8",
            ElementType.Float16 => "<f2",
            ElementType.Float => "<f4",
            ElementType.Double => "<f8",
            _ => throw new DataException($"'{path}' cannot hold {tensor.Type.OnnxName()} elements: NumPy has no such type."),
        };
        string lengths = string.Concat(tensor.Dims.Select(d => d.ToString(CultureInfo.InvariantCulture) + ", ")).TrimEnd();
        string text = $"{{'descr': '{code}', 'fortran_order': False, 'shape': ({(tensor.Dims.Length == 1 ? lengths : lengths.TrimEnd(','))}), }}";
        const int Before = 10; // mark, version and length
        int length = (((Before + text.Length) / Alignment) + 1) * Alignment; // one more at least, for the line break
        text = text.PadRight(length - Before - 1) + "\n";
        byte[] head = [0x93, .. "NUMPY"u8, 1, 0, 0, 0, .. Encoding.ASCII.GetBytes(text)];
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(8), (ushort)text.Length);
        return head;
    }
}
