using System.Text.Unicode;
using Google.Protobuf.Reflection;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>Walks the bytes of a model or a tensor before they are parsed, and refuses what would take far more memory than the file, is nested absurdly, or holds text that is not text.</summary>
/// <remarks>A message of two bytes becomes an object of hundreds: without this, a file of a few megabytes could take gigabytes.</remarks>
internal static class WirePrescan
{
    private const int DeepestNesting = 99; // the parser's own limit is 100
    private const long MemoryBeyondFile = 256L << 20; // bytes
    private const int MemoryPerFileByte = 6; // typed data: a varint of a byte becomes eight, in a list that grows by doubling

    private static readonly Dictionary<string, Shape> s_shapes = ShapesFrom(ModelProto.Descriptor);

    /// <summary>Checks the bytes of a whole message.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="name">Its name, for the sentence.</param>
    /// <param name="message">What it should hold: a model, or any message inside one.</param>
    /// <exception cref="ModelException">They are refused.</exception>
    public static void Check(ReadOnlySpan<byte> bytes, string name, MessageDescriptor message)
    {
        string kind = message == TensorProto.Descriptor ? "tensor" : "model";
        var walk = new Walk(bytes, name, kind, MemoryBeyondFile + ((long)bytes.Length * MemoryPerFileByte));
        walk.Message(s_shapes[message.FullName], 0, bytes.Length, 0);
    }

    private static Dictionary<string, Shape> ShapesFrom(MessageDescriptor root)
    {
        Dictionary<string, Shape> shapes = [];
        Add(root);
        return shapes;

        Shape Add(MessageDescriptor message)
        {
            if (shapes.TryGetValue(message.FullName, out Shape? known))
            {
                return known;
            }

            // an object, a list for each repeated field, and what the graph keeps of nodes and tensors (names, indexes)
            long cost = 64 + message.Fields.InDeclarationOrder().Sum(f => f.IsRepeated ? 32 : 12);
            cost += message.FullName.EndsWith("NodeProto", StringComparison.Ordinal) || message.FullName.EndsWith(".TensorProto", StringComparison.Ordinal) ? 400 : 0;
            var shape = new Shape(cost, new Field?[32]);
            shapes[message.FullName] = shape;
            foreach (FieldDescriptor field in message.Fields.InDeclarationOrder())
            {
                shape.Fields[field.FieldNumber] = new Field(field.FieldType, field.IsRepeated, field.FieldType == FieldType.Message ? Add(field.MessageType) : null);
            }

            return shape;
        }
    }

    private sealed record Shape(long Cost, Field?[] Fields);

    private sealed record Field(FieldType Type, bool Repeated, Shape? Message);

    private ref struct Walk(ReadOnlySpan<byte> bytes, string name, string kind, long budget)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private long _left = budget;

        public void Message(Shape shape, int at, int end, int depth)
        {
            if (depth > DeepestNesting)
            {
                throw new ModelException($"'{name}' is not an ONNX {kind}, or is hostile: its messages are nested over {DeepestNesting} deep at byte {at}.");
            }

            Take(shape.Cost, at);
            while (at < end)
            {
                int start = at;
                ulong tag = Varint(ref at, end);
                uint number = (uint)(tag >> 3);
                if (number == 0 || tag > uint.MaxValue)
                {
                    throw Damaged(start);
                }

                Field? field = number < shape.Fields.Length ? shape.Fields[number] : null;
                switch (tag & 7)
                {
                    case 0:
                        Varint(ref at, end);
                        Take(field is null ? 200 : field.Repeated ? 16 : 0, start);
                        break;
                    case 1:
                        at = Skip(at, 8, end);
                        Take(field is null ? 200 : 0, start);
                        break;
                    case 2:
                        ulong length = Varint(ref at, end);
                        int next = Skip(at, length, end);
                        Delimited(field, at, next, depth);
                        at = next;
                        break;
                    case 5:
                        at = Skip(at, 4, end);
                        Take(field is null ? 200 : 0, start);
                        break;
                    default:
                        throw Damaged(start);
                }
            }
        }

        private void Delimited(Field? field, int at, int end, int depth)
        {
            switch (field)
            {
                case null:
                    Take(200 + end - at, at);
                    break;
                case { Message: { } message }:
                    Take(field.Repeated ? 32 : 0, at);
                    Message(message, at, end, depth + 1);
                    break;
                case { Type: FieldType.String }:
                    Take((field.Repeated ? 56 : 24) + (2L * (end - at)), at);
                    if (!Utf8.IsValid(_bytes[at..end]))
                    {
                        throw new ModelException($"'{name}' is not an ONNX {kind}, or is damaged: the text at byte {at} is not UTF-8.");
                    }

                    break;
                case { Type: FieldType.Bytes }:
                    Take(80 + end - at, at);
                    break;
                case { Type: FieldType.Int64 or FieldType.UInt64 or FieldType.Int32 }:
                    Take(16L * Varints(at, end), at);
                    break;
                default: // packed floats and doubles
                    Take(2L * (end - at), at);
                    break;
            }
        }

        private readonly long Varints(int at, int end)
        {
            long count = 0;
            foreach (byte b in _bytes[at..end])
            {
                count += b < 128 ? 1 : 0;
            }

            return count;
        }

        private void Take(long memory, int at)
        {
            _left -= memory;
            if (_left < 0)
            {
                throw new ModelException($"'{name}' is refused: it would take far more memory than its {_bytes.Length} bytes, by many tiny parts up to byte {at}; no real {kind} is like that.");
            }
        }

        private readonly int Skip(int at, ulong length, int end) => length <= (ulong)(end - at) ? at + (int)length : throw Damaged(at);

        private readonly ulong Varint(ref int at, int end)
        {
            int start = at;
            ulong value = 0;
            for (int shift = 0; shift < 64 && at < end; shift += 7)
            {
                byte b = _bytes[at++];
                value |= (ulong)(b & 127) << shift;
                if (b < 128)
                {
                    return value;
                }
            }

            throw Damaged(start);
        }

        private readonly ModelException Damaged(int at) => new($"'{name}' is not an ONNX {kind}, or is damaged at byte {at} of {_bytes.Length}.");
    }
}
