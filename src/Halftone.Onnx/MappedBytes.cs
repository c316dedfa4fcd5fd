using System.Buffers;

namespace Halftone.Onnx;

/// <summary>A part of a mapped file; pages are read when touched.</summary>
internal sealed unsafe class MappedBytes(MappedFile file, long offset, long length) : MemoryManager<byte>
{
    /// <summary>The bytes.</summary>
    /// <exception cref="ModelException">More than a span can show.</exception>
    public override Span<byte> GetSpan() => new(file.Start + offset, Shown); // mapped for reading: nobody may write here

    /// <summary>The bytes as memory, without a copy.</summary>
    /// <exception cref="ModelException">More than memory can show.</exception>
    public override Memory<byte> Memory => CreateMemory(Shown);

    /// <summary>The address; it holds until the process ends.</summary>
    public override MemoryHandle Pin(int elementIndex = 0) => new(file.Start + offset + elementIndex);

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    public void CopyTo(Stream stream)
    {
        for (long done = 0; done < length;)
        {
            int step = (int)Math.Min(length - done, 1 << 20);
            stream.Write(new ReadOnlySpan<byte>(file.Start + offset + done, step));
            done += step;
        }
    }

    protected override void Dispose(bool disposing)
    {
    }

    private int Shown => length <= int.MaxValue
        ? (int)length
        : throw new ModelException($"A tensor of {length} bytes is larger than the 2 GB that can be worked on at once; it can only be kept as it is.");
}
