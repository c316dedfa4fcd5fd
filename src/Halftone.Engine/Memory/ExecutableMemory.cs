using System.Runtime.InteropServices;
using Iced.Intel;

namespace Halftone.Engine.Memory;

/// <summary>Machine code that may be run. No page is ever writable and executable at once.</summary>
/// <remarks>
/// Linux: written to private pages that then become executable; where the system refuses that (MDWE, SELinux), written through one view of a memory file and run through another.
/// Windows: VirtualAlloc, then VirtualProtect. Elsewhere, and where all are refused, there is none, and callers take kernels that need no assembly.
/// </remarks>
internal sealed unsafe partial class ExecutableMemory : SafeHandle
{
    private const int Read = 1;
    private const int Write = 2;
    private const int Execute = 4;
    private const int Private = 2;
    private const int Shared = 1;
    private const int Anonymous = 0x20;
    private static readonly nint s_failed = -1;

    private readonly nuint _length;

    private ExecutableMemory(nint address, nuint length)
        : base(0, ownsHandle: true)
    {
        SetHandle(address);
        _length = length;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Where the code begins, at a page.</summary>
    public nint Address => handle;

    /// <summary>Assembles code; it must not depend on where it lies.</summary>
    /// <returns>The code, or null where the system grants no executable memory.</returns>
    public static ExecutableMemory? Assemble(Assembler code)
    {
        var stream = new MemoryStream();
        code.Assemble(new StreamCodeWriter(stream), 0);
        return Create(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    /// <inheritdoc cref="Assemble"/>
    public static ExecutableMemory? Create(ReadOnlySpan<byte> code)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint length = ((nuint)code.Length + page - 1) / page * page;
        nint address = OperatingSystem.IsWindows() ? OnWindows(code, length)
            : OperatingSystem.IsLinux() ? OnLinux(code, length)
            : 0;
        return address == 0 ? null : new ExecutableMemory(address, length);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => OperatingSystem.IsWindows() ? VirtualFree(handle, 0, 0x8000) : Unmap(handle, _length) == 0;

    private static nint OnLinux(ReadOnlySpan<byte> code, nuint length)
    {
        nint address = Map(0, length, Read | Write, Private | Anonymous, -1, 0);
        if (address == s_failed)
        {
            return 0;
        }

        code.CopyTo(new Span<byte>((void*)address, code.Length));
        if (Protect(address, length, Read | Execute) == 0)
        {
            return address;
        }

        _ = Unmap(address, length);
        return ThroughMemoryFile(code, length);
    }

    private static nint ThroughMemoryFile(ReadOnlySpan<byte> code, nuint length)
    {
        int file = MemoryFile("halftone", 1);
        if (file < 0)
        {
            return 0;
        }

        try
        {
            if (Truncate(file, (nint)length) != 0)
            {
                return 0;
            }

            nint view = Map(0, length, Read | Write, Shared, file, 0);
            if (view == s_failed)
            {
                return 0;
            }

            code.CopyTo(new Span<byte>((void*)view, code.Length));
            _ = Unmap(view, length);
            nint address = Map(0, length, Read | Execute, Shared, file, 0);
            return address == s_failed ? 0 : address;
        }
        finally
        {
            _ = Close(file);
        }
    }

    private static nint OnWindows(ReadOnlySpan<byte> code, nuint length)
    {
        const uint CommitAndReserve = 0x3000;
        const uint ReadWrite = 4;
        const uint ExecuteRead = 0x20;
        nint address = VirtualAlloc(0, length, CommitAndReserve, ReadWrite);
        if (address == 0)
        {
            return 0;
        }

        code.CopyTo(new Span<byte>((void*)address, code.Length));
        if (!VirtualProtect(address, length, ExecuteRead, out _))
        {
            VirtualFree(address, 0, 0x8000);
            return 0;
        }

        FlushInstructionCache(GetCurrentProcess(), address, length);
        return address;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate")]
    private static partial int Truncate(int file, nint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);

    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nuint size, uint protection, out uint former);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nuint size, uint type);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FlushInstructionCache(nint process, nint address, nuint size);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();
}
