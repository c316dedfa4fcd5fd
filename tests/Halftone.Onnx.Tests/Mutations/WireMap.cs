using Google.Protobuf.Reflection;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Tests.Mutations;

/// <summary>A field in the bytes of a model.</summary>
/// <param name="Start">First byte of its tag.</param>
/// <param name="Content">First byte after tag and length.</param>
/// <param name="End">Behind its last byte.</param>
/// <param name="WireType">0 varint, 1 eight bytes, 2 delimited, 5 four bytes.</param>
/// <param name="Parent">The field whose message it stands in; -1 for the model's own.</param>
/// <param name="Kind">Its name in the schema, by which like fields are found; null for unknown ones.</param>
/// <param name="IsMessage">Whether the fields after it, up to its end, stand inside.</param>
/// <param name="IsPayload">Whether its content is numbers of a tensor.</param>
internal readonly record struct WireField(int Start, int Content, int End, int WireType, int Parent, string? Kind, bool IsMessage, bool IsPayload);

/// <summary>Where the fields of a model's file stand, found by a walk of its own.</summary>
internal sealed class WireMap
{
    private static readonly string[] s_payloads = ["float_data", "int32_data", "string_data", "int64_data", "raw_data", "double_data", "uint64_data"];

    private readonly List<WireField> _fields = [];

    /// <exception cref="ArgumentException">These are no fields within fields.</exception>
    /// <exception cref="IndexOutOfRangeException">They end within one.</exception>
    public WireMap(byte[] bytes)
    {
        Bytes = bytes;
        Walk(ModelProto.Descriptor, 0, bytes.Length, -1);
        var payload = new bool[bytes.Length];
        foreach (WireField field in _fields.Where(f => f.IsPayload))
        {
            payload.AsSpan(field.Content..field.End).Fill(true);
        }

        int[] all = [.. Enumerable.Range(0, bytes.Length)];
        (Structure, Payload) = ([.. all.Where(i => !payload[i])], [.. all.Where(i => payload[i])]);
    }

    /// <summary>The file.</summary>
    public byte[] Bytes { get; }

    /// <summary>Its fields, each before those inside it.</summary>
    public IReadOnlyList<WireField> Fields => _fields;

    /// <summary>Bytes outside the numbers of tensors: tags, lengths, dims, names, attributes.</summary>
    public int[] Structure { get; }

    /// <summary>Bytes of the numbers of tensors.</summary>
    public int[] Payload { get; }

    /// <summary>The file with other bytes in place of a field, its tag included, and the lengths around it put right.</summary>
    public byte[] Replace(int place, byte[] with)
    {
        WireField field = _fields[place];
        (int start, int end) = (field.Start, field.End);
        for (int at = field.Parent; at >= 0; at = _fields[at].Parent)
        {
            WireField parent = _fields[at];
            byte[] content = [.. Bytes.AsSpan(parent.Content, start - parent.Content), .. with, .. Bytes.AsSpan(end, parent.End - end)];
            int tagLength = TagLength(parent.Start);
            with = [.. Bytes.AsSpan(parent.Start, tagLength), .. Varint((ulong)content.Length), .. content];
            (start, end) = (parent.Start, parent.End);
        }

        return [.. Bytes.AsSpan(0, start), .. with, .. Bytes.AsSpan(end)];
    }

    /// <summary>A field's bytes, tag included, with other content.</summary>
    public byte[] WithContent(WireField field, byte[] content) =>
        [.. Bytes.AsSpan(field.Start, TagLength(field.Start)), .. field.WireType == 2 ? Varint((ulong)content.Length) : [], .. content];

    public static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value > 127; value >>= 7)
        {
            bytes.Add((byte)(value | 128));
        }

        bytes.Add((byte)value);
        return [.. bytes];
    }

    private int TagLength(int start)
    {
        int at = start;
        Read(ref at);
        return at - start;
    }

    private void Walk(MessageDescriptor message, int at, int end, int parent)
    {
        while (at < end)
        {
            int start = at;
            ulong tag = Read(ref at);
            FieldDescriptor? field = message.FindFieldByNumber((int)(tag >> 3));
            int content = at;
            switch (tag & 7)
            {
                case 0:
                    Read(ref at);
                    break;
                case 1:
                    at += 8;
                    break;
                case 5:
                    at += 4;
                    break;
                default:
                    ulong length = Read(ref at);
                    content = at;
                    at = (int)Math.Min(length + (ulong)at, int.MaxValue);
                    break;
            }

            if (at > end)
            {
                throw new ArgumentException("longer than its message");
            }

            bool inside = field?.FieldType == FieldType.Message;
            _fields.Add(new WireField(start, content, at, (int)(tag & 7), parent, field?.FullName, inside, field is not null && message == TensorProto.Descriptor && s_payloads.Contains(field.Name)));
            if (inside)
            {
                Walk(field!.MessageType, content, at, _fields.Count - 1);
            }
        }
    }

    private ulong Read(ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = Bytes[at++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
            {
                return value;
            }
        }
    }
}
