using System.Runtime.InteropServices;

namespace Halftone.Engine.Kernels;

/// <summary>Zeroed memory outside the managed heap that begins at a cache line; freed when disposed or finalized.</summary>
internal sealed unsafe class AlignedMemory : SafeHandle
{
    private const nuint Line = 64;

    /// <summary>Takes memory.</summary>
    /// <param name="bytes">How much.</param>
    public AlignedMemory(long bytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        nuint size = (nuint)Math.Max(bytes, 1);
        void* memory = NativeMemory.AlignedAlloc(size, Line);
        NativeMemory.Clear(memory, size);
        SetHandle((nint)memory);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Where it begins. Whoever uses the pointer keeps this object alive.</summary>
    public byte* Start => (byte*)handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
