using System.Runtime.InteropServices;

namespace Halftone.Engine;

/// <summary>Memory between pages that may be neither read nor written, so that whoever leaves it ends the process. Linux only; elsewhere plain memory.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int None = 0;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly byte* _map;
    private readonly nuint _mapBytes;

    /// <summary>Takes memory and fills it.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="fill">What it holds at first.</param>
    /// <param name="atEnd">Whether it ends where a forbidden page begins; otherwise it begins where one ends.</param>
    public GuardedMemory(int bytes, byte fill = 0, bool atEnd = true)
    {
        Length = bytes;
        if (!OperatingSystem.IsLinux())
        {
            _map = Start = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, bytes));
        }
        else
        {
            int page = Environment.SystemPageSize;
            int inside = (bytes + page - 1) / page * page;
            _mapBytes = (nuint)(inside + (2 * page));
            _map = (byte*)Map(null, _mapBytes, None, PrivateAnonymous, -1, 0);
            if (_map == (byte*)-1 || Protect(_map + page, (nuint)inside, ReadWrite) != 0)
            {
                throw new InvalidOperationException("mmap or mprotect failed.");
            }

            Start = _map + page + (atEnd ? inside - bytes : 0);
        }

        Span.Fill(fill);
    }

    public byte* Start { get; }

    public int Length { get; }

    public Span<byte> Span => new(Start, Length);

    /// <summary>A copy that ends where a forbidden page begins.</summary>
    public static GuardedMemory Of(ReadOnlySpan<byte> bytes)
    {
        var memory = new GuardedMemory(bytes.Length);
        bytes.CopyTo(memory.Span);
        return memory;
    }

    /// <summary>A copy that ends where a forbidden page begins.</summary>
    public static GuardedMemory Of(ReadOnlySpan<float> floats) => Of(MemoryMarshal.AsBytes(floats));

    public void Dispose()
    {
        if (_mapBytes == 0)
        {
            NativeMemory.Free(_map);
        }
        else if (Unmap(_map, _mapBytes) != 0)
        {
            throw new InvalidOperationException("munmap failed.");
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
