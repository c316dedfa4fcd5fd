using System.Runtime.InteropServices;

namespace Halftone.Engine.Tests.LowBit;

/// <summary>Memory that ends where a page begins that must not be touched: a byte read or written too far ends the process.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private readonly nint _pages;
    private readonly nuint _length;

    public GuardedMemory(long bytes)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint data = ((nuint)bytes + page - 1) / page * page;
        _length = data + page;
        _pages = Map(0, _length, 3, 0x22, -1, 0);
        Assert.NotEqual(-1, _pages);
        Assert.Equal(0, Protect(_pages + (nint)data, page, 0));
        Pointer = (byte*)_pages + data - bytes;
    }

    public byte* Pointer { get; }

    public void Dispose() => Assert.Equal(0, Unmap(_pages, _length));

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
