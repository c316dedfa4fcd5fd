using System.Buffers.Binary;
using System.IO.Compression;
using Halftone.Coding;

namespace Halftone.Onnx;

/// <summary>Codes the payload of one tensor in the way that takes fewest bytes. The first byte says which.</summary>
internal static class PayloadCoder
{
    private const int TagBits = 8;
    private const int MostForBrotli = 1 << 20; // bytes; larger payloads are weights, whose codes have no order to find
    private const int BrotliQuality = 9;
    private const int BrotliWindow = 22;

    /// <summary>The shortest code of a payload.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> payload, ElementType type, string name)
    {
        byte[] best = Coded(payload, (bytes, writer) => Dense(writer, bytes, type.Bits()));
        byte[]?[] others =
        [
            SparseCode.Width(payload, type) is var width and > 0 ? Coded(payload, (bytes, writer) => Sparse(writer, bytes, width)) : null,
            IsMirrored(payload, type) ? Coded(payload[..(payload.Length / 2)], Mirrored) : null,
            Hashed(payload, type, name),
            payload.Length <= MostForBrotli ? Brotli(payload) : null,
        ];
        foreach (byte[]? other in others)
        {
            best = other is not null && other.Length < best.Length ? other : best;
        }

        return best;
    }

    /// <summary>Restores a payload.</summary>
    /// <param name="coded">What <see cref="Encode"/> gave.</param>
    /// <param name="payload">Takes it; zeros before.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static void Decode(ReadOnlySpan<byte> coded, Span<byte> payload)
    {
        if (CodeOf(coded) is PayloadCode.Brotli)
        {
            if (!BrotliDecoder.TryDecompress(coded[1..], payload, out int written) || written != payload.Length)
            {
                throw new InvalidDataException("A Brotli stream is damaged.");
            }

            return;
        }

        var reader = new BitReader(coded);
        var code = (PayloadCode)reader.Read(TagBits);
        switch (code)
        {
            case PayloadCode.Sparse:
                SparseCode.Read(ref reader, payload);
                break;
            case PayloadCode.Mirrored when payload.Length % (2 * sizeof(float)) == 0:
                Span<byte> half = payload[..(payload.Length / 2)];
                ReadDense(ref reader, (PayloadCode)reader.Read(TagBits), half);
                half.CopyTo(payload[half.Length..]);
                for (int i = half.Length + 3; i < payload.Length; i += sizeof(float))
                {
                    payload[i] ^= 0x80;
                }

                break;
            case PayloadCode.Hashed:
                ReadHashed(ref reader, payload);
                break;
            default:
                ReadDense(ref reader, code, payload);
                break;
        }

        reader.End();
    }

    /// <summary>Which code a coded payload has.</summary>
    public static PayloadCode CodeOf(ReadOnlySpan<byte> coded) => coded.IsEmpty ? throw new InvalidDataException("A payload is empty.") : (PayloadCode)coded[0];

    /// <summary>Writes bytes raw, under one Huffman code, or under one for each byte of an element.</summary>
    /// <param name="writer">Takes them.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="elementBits">Bits of an element.</param>
    public static void Dense(BitWriter writer, ReadOnlySpan<byte> bytes, int elementBits)
    {
        (long Bits, int Width) best = (8L * bytes.Length, 0);
        foreach (int width in Widths(bytes.Length, elementBits))
        {
            long bits = SymbolMessage.Bits(SymbolMessage.Counts(bytes, bytes.Length * 8L / width, width), width) + TagBits;
            best = bits < best.Bits ? (bits, width) : best;
        }

        int size = elementBits / 8;
        byte[][] planes = size >= 2 && bytes.Length % size == 0 ? PlanesOf(bytes, size) : [];
        if (planes.Length > 0 && TagBits + planes.Sum(p => SymbolMessage.Bits(SymbolMessage.Counts(p, p.Length, 8), 8)) < best.Bits)
        {
            writer.Write((uint)PayloadCode.Planes, TagBits);
            writer.Write((uint)size, TagBits);
            foreach (byte[] plane in planes)
            {
                SymbolMessage.Write(writer, plane, plane.Length, 8);
            }
        }
        else if (best.Width > 0)
        {
            writer.Write((uint)PayloadCode.Huffman, TagBits);
            writer.Write((uint)best.Width, TagBits);
            SymbolMessage.Write(writer, bytes, bytes.Length * 8L / best.Width, best.Width);
        }
        else
        {
            writer.Write((uint)PayloadCode.Raw, TagBits);
            writer.Write(bytes);
        }
    }

    /// <summary>Reads what <see cref="Dense"/> wrote.</summary>
    public static void ReadDense(ref BitReader reader, PayloadCode code, Span<byte> bytes)
    {
        switch (code)
        {
            case PayloadCode.Raw:
                reader.Read(bytes);
                break;
            case PayloadCode.Huffman when reader.Read(TagBits) is var width and (2 or 4 or 8 or 16) && bytes.Length * 8L % width == 0:
                SymbolMessage.Read(ref reader, bytes, bytes.Length * 8L / width, (int)width);
                break;
            case PayloadCode.Planes when reader.Read(TagBits) is var size and >= 2 and <= 16 && bytes.Length % size == 0:
                var plane = new byte[bytes.Length / size];
                for (int place = 0; place < size; place++)
                {
                    SymbolMessage.Read(ref reader, plane, plane.Length, 8);
                    for (int i = 0; i < plane.Length; i++)
                    {
                        bytes[(i * (int)size) + place] = plane[i];
                    }
                }

                break;
            default:
                throw new InvalidDataException($"There is no code {(int)code} for a payload of {bytes.Length} bytes.");
        }
    }

    private static byte[][] PlanesOf(ReadOnlySpan<byte> bytes, int size)
    {
        var planes = new byte[size][];
        for (int place = 0; place < size; place++)
        {
            planes[place] = new byte[bytes.Length / size];
            for (int i = 0; i < planes[place].Length; i++)
            {
                planes[place][i] = bytes[(i * size) + place];
            }
        }

        return planes;
    }

    // codes of fewer bits may stand in bytes, and pairs of them may say more than each alone
    private static IEnumerable<int> Widths(int length, int elementBits) =>
        elementBits <= 8 ? [2, 4, 8] : elementBits == 16 && length % 2 == 0 ? [8, 16] : [8];

    private delegate void Write(ReadOnlySpan<byte> bytes, BitWriter writer);

    private static byte[] Coded(ReadOnlySpan<byte> bytes, Write write)
    {
        var writer = new BitWriter();
        write(bytes, writer);
        return writer.ToArray();
    }

    private static void Sparse(BitWriter writer, ReadOnlySpan<byte> bytes, int width)
    {
        writer.Write((uint)PayloadCode.Sparse, TagBits);
        SparseCode.Write(writer, bytes, width);
    }

    private static void Mirrored(ReadOnlySpan<byte> half, BitWriter writer)
    {
        writer.Write((uint)PayloadCode.Mirrored, TagBits);
        Dense(writer, half, 8 * sizeof(float));
    }

    private static bool IsMirrored(ReadOnlySpan<byte> payload, ElementType type)
    {
        bool mirrored = type is ElementType.Float && payload.Length % (2 * sizeof(float)) == 0;
        for (int i = 0; mirrored && i < payload.Length / 2; i += sizeof(float))
        {
            mirrored = BinaryPrimitives.ReadUInt32LittleEndian(payload[i..]) == (BinaryPrimitives.ReadUInt32LittleEndian(payload[((payload.Length / 2) + i)..]) ^ 0x8000_0000);
        }

        return mirrored;
    }

    private static byte[]? Hashed(ReadOnlySpan<byte> payload, ElementType type, string name)
    {
        int width = type.Bits();
        if (HashName.Read(name) is not var (seed, buckets) || width is not (2 or 4 or 8 or 16 or 32) || payload.Length * 8L / width > int.MaxValue)
        {
            return null;
        }

        var writer = new BitWriter();
        writer.Write((uint)PayloadCode.Hashed, TagBits);
        writer.Write((uint)seed, 32);
        writer.Write((uint)buckets, 32);
        writer.Write((uint)width, TagBits);

        // the number of elements leaves some bits of the last byte free; they are 0 in what a writer of ONNX packs
        int spare = 0;
        byte[] same = new byte[payload.Length];
        for (; spare < 8 / Math.Min(width, 8); spare++)
        {
            same.AsSpan().Clear();
            Indices(same, seed, buckets, width, spare);
            if (payload.SequenceEqual(same))
            {
                writer.Write((uint)spare, TagBits);
                return writer.ToArray();
            }
        }

        return null;
    }

    private static void ReadHashed(ref BitReader reader, Span<byte> payload)
    {
        (int seed, int buckets, int width, int spare) = ((int)reader.Read(32), (int)reader.Read(32), (int)reader.Read(TagBits), (int)reader.Read(TagBits));
        if (buckets < 1 || width is not (2 or 4 or 8 or 16 or 32) || payload.Length * 8L % width != 0 || spare >= 8 / Math.Min(width, 8))
        {
            throw new InvalidDataException("The hash of a payload is damaged.");
        }

        Indices(payload, seed, buckets, width, spare);
    }

    // indices that do not fit the width lose their high bits, and so equal no payload
    private static void Indices(Span<byte> payload, int seed, int buckets, int width, int spare)
    {
        var hash = new Formats.SharingHash(seed, buckets);
        int count = (int)(payload.Length * 8L / width) - spare;
        for (int i = 0; i < count; i++)
        {
            int index = hash.TableIndexOf(i);
            if (width == 32)
            {
                BinaryPrimitives.WriteInt32LittleEndian(payload[(4 * i)..], index);
            }
            else
            {
                SymbolMessage.Put(payload, i, width, index & ((1 << width) - 1));
            }
        }
    }

    private static byte[]? Brotli(ReadOnlySpan<byte> payload)
    {
        var coded = new byte[payload.Length + 1];
        coded[0] = (byte)PayloadCode.Brotli;
        return BrotliEncoder.TryCompress(payload, coded.AsSpan(1), out int written, BrotliQuality, BrotliWindow) ? coded[..(written + 1)] : null;
    }
}
