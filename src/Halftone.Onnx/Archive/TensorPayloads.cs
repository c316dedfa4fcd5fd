using Google.Protobuf;
using Google.Protobuf.Reflection;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>The elements of one tensor as they lie in a model file.</summary>
/// <param name="Name">Of the initializer, or the first output of the node whose attribute it is.</param>
/// <param name="Type">Element type.</param>
/// <param name="Start">Its first byte in the file.</param>
/// <param name="Length">Bytes.</param>
internal sealed record TensorPayload(string Name, ElementType Type, int Start, int Length);

/// <summary>Finds the raw data of all tensors in the bytes of a model file, in their order, without parsing it into objects: what is around them must come back bit by bit.</summary>
/// <remarks>Floats that stand in fields of their own, as older exporters write them, are found too; integers that stand so are varints, and stay with the rest.</remarks>
internal static class TensorPayloads
{
    /// <summary>The payloads of a file.</summary>
    /// <param name="file">Its bytes.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <exception cref="ModelException">It is no model, or keeps payloads in another file.</exception>
    public static List<TensorPayload> Of(ReadOnlyMemory<byte> file, string name)
    {
        WirePrescan.Check(file.Span, name, ModelProto.Descriptor);
        if (!Fields(file, 0, file.Length).Any(f => f.Field == ModelProto.GraphFieldNumber && f.Length > 0))
        {
            throw new ModelException($"'{name}' is not an ONNX model: it holds no graph.");
        }

        List<TensorPayload> found = [];
        try
        {
            Message(file, 0, file.Length, ModelProto.Descriptor, "", found);
        }
        catch (ModelException error)
        {
            throw new ModelException($"'{name}': {error.Message}", error);
        }

        found.Sort((a, b) => a.Start.CompareTo(b.Start));
        return found;
    }

    private static void Message(ReadOnlyMemory<byte> file, int start, int end, MessageDescriptor message, string owner, List<TensorPayload> found)
    {
        if (message == TensorProto.Descriptor)
        {
            Tensor(file, start, end, owner, found);
            return;
        }

        if (message == NodeProto.Descriptor)
        {
            owner = Text(file, start, end, NodeProto.OutputFieldNumber);
        }

        foreach ((int field, int at, int length) in Fields(file, start, end))
        {
            if (length >= 0 && message.FindFieldByNumber(field) is { FieldType: FieldType.Message } part)
            {
                Message(file, at, at + length, part.MessageType, owner, found);
            }
        }
    }

    private static void Tensor(ReadOnlyMemory<byte> file, int start, int end, string owner, List<TensorPayload> found)
    {
        string name = Text(file, start, end, TensorProto.NameFieldNumber);
        var type = ElementType.Undefined;
        foreach ((int field, int at, int _) in Fields(file, start, end))
        {
            if (field == TensorProto.DataLocationFieldNumber && Varint(file.Span, at).Value == TensorFormat.External)
            {
                throw new ModelException($"the tensor '{name}' is kept in another file, and an archive holds one file. Models under 2 GB can keep everything in one.");
            }

            type = field == TensorProto.DataTypeFieldNumber ? (ElementType)Varint(file.Span, at).Value : type;
        }

        foreach ((int field, int at, int length) in Fields(file, start, end))
        {
            ElementType? held = field switch
            {
                TensorProto.RawDataFieldNumber => type,
                TensorProto.FloatDataFieldNumber => ElementType.Float,
                TensorProto.DoubleDataFieldNumber => ElementType.Double,
                _ => null,
            };
            if (held is { } of && length > 0)
            {
                found.Add(new TensorPayload(owner.Length > 0 ? owner : name, of, at, length));
            }
        }
    }

    private static string Text(ReadOnlyMemory<byte> file, int start, int end, int wanted) =>
        Fields(file, start, end).Where(f => f.Field == wanted && f.Length >= 0).Select(f => System.Text.Encoding.UTF8.GetString(file.Span.Slice(f.Start, f.Length))).FirstOrDefault("");

    // number, place and length of each field; the length is -1 where it is a number. The file has been looked through: nothing leads beyond its message.
    private static IEnumerable<(int Field, int Start, int Length)> Fields(ReadOnlyMemory<byte> file, int start, int end)
    {
        for (int at = start; at < end;)
        {
            (ulong tag, at) = Varint(file.Span, at);
            int field = (int)(tag >> 3);
            switch ((WireFormat.WireType)(tag & 7))
            {
                case WireFormat.WireType.Varint:
                    yield return (field, at, -1);
                    at = Varint(file.Span, at).Next;
                    break;
                case WireFormat.WireType.LengthDelimited:
                    (ulong length, at) = Varint(file.Span, at);
                    yield return (field, at, (int)length);
                    at += (int)length;
                    break;
                default:
                    at += (tag & 7) == 1 ? 8 : 4;
                    break;
            }
        }
    }

    private static (ulong Value, int Next) Varint(ReadOnlySpan<byte> bytes, int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = bytes[at++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
            {
                return (value, at);
            }
        }
    }
}
