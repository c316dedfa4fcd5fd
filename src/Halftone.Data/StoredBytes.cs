using System.IO.Compression;
using Microsoft.Win32.SafeHandles;

namespace Halftone.Data;

/// <summary>Bytes read by position: in a plain file where they lie, or unpacked in memory.</summary>
internal sealed class StoredBytes
{
    /// <summary>The most that is unpacked into memory.</summary>
    public const long MostInMemory = 1 << 30;

    // deflate cannot pack better than 1032 to 1, so a claim beyond that is false before a byte is read
    private const long MostDeflation = 1032;
    private const int Piece = 1 << 20;

    private readonly byte[]? _bytes;
    private readonly string _path;
    private readonly long _start;

    private StoredBytes(string path, long start, long length, byte[]? bytes)
    {
        _path = path;
        _start = start;
        Length = length;
        _bytes = bytes;
    }

    /// <summary>How many there are.</summary>
    public long Length { get; }

    /// <summary>A part of a plain file.</summary>
    public static StoredBytes OfFile(string path, long start, long length) => new(path, start, length, null);

    /// <summary>Bytes in memory.</summary>
    public static StoredBytes OfMemory(string name, byte[] bytes) => new(name, 0, bytes.Length, bytes);

    /// <summary>Reads a part.</summary>
    /// <exception cref="DataException">The file is gone or has become shorter.</exception>
    public void Read(long offset, Span<byte> to)
    {
        if (_bytes is not null)
        {
            _bytes.AsSpan((int)offset, to.Length).CopyTo(to);
            return;
        }

        try
        {
            using SafeFileHandle file = File.OpenHandle(_path);
            long at = _start + offset;
            while (to.Length > 0)
            {
                int read = RandomAccess.Read(file, to, at);
                if (read == 0)
                {
                    throw new DataException($"'{_path}' ends at {RandomAccess.GetLength(file)} bytes; it has become shorter since it was opened.");
                }

                to = to[read..];
                at += read;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{_path}' cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Whether a file starts as gzip files do.</summary>
    public static bool IsGzip(string path)
    {
        using FileStream file = File.OpenRead(path);
        return file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
    }

    /// <summary>Opens a file as it lies or, if it is gzip, unpacking.</summary>
    public static Stream Open(string path) => IsGzip(path) ? new GZipStream(File.OpenRead(path), CompressionMode.Decompress) : File.OpenRead(path);

    /// <summary>Unpacks a number of bytes that a header declares; memory grows with what is really there.</summary>
    /// <param name="stream">Where they come from.</param>
    /// <param name="declared">How many there should be.</param>
    /// <param name="packed">Bytes that the packed form takes.</param>
    /// <param name="name">File, for messages.</param>
    /// <exception cref="DataException">Too many for memory, more than the packed bytes can hold, or fewer than declared.</exception>
    public static byte[] Unpack(Stream stream, long declared, long packed, string name)
    {
        if (declared > MostInMemory)
        {
            throw new DataException($"'{name}' says that it unpacks to {declared} bytes; at most {MostInMemory} are unpacked in memory. Unpack it to a plain file, which is read in place.");
        }

        if (declared > (packed * MostDeflation) + Piece)
        {
            throw new DataException($"'{name}' says that it holds {declared} bytes, which its {packed} packed bytes cannot; the header is damaged.");
        }

        byte[] bytes = new byte[Math.Min(declared, Piece)];
        int have = 0;
        while (have < declared)
        {
            if (have == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min(declared, bytes.Length * 2L));
            }

            int read = ReadSome(stream, bytes.AsSpan(have), name);
            have += read != 0 ? read : throw new DataException($"'{name}' ends after {have} of the {declared} bytes that its header declares; it was probably cut off.");
        }

        return bytes;
    }

    /// <summary>Unpacks all there is, up to the most that memory takes.</summary>
    /// <exception cref="DataException">There is more.</exception>
    public static byte[] UnpackAll(Stream stream, string name)
    {
        byte[] bytes = new byte[Piece];
        int have = 0;
        while (ReadSome(stream, bytes.AsSpan(have), name) is > 0 and int read)
        {
            have += read;
            if (have == bytes.Length)
            {
                if (have >= MostInMemory)
                {
                    throw new DataException($"'{name}' unpacks to over {MostInMemory} bytes; unpack it to a plain file, which is read in place.");
                }

                Array.Resize(ref bytes, (int)Math.Min(MostInMemory, bytes.Length * 2L));
            }
        }

        Array.Resize(ref bytes, have);
        return bytes;
    }

    /// <summary>Reads exactly so many bytes of a header.</summary>
    /// <exception cref="DataException">There are fewer.</exception>
    public static byte[] Head(Stream stream, int count, string name)
    {
        byte[] bytes = new byte[count];
        int have = 0;
        while (have < count)
        {
            int read = ReadSome(stream, bytes.AsSpan(have), name);
            have += read != 0 ? read : throw new DataException($"'{name}' ends within its header.");
        }

        return bytes;
    }

    private static int ReadSome(Stream stream, Span<byte> to, string name)
    {
        try
        {
            return stream.Read(to);
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            throw new DataException($"'{name}' is damaged or was cut off: {error.Message}", error);
        }
    }
}
