using System.IO.MemoryMappedFiles;

namespace Halftone.Onnx;

/// <summary>A file mapped for reading, until the process ends: a span over it keeps nothing alive, so unmapping could pull the memory from under a reader. It costs addresses, not memory.</summary>
internal sealed unsafe class MappedFile
{
    private MappedFile(byte* start, long length)
    {
        Start = start;
        Length = length;
    }

    /// <summary>The first byte.</summary>
    public byte* Start { get; }

    /// <summary>Bytes of the file when it was mapped.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            if (new FileInfo(path).Length == 0)
            {
                return new MappedFile(null, 0); // nothing cannot be mapped; and a pipe, which has no length, would never open
            }

            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            long length = stream.Length;

            using var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            MemoryMappedViewAccessor view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            return new MappedFile(start + view.PointerOffset, length);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"The external data file '{path}' cannot be read: {error.Message}", error);
        }
    }
}
