using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Halftone.Onnx;

namespace Halftone.Data.Arrays;

/// <summary>The head of a .npy file, versions 1 to 3 (NumPy's format.py).</summary>
/// <param name="Type">Element type.</param>
/// <param name="BigEndian">Whether elements have their high byte first.</param>
/// <param name="ColumnMajor">Whether the first axis runs fastest (Fortran order).</param>
/// <param name="Dims">Lengths.</param>
/// <param name="Bytes">Bytes that the elements take.</param>
/// <param name="Start">Where they start.</param>
internal sealed partial record NpyHeader(ElementType Type, bool BigEndian, bool ColumnMajor, ImmutableArray<long> Dims, long Bytes, int Start)
{
    private const int MostHead = 1 << 16; // a real head takes about a hundred bytes

    /// <summary>Reads the head; the stream is left where the elements start.</summary>
    /// <exception cref="DataException">It is no .npy head, or one of objects, strings or complex numbers.</exception>
    public static NpyHeader Read(Stream stream, string name)
    {
        byte[] magic = StoredBytes.Head(stream, 8, name);
        if (!magic.AsSpan(0, 6).SequenceEqual<byte>([0x93, .. "NUMPY"u8]))
        {
            throw new DataException($"'{name}' is no .npy file: it does not start with NumPy's mark.");
        }

        if (magic[6] is < 1 or > 3)
        {
            throw new DataException($"'{name}' is a .npy file of version {magic[6]}; 1 to 3 are read.");
        }

        uint length = magic[6] == 1
            ? BinaryPrimitives.ReadUInt16LittleEndian(StoredBytes.Head(stream, 2, name))
            : BinaryPrimitives.ReadUInt32LittleEndian(StoredBytes.Head(stream, 4, name));
        if (length > MostHead)
        {
            throw new DataException($"'{name}' says that its header takes {length} bytes; the header is damaged.");
        }

        string head = Encoding.UTF8.GetString(StoredBytes.Head(stream, (int)length, name));
        return Parse(head, (magic[6] == 1 ? 10 : 12) + (int)length, name);
    }

    private static NpyHeader Parse(string head, int start, string name)
    {
        Match type = TypePattern().Match(head);
        Match order = OrderPattern().Match(head);
        Match shape = ShapePattern().Match(head);
        if (!type.Success || !order.Success || !shape.Success)
        {
            throw new DataException($"'{name}' has a header that is not understood: {head.Trim()[..Math.Min(head.Trim().Length, 100)]}. Numbers alone are read, no objects, strings or records.");
        }

        string code = type.Groups[2].Value;
        ElementType element = code switch
        {
            "b1" => ElementType.Bool,
            "i1" => ElementType.Int8,
            "u1" => ElementType.UInt8,
            "i2" => ElementType.Int16,
            "u2" => ElementType.UInt16,
            "i4" => ElementType.Int32,
            "u4" => ElementType.UInt32,
            "i8" => ElementType.Int64,
            "u8" => ElementType.UInt64,
            "f2" => ElementType.Float16,
            "f4" => ElementType.Float,
            "f8" => ElementType.Double,
            _ => throw new DataException($"'{name}' holds elements of NumPy type '{code}'; bool, integers and floats of 16, 32 and 64 bits are read."),
        };
        try
        {
            List<long> dims = [];
            long count = 1;
            foreach (string part in shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                dims.Add(long.Parse(part, NumberStyles.None, CultureInfo.InvariantCulture));
                count = checked(count * dims[^1]);
            }

            return new NpyHeader(element, type.Groups[1].Value == ">", order.Groups[1].Value == "True", [.. dims], element.ByteCount(count), start);
        }
        catch (Exception error) when (error is OverflowException or FormatException)
        {
            throw new DataException($"'{name}' has lengths ({shape.Groups[1].Value}), which no array can have.", error);
        }
    }

    [GeneratedRegex("""['"]descr['"]\s*:\s*['"]([<>|=]?)([A-Za-z]\d+)['"]""")]
    private static partial Regex TypePattern();

    [GeneratedRegex("""['"]fortran_order['"]\s*:\s*(True|False)""")]
    private static partial Regex OrderPattern();

    [GeneratedRegex("""['"]shape['"]\s*:\s*\(([\d,\s]*)\)""")]
    private static partial Regex ShapePattern();
}
