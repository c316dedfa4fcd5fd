using System.Buffers;
using System.Collections.Immutable;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Halftone.Onnx;

/// <summary>A tensor in an archive.</summary>
/// <param name="Name">Of the initializer, or the output of the node that holds it.</param>
/// <param name="Bytes">In the ONNX file.</param>
/// <param name="CodedBytes">In the archive.</param>
/// <param name="Code">How it is coded.</param>
public sealed record PackedTensor(string Name, long Bytes, long CodedBytes, PayloadCode Code);

/// <summary>A model as an archive.</summary>
/// <param name="Bytes">The archive.</param>
/// <param name="Tensors">Its tensors, in the order of the file; small ones, which stay with their names, are not among them.</param>
public sealed record PackedModel(ReadOnlyMemory<byte> Bytes, ImmutableArray<PackedTensor> Tensors);

/// <summary>A model file in fewer bytes, from which the very same file comes back: tensors under entropy codes (<see cref="PayloadCode"/>), all else by Brotli.</summary>
/// <remarks>
/// The archive: "HTPK", version (1 byte), SHA-256 of the model file, its length, the length of the frame; the frame (Brotli); the coded tensors one after another; the first four bytes of
/// the SHA-256 of all before. The frame: the number of tensors; for each its distance from the end of the one before, its length and its coded length; the model file without them.
/// Numbers as protobuf's varints.
/// </remarks>
public static class ModelArchive
{
    private const byte Version = 1;
    private const int HashBytes = 32;
    private const int CheckBytes = 4;
    private const int SmallestTensor = 16; // bytes; smaller ones are shorter in the frame, beside their like
    private const int SlowBrotli = 1 << 17; // bytes up to which the slowest Brotli is quick enough
    private const long Beyond = 64L << 20; // bytes that any archive may hold, and for each of its own ...
    private const long BeyondEach = 1000; // ... as many more: what would hold more is stored as it is, and a claim of more is hostile

    private static ReadOnlySpan<byte> Magic => "HTPK"u8;

    /// <summary>Packs a model.</summary>
    /// <param name="file">The bytes of an ONNX file.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="ModelException">It is no model, or keeps tensors in another file.</exception>
    public static PackedModel Pack(ReadOnlyMemory<byte> file, string name = "model", CancellationToken cancel = default)
    {
        List<TensorPayload> payloads = [.. TensorPayloads.Of(file, name).Where(p => p.Length >= SmallestTensor)];
        PackedModel packed = Written(file, payloads, p => PayloadCoder.Encode(file.Span.Slice(p.Start, p.Length), p.Type, p.Name), cancel);
        if (file.Length > MostFrom(packed.Bytes.Length))
        {
            packed = Written(file, [new TensorPayload("", ElementType.UInt8, 0, file.Length)], p => [(byte)PayloadCode.Raw, .. file.Span], cancel);
        }

        // nobody finds out years later that an archive does not give its model back
        return Unpack(packed.Bytes, name, cancel).AsSpan().SequenceEqual(file.Span) ? packed : throw new InvalidOperationException($"The archive of '{name}' does not give it back.");
    }

    /// <summary>The model file in an archive.</summary>
    /// <param name="archive">The bytes of an archive.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="ModelException">It is no archive, or is damaged.</exception>
    public static byte[] Unpack(ReadOnlyMemory<byte> archive, string name = "archive", CancellationToken cancel = default)
    {
        ReadOnlySpan<byte> bytes = archive.Span;
        if (bytes.Length < Magic.Length + 1 || !bytes.StartsWith(Magic))
        {
            throw new ModelException($"'{name}' is no archive of Halftone's.");
        }

        if (bytes[Magic.Length] != Version)
        {
            throw new ModelException($"'{name}' is an archive of version {bytes[Magic.Length]}, and this Halftone reads version {Version}.");
        }

        if (bytes.Length < Magic.Length + 1 + HashBytes + CheckBytes || !SHA256.HashData(bytes[..^CheckBytes]).AsSpan(0, CheckBytes).SequenceEqual(bytes[^CheckBytes..]))
        {
            throw new ModelException($"'{name}' is damaged, or cut off: its check does not fit.");
        }

        try
        {
            byte[] file = Restored(bytes[..^CheckBytes], cancel);
            return SHA256.HashData(file).AsSpan().SequenceEqual(bytes.Slice(Magic.Length + 1, HashBytes)) ? file : throw new InvalidDataException("it gives another file than was packed.");
        }
        catch (InvalidDataException error)
        {
            throw new ModelException($"'{name}' is damaged: {error.Message}", error);
        }
    }

    private static PackedModel Written(ReadOnlyMemory<byte> file, List<TensorPayload> payloads, Func<TensorPayload, byte[]> encode, CancellationToken cancel)
    {
        var coded = new byte[payloads.Count][];
        Parallel.For(0, coded.Length, new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount }, i => coded[i] = encode(payloads[i]));
        var frame = new ArrayBufferWriter<byte>();
        Write(frame, payloads.Count);
        int end = 0;
        for (int i = 0; i < coded.Length; i++)
        {
            Write(frame, payloads[i].Start - end);
            Write(frame, payloads[i].Length);
            Write(frame, coded[i].Length);
            end = payloads[i].Start + payloads[i].Length;
        }

        end = 0;
        foreach (TensorPayload payload in payloads)
        {
            frame.Write(file.Span[end..payload.Start]);
            end = payload.Start + payload.Length;
        }

        frame.Write(file.Span[end..]);
        byte[] framed = Brotli(frame.WrittenSpan);
        var archive = new ArrayBufferWriter<byte>();
        archive.Write(Magic);
        archive.Write([Version]);
        archive.Write(SHA256.HashData(file.Span));
        Write(archive, file.Length);
        Write(archive, framed.Length);
        archive.Write(framed);
        foreach (byte[] part in coded)
        {
            archive.Write(part);
        }

        archive.Write(SHA256.HashData(archive.WrittenSpan).AsSpan(0, CheckBytes));
        return new PackedModel(archive.WrittenMemory, [.. payloads.Zip(coded, (p, c) => new PackedTensor(p.Name, p.Length, c.Length, PayloadCoder.CodeOf(c)))]);
    }

    private static byte[] Restored(ReadOnlySpan<byte> archive, CancellationToken cancel)
    {
        int at = Magic.Length + 1 + HashBytes;
        long length = Read(archive, ref at);
        if (length > MostFrom(archive.Length + CheckBytes))
        {
            throw new InvalidDataException($"it claims to hold {length} bytes in {archive.Length}.");
        }

        byte[] frame = Unbrotli(Take(archive, ref at, Read(archive, ref at)), (2 * length) + 64);
        var file = new byte[length];
        int index = 0;
        long count = Read(frame, ref index);
        if (count > frame.Length)
        {
            throw new InvalidDataException($"it claims to hold {count} tensors.");
        }

        var parts = new (long Distance, long Length, long Coded)[count];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = (Read(frame, ref index), Read(frame, ref index), Read(frame, ref index));
        }

        int filled = 0;
        foreach ((long distance, long bytes, long coded) in parts)
        {
            cancel.ThrowIfCancellationRequested();
            ReadOnlySpan<byte> between = Take(frame, ref index, distance);
            if (distance + bytes > file.Length - filled)
            {
                throw new InvalidDataException("its tensors do not fit into the model.");
            }

            between.CopyTo(file.AsSpan(filled));
            filled += between.Length;
            PayloadCoder.Decode(Take(archive, ref at, coded), file.AsSpan(filled, (int)bytes));
            filled += (int)bytes;
        }

        if (frame.Length - index != file.Length - filled || at != archive.Length)
        {
            throw new InvalidDataException("its parts do not add up to the model.");
        }

        frame.AsSpan(index).CopyTo(file.AsSpan(filled));
        return file;
    }

    private static long MostFrom(long archive) => Math.Min(Array.MaxLength, Beyond + (BeyondEach * archive));

    private static byte[] Brotli(ReadOnlySpan<byte> bytes)
    {
        var coded = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
        return BrotliEncoder.TryCompress(bytes, coded, out int written, bytes.Length <= SlowBrotli ? 11 : 9, 22) ? coded[..written] : throw new InvalidOperationException("Brotli failed.");
    }

    // memory grows with what comes out, and no further than it may
    private static byte[] Unbrotli(ReadOnlySpan<byte> coded, long most)
    {
        using var decoder = default(BrotliDecoder);
        var bytes = new ArrayBufferWriter<byte>();
        while (true)
        {
            OperationStatus status = decoder.Decompress(coded, bytes.GetSpan(1 << 16), out int consumed, out int written);
            coded = coded[consumed..];
            bytes.Advance(written);
            if (status is OperationStatus.Done && coded.IsEmpty)
            {
                return bytes.WrittenSpan.ToArray();
            }

            if (status is not OperationStatus.DestinationTooSmall || bytes.WrittenCount > most)
            {
                throw new InvalidDataException("its frame is no Brotli stream, or too long.");
            }
        }
    }

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> bytes, ref int at, long length)
    {
        if (length > bytes.Length - at)
        {
            throw new InvalidDataException($"a part of {length} bytes is longer than what is there.");
        }

        at += (int)length;
        return bytes.Slice(at - (int)length, (int)length);
    }

    private static void Write(ArrayBufferWriter<byte> to, long number)
    {
        for (; number >= 128; number >>= 7)
        {
            to.Write([(byte)(number | 128)]);
        }

        to.Write([(byte)number]);
    }

    // up to 2^35, so that nothing overflows that is made of a few
    private static long Read(ReadOnlySpan<byte> bytes, ref int at)
    {
        long number = 0;
        for (int shift = 0; shift < 35 && at < bytes.Length; shift += 7)
        {
            byte b = bytes[at++];
            number |= (long)(b & 127) << shift;
            if (b < 128)
            {
                return number;
            }
        }

        throw new InvalidDataException("a number in it is damaged.");
    }
}
