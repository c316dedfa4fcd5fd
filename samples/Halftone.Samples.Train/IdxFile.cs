using System.Buffers.Binary;
using System.IO.Compression;

namespace Halftone.Samples.Train;

/// <summary>Reads and writes gzipped IDX files of bytes, the format of the MNIST family.</summary>
/// <remarks>The file: two zero bytes, the element type (8 = unsigned byte), the number of dimensions, each dimension as a big-endian 32-bit number, then the elements, last dimension fastest.</remarks>
internal static class IdxFile
{
    private const int UnsignedByte = 8;

    // Larger than any set this program reads; a damaged header must not make it allocate more.
    private const long MostElements = 1L << 28;

    /// <summary>Reads a file of the given number of dimensions.</summary>
    /// <exception cref="InvalidDataException">the file is not such a file.</exception>
    public static (int[] Dimensions, byte[] Elements) Read(string path, int rank)
    {
        using GZipStream stream = new(File.OpenRead(path), CompressionMode.Decompress);
        try
        {
            byte[] header = new byte[4 + (4 * rank)];
            stream.ReadExactly(header);
            if (header[0] != 0 || header[1] != 0 || header[2] != UnsignedByte || header[3] != rank)
            {
                throw new InvalidDataException($"{path} is not an IDX file of unsigned bytes with {rank} dimensions.");
            }

            int[] dimensions = [.. Enumerable.Range(1, rank).Select(i => BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 * i)))];
            long count = dimensions.Aggregate(1L, (product, size) => size < 0 || product > MostElements ? long.MaxValue : product * size);
            if (count > MostElements)
            {
                throw new InvalidDataException($"{path} claims {string.Join(" x ", dimensions)} elements, which is more than this program reads.");
            }

            byte[] elements = new byte[count];
            stream.ReadExactly(elements);
            return (dimensions, elements);
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException($"{path} is cut short.", e);
        }
    }

    /// <summary>Writes a file; its bytes depend on the content alone.</summary>
    public static void Write(string path, ReadOnlySpan<int> dimensions, ReadOnlySpan<byte> elements)
    {
        byte[] header = new byte[4 + (4 * dimensions.Length)];
        (header[2], header[3]) = (UnsignedByte, (byte)dimensions.Length);
        for (int i = 0; i < dimensions.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 * (i + 1)), dimensions[i]);
        }

        using MemoryStream compressed = new();
        using (GZipStream stream = new(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            stream.Write(header);
            stream.Write(elements);
        }

        WholeFile.Write(path, compressed.ToArray());
    }
}
