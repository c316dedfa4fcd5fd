using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Halftone.Onnx;
using SkiaSharp;

namespace Halftone.Data.Tests;

/// <summary>Writes small files of every kind.</summary>
internal static class Files
{
    public static ValueInfo Input(params long?[] dims) => new("x", ElementType.Float, dims);

    public static byte[] Idx(byte[] values, params int[] dims)
    {
        byte[] bytes = [0, 0, 8, (byte)dims.Length, .. dims.SelectMany(d => BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(d))), .. values];
        return bytes;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var to = new MemoryStream();
        using (var gzip = new GZipStream(to, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return to.ToArray();
    }

    public static byte[] Npy<T>(string type, string shape, T[] values, bool fortran = false, int version = 1)
        where T : unmanaged
    {
        string head = $"{{'descr': '{type}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': {shape}, }}\n";
        byte[] length = version == 1 ? BitConverter.GetBytes((ushort)head.Length) : BitConverter.GetBytes(head.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. Encoding.ASCII.GetBytes(head), .. MemoryMarshal.AsBytes<T>(values)];
    }

    public static void Npz(string path, params (string Name, byte[] Bytes)[] arrays)
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach ((string name, byte[] bytes) in arrays)
        {
            using Stream stream = zip.CreateEntry(name + ".npy").Open();
            stream.Write(bytes);
        }
    }

    /// <summary>An image whose pixels a function of (x, y) gives.</summary>
    public static void Image(string path, int width, int height, Func<int, int, SKColor> pixel, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                bitmap.SetPixel(x, y, pixel(x, y));
            }
        }

        using FileStream file = File.Create(path);
        bitmap.Encode(file, format, 100);
    }

    /// <summary>A PNG written by hand: 8 or 16 bits, colour type 0 (grey), 2 (RGB) or 6 (RGBA).</summary>
    public static byte[] Png(int width, int height, byte depth, byte colour, byte[] rows)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest))
        {
            zlib.Write(rows);
        }

        byte[] head = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(head, width);
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), height);
        (head[8], head[9]) = (depth, colour);
        return [0x89, .. "PNG\r\n\u001a\n"u8, .. Chunk("IHDR", head), .. Chunk("IDAT", packed.ToArray()), .. Chunk("IEND", [])];
    }

    /// <summary>A 24-bit BMP, bottom row first.</summary>
    public static byte[] Bmp(int width, int height, byte[] bgrRows)
    {
        byte[] head = new byte[54];
        "BM"u8.CopyTo(head);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(2), 54 + bgrRows.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(10), 54);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(14), 40);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(18), width);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(22), height);
        head[26] = 1;
        head[28] = 24;
        return [.. head, .. bgrRows];
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        byte[] check = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(check, Crc32(body));
        return [.. length, .. body, .. check];
    }

    private static uint Crc32(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
            }
        }

        return ~crc;
    }
}
