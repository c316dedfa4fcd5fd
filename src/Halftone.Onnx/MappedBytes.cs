namespace Halftone.Onnx;

/// <summary>A part of a mapped file; pages are read when touched.</summary>
internal sealed unsafe class MappedBytes(MappedFile file, long offset, long length)
{
    /// <summary>The bytes.</summary>
    /// <exception cref="ModelException">More than a span can show.</exception>
    public ReadOnlySpan<byte> Span() => length <= int.MaxValue
        ? new ReadOnlySpan<byte>(file.Start + offset, (int)length)
        : throw new ModelException($"A tensor of {length} bytes is larger than the 2 GB that can be worked on at once; it can only be kept as it is.");

    /// <summary>The address; it holds as long as this object lives, and nothing needs to be freed.</summary>
    public System.Buffers.MemoryHandle Pin() => new(file.Start + offset);

    public void CopyTo(Stream stream)
    {
        for (long done = 0; done < length;)
        {
            int step = (int)Math.Min(length - done, 1 << 20);
            stream.Write(new ReadOnlySpan<byte>(file.Start + offset + done, step));
            done += step;
        }
    }
}
