using System.Runtime.InteropServices;

namespace Halftone.Engine.Memory;

/// <summary>Native memory, zeroed, aligned to 64 bytes, with 64 more bytes on either side that kernels may read.</summary>
/// <remarks>Linux is asked for huge pages where a buffer is long: weights that are read once a run are then looked up in fewer page tables, and prefetched further.</remarks>
internal sealed unsafe partial class NativeBuffer : SafeHandle
{
    /// <summary>Bytes before the beginning and after the end that may be read.</summary>
    public const int Slack = 64;

    private const int Alignment = 64;
    private const int HugePage = 2 << 20;

    /// <summary>Allocates.</summary>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    public NativeBuffer(long length)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        nuint bytes = checked((nuint)(((length + Alignment - 1) / Alignment * Alignment) + (2 * Slack)));
        bool huge = OperatingSystem.IsLinux() && bytes >= 2 * HugePage;
        void* memory = NativeMemory.AlignedAlloc(bytes, huge ? HugePage : (nuint)Alignment);
        SetHandle((nint)memory);
        if (huge)
        {
            // advice, which the system may not take
            const int MadvHugePage = 14;
            _ = Advise((nint)memory, bytes / HugePage * HugePage, MadvHugePage);
        }

        NativeMemory.Clear(memory, bytes);
        GC.AddMemoryPressure(Math.Max(length, 1));
    }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The first byte.</summary>
    public byte* Pointer => (byte*)handle + Slack;

    /// <summary>A buffer with a copy of values.</summary>
    public static NativeBuffer Of<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        var buffer = new NativeBuffer(bytes.Length);
        bytes.CopyTo(new Span<byte>(buffer.Pointer, bytes.Length));
        return buffer;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        GC.RemoveMemoryPressure(Math.Max(Length, 1));
        return true;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
