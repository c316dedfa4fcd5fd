using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary>Stores fewer than 16 channels, and nothing beyond them.</summary>
internal static unsafe class PartialStore<TSums, TEpilogue>
    where TEpilogue : struct, IVectorEpilogue<TSums>
{
    /// <summary>Stores the first bytes of what the epilogue gives.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Store(TSums sums, int* columns, in CodeRange range, byte* y, int bytes)
    {
        Vector512<byte> whole = default;
        TEpilogue.Store(sums, columns, range, (byte*)&whole);
        Unsafe.CopyBlockUnaligned(y, &whole, (uint)bytes);
    }
}
