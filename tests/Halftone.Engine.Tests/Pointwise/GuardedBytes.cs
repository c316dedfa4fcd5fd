using System.Runtime.InteropServices;

namespace Halftone.Engine.Tests.Pointwise;

/// <summary>Memory that ends where an inaccessible page begins, and begins after another as far as alignment lets it: who reads or writes past the end dies.</summary>
internal sealed unsafe partial class GuardedBytes : IDisposable
{
    private const int Page = 4096;
    private readonly nint _map;
    private readonly nint _length;

    public GuardedBytes(int count)
    {
        Count = count;
        nint pages = (count + Page - 1) / Page * Page;
        if (!OperatingSystem.IsLinux())
        {
            _map = (nint)NativeMemory.Alloc((nuint)Math.Max(1, count));
            Start = (byte*)_map;
            return;
        }

        _length = pages + (2 * Page);
        _map = Map(0, _length, 0, 0x22, -1, 0); // no access; private, anonymous
        Assert.NotEqual(-1, _map);
        Assert.Equal(0, pages == 0 ? 0 : Protect(_map + Page, pages, 3)); // read and write
        Start = (byte*)(_map + Page + pages - count);
    }

    public byte* Start { get; }

    public int Count { get; }

    public Span<byte> Span => new(Start, Count);

    public static GuardedBytes Of(ReadOnlySpan<byte> bytes)
    {
        var memory = new GuardedBytes(bytes.Length);
        bytes.CopyTo(memory.Span);
        return memory;
    }

    public static GuardedBytes Of(ReadOnlySpan<float> floats) => Of(MemoryMarshal.AsBytes(floats));

    public void Dispose()
    {
        if (_length == 0)
        {
            NativeMemory.Free((void*)_map);
        }
        else
        {
            _ = Unmap(_map, _length);
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nint length, int access, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nint length, int access);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nint length);
}
