using System.Text;

namespace Halftone.Onnx.Tests.Mutations;

/// <summary>A change to the bytes of a model.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Place">Where, as a share of the places there are.</param>
/// <param name="Value">With what.</param>
internal readonly record struct Mutation(MutationKind Kind, double Place, ulong Value)
{
    private static readonly ulong[] s_extremes =
        [0, 1, 2, 3, 7, 127, 128, 255, 256, 65535, 1 << 20, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, 1UL << 40, long.MaxValue, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 2];

    private static readonly string[] s_texts = ["", " ", "x", "../up", "/etc/passwd", "\0", "name with spaces and ünïcödé", "Loop", "If", "Identity", "BatchNormalization", "ConstantOfShape", "Gather", new('n', 5000)];

    /// <summary>Byte by byte, wherever it hits, or field by field, with the lengths around it right, so that it gets past the parser.</summary>
    public static Gen<Mutation> Gen { get; } = CsCheck.Gen.Select(
        CsCheck.Gen.Frequency(
            (1, CsCheck.Gen.Const(MutationKind.Payload)),
            (9, Any(MutationKind.Flip, MutationKind.Set, MutationKind.Insert, MutationKind.Delete, MutationKind.Copy, MutationKind.Truncate)),
            (15, Any(MutationKind.Number, MutationKind.Number, MutationKind.Text, MutationKind.Text, MutationKind.Drop, MutationKind.Double, MutationKind.Swap))),
        CsCheck.Gen.Double.Unit,
        CsCheck.Gen.ULong).Select((kind, place, value) => new Mutation(kind, place, value));

    public bool HitsPayload => Kind == MutationKind.Payload;

    public byte[] Apply(WireMap map) => Kind <= MutationKind.Truncate ? Bytes(map) : Fields(map);

    private static Gen<MutationKind> Any(params MutationKind[] kinds) => CsCheck.Gen.Int[0, kinds.Length - 1].Select(i => kinds[i]);

    private byte[] Bytes(WireMap map)
    {
        int[] places = HitsPayload && map.Payload.Length > 0 ? map.Payload : map.Structure;
        int at = places[(int)(Place * places.Length)];
        ReadOnlySpan<byte> bytes = map.Bytes;
        int length = (int)Math.Min((Value & 7) + 1, (ulong)(bytes.Length - at));
        byte[] changed = map.Bytes.ToArray();
        switch (Kind)
        {
            case MutationKind.Payload or MutationKind.Flip:
                changed[at] ^= (byte)(1 << (int)(Value & 7));
                return changed;
            case MutationKind.Set:
                changed[at] = (byte)Value;
                return changed;
            case MutationKind.Insert:
                return [.. bytes[..at], .. BitConverter.GetBytes(Value).AsSpan(0, length), .. bytes[at..]];
            case MutationKind.Delete:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case MutationKind.Copy:
                int from = map.Structure[(int)(Value % (ulong)map.Structure.Length)];
                bytes.Slice(from, Math.Min(length, bytes.Length - from)).CopyTo(changed.AsSpan(at, Math.Min(length, bytes.Length - from)));
                return changed;
            default:
                return bytes[..at].ToArray();
        }
    }

    private byte[] Fields(WireMap map)
    {
        MutationKind kind = Kind;
        int[] places = [.. Enumerable.Range(0, map.Fields.Count).Where(i => map.Fields[i] is { IsPayload: false } f && kind switch
        {
            MutationKind.Number => f.WireType != 2,
            MutationKind.Text => f is { WireType: 2, IsMessage: false },
            _ => true,
        })];
        if (places.Length == 0)
        {
            return map.Bytes[..^1];
        }

        int place = places[(int)(Place * places.Length)];
        WireField field = map.Fields[place];
        byte[] old = map.Bytes[field.Start..field.End];
        return map.Replace(place, Kind switch
        {
            MutationKind.Number => map.WithContent(field, Number(field)),
            MutationKind.Text => map.WithContent(field, Text(map)),
            MutationKind.Drop => [],
            MutationKind.Double => [.. old, .. old],
            _ => Like(map, field),
        });
    }

    private byte[] Number(WireField field) => field.WireType switch
    {
        0 => WireMap.Varint(Value % 3 == 0 ? Value : s_extremes[(int)(Value % (ulong)s_extremes.Length)]),
        1 => BitConverter.GetBytes(Value),
        _ => BitConverter.GetBytes((uint)Value),
    };

    // often another name of the same model: that makes circles, twins and wrong kinds of inputs
    private byte[] Text(WireMap map)
    {
        WireField[] texts = [.. map.Fields.Where(f => f is { WireType: 2, IsMessage: false, IsPayload: false })];
        WireField other = texts[(int)(Value / 16 % (ulong)texts.Length)];
        return Value % 4 == 0 ? Encoding.UTF8.GetBytes(s_texts[(int)(Value / 16 % (ulong)s_texts.Length)]) : map.Bytes[other.Content..other.End];
    }

    // another field of the same kind in its place
    private byte[] Like(WireMap map, WireField field)
    {
        WireField[] like = [.. map.Fields.Where(f => f.Kind == field.Kind)];
        WireField other = like[(int)(Value % (ulong)like.Length)];
        return map.Bytes[other.Start..other.End];
    }
}

/// <summary>Kinds of changes: those of single bytes come first.</summary>
internal enum MutationKind
{
    Payload,
    Flip,
    Set,
    Insert,
    Delete,
    Copy,
    Truncate,
    Number,
    Text,
    Drop,
    Double,
    Swap,
}
