using System.Runtime.InteropServices;
using static Halftone.Engine.Bench.Peers.OneDnnNative;

namespace Halftone.Engine.Bench.Peers;

/// <summary>Everything native that one primitive of oneDNN needs, freed together.</summary>
internal sealed unsafe class OneDnnArena : IDisposable
{
    private const int Alignment = 64;

    private readonly List<nint> _blocks = [];
    private readonly List<nint> _memories = [];

    /// <summary>Zeroed bytes.</summary>
    public byte* Allocate(nuint bytes)
    {
        byte* block = (byte*)NativeMemory.AlignedAlloc(bytes + Alignment, Alignment);
        NativeMemory.Clear(block, bytes + Alignment);
        _blocks.Add((nint)block);
        return block;
    }

    /// <summary>Describes a tensor.</summary>
    public byte* Descriptor(ReadOnlySpan<long> dims, int type, int tag)
    {
        byte* descriptor = Allocate(DescriptorBytes);
        fixed (long* lengths = dims)
        {
            Check(MemoryDescriptor(descriptor, dims.Length, lengths, type, tag), "describing memory");
        }

        return descriptor;
    }

    /// <summary>Memory for a described tensor, filled with bytes or zeros.</summary>
    public nint Memory(byte* descriptor, ReadOnlySpan<byte> bytes, out byte* data)
    {
        nuint size = MemorySize(descriptor);
        data = Allocate(size);
        bytes.CopyTo(new Span<byte>(data, checked((int)size)));
        Check(MemoryCreate(out nint memory, descriptor, Processor, data), "creating memory");
        _memories.Add(memory);
        return memory;
    }

    /// <summary>Memory for a described tensor, filled with bytes.</summary>
    public nint Memory(byte* descriptor, ReadOnlySpan<byte> bytes) => Memory(descriptor, bytes, out _);

    /// <inheritdoc/>
    public void Dispose()
    {
        _memories.ForEach(m => Check(MemoryDestroy(m), "freeing memory"));
        _blocks.ForEach(b => NativeMemory.AlignedFree((void*)b));
        _memories.Clear();
        _blocks.Clear();
    }
}
