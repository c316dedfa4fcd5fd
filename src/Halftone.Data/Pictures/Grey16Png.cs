using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Halftone.Data.Pictures;

/// <summary>Grey PNG files of 16 bits, which Skia reads with 8 only.</summary>
/// <remarks>From: W3C PNG (third edition), sections 5 and 9: chunks, deflate over all IDAT chunks, one of five filters a row. Interlaced files and chunk checksums are left to Skia.</remarks>
internal static class Grey16Png
{
    private const int HeadBytes = 33; // mark and the whole IHDR chunk

    /// <summary>Whether a file is one, not interlaced.</summary>
    public static bool Is(ReadOnlySpan<byte> head) =>
        head.Length >= HeadBytes && head[1..4].SequenceEqual("PNG"u8) && head[24] == 16 && head[25] == 0 && head[28] == 0;

    /// <summary>The picture, as halves of 0..1.</summary>
    /// <param name="path">The file, whose head <see cref="Is"/> accepted and whose size was found fit.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <exception cref="DataException">It is damaged or ends early.</exception>
    public static Picture Read(string path, int height, int width)
    {
        using var packed = new MemoryStream();
        Data(path, packed);
        packed.Position = 0;
        using var stream = new ZLibStream(packed, CompressionMode.Decompress);
        int length = 2 * width;
        byte[] rows = StoredBytes.Unpack(stream, (long)height * (length + 1), packed.Length, path);
        var halves = new Half[height * width];
        byte[] above = new byte[length];
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = rows.AsSpan(y * (length + 1), length + 1);
            Unfilter(row[0], row[1..], above, path);
            above = row[1..].ToArray();
            for (int x = 0; x < width; x++)
            {
                halves[(y * width) + x] = (Half)(BinaryPrimitives.ReadUInt16BigEndian(above.AsSpan(2 * x)) / 65535f);
            }
        }

        return new Picture(height, width, 1, 1, MemoryMarshal.AsBytes<Half>(halves).ToArray(), Halves: true);
    }

    private static void Data(string path, MemoryStream packed)
    {
        ReadOnlySpan<byte> file = File.ReadAllBytes(path);
        for (int at = HeadBytes; at + 8 <= file.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            ReadOnlySpan<byte> type = file.Slice(at + 4, 4);
            if (type.SequenceEqual("IEND"u8))
            {
                return;
            }

            if (length > file.Length - at - 8)
            {
                break;
            }

            if (type.SequenceEqual("IDAT"u8))
            {
                packed.Write(file.Slice(at + 8, (int)length));
            }

            at = (int)Math.Min(file.Length, at + 12L + length);
        }

        throw new DataException($"The image '{path}' ends early; it was probably cut off when it was copied.");
    }

    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, string path)
    {
        for (int i = 0; i < row.Length; i++)
        {
            int left = i >= 2 ? row[i - 2] : 0;
            int up = above[i];
            int corner = i >= 2 ? above[i - 2] : 0;
            row[i] += (byte)(filter switch
            {
                0 => 0,
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                4 => Paeth(left, up, corner),
                _ => throw new DataException($"The image '{path}' is damaged: it has a row of filter {filter}."),
            });
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        int guess = left + up - corner;
        (int a, int b, int c) = (Math.Abs(guess - left), Math.Abs(guess - up), Math.Abs(guess - corner));
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }
}
