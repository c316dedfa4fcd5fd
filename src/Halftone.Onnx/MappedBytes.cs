using System.IO.MemoryMappedFiles;

namespace Halftone.Onnx;

/// <summary>A part of a mapped file; pages are read when touched. The view lives as long as a tensor refers to it.</summary>
internal sealed unsafe class MappedBytes
{
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly long _length;

    private MappedBytes(MemoryMappedViewAccessor view, byte* start, long length)
    {
        _view = view;
        _start = start;
        _length = length;
    }

    /// <summary>Maps length bytes at offset.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part is not within the file.</exception>
    public static MappedBytes Map(string path, long offset, long length)
    {
        long fileLength = new FileInfo(path).Length;
        if (offset < 0 || length < 0 || offset > fileLength - length)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), $"Bytes {offset}..{offset}+{length} are not within {path} of {fileLength} bytes.");
        }

        if (length == 0)
        {
            return new MappedBytes(null!, null, 0);
        }

        using var file = MemoryMappedFile.CreateFromFile(
            new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read), null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        MemoryMappedViewAccessor view = file.CreateViewAccessor(offset, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        return new MappedBytes(view, start + view.PointerOffset, length);
    }

    public ReadOnlySpan<byte> Span()
    {
        if (_length > int.MaxValue)
        {
            throw new ModelException($"A tensor of {_length} bytes is larger than the 2 GB that can be worked on at once; it can only be kept as it is.");
        }

        GC.KeepAlive(_view);
        return new ReadOnlySpan<byte>(_start, (int)_length);
    }

    /// <summary>The address; it holds as long as this object lives, and nothing needs to be freed.</summary>
    public System.Buffers.MemoryHandle Pin() => new(_start);

    public void CopyTo(Stream stream)
    {
        for (long done = 0; done < _length;)
        {
            int step = (int)Math.Min(_length - done, 1 << 20);
            stream.Write(new ReadOnlySpan<byte>(_start + done, step));
            done += step;
        }

        GC.KeepAlive(_view);
    }
}
