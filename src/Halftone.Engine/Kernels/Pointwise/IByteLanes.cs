using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Some bytes that are computed at once.</summary>
internal unsafe interface IByteLanes<TSelf>
    where TSelf : struct, IByteLanes<TSelf>
{
    /// <summary>How many.</summary>
    static abstract int Count { get; }

    /// <summary>Loads Count bytes.</summary>
    static abstract TSelf Load(byte* from);

    /// <summary>The larger of each two.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>Each byte with the bits of a mask flipped.</summary>
    static abstract TSelf Flip(TSelf a, byte mask);

    /// <summary>Stores Count bytes.</summary>
    static abstract void Store(byte* to, TSelf value);
}

/// <summary>What a kernel does with some neighbouring bytes.</summary>
internal interface IByteStep
{
    /// <summary>Computes bytes at .. at + TLanes.Count.</summary>
    void Run<TLanes>(int at)
        where TLanes : struct, IByteLanes<TLanes>;
}

/// <summary>Walks bytes with the widest lanes the machine has, then with narrower ones: no byte twice, none past the end.</summary>
internal static class ByteLoop
{
    /// <summary>Computes bytes 0 .. count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<TStep>(TStep step, int count)
        where TStep : struct, IByteStep
    {
        int at = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            at = Walk<TStep, Bytes64>(step, at, count);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            at = Walk<TStep, Bytes32>(step, at, count);
        }

        if (Vector128.IsHardwareAccelerated)
        {
            at = Walk<TStep, Bytes16>(step, at, count);
            at = Walk<TStep, Bytes8>(step, at, count);
        }

        Walk<TStep, Bytes1>(step, at, count);
    }

    /// <summary>Computes bytes at .. count as far as whole steps of one width go.</summary>
    /// <returns>The first byte not computed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Walk<TStep, TLanes>(TStep step, int at, int count)
        where TStep : struct, IByteStep
        where TLanes : struct, IByteLanes<TLanes>
    {
        for (; at <= count - TLanes.Count; at += TLanes.Count)
        {
            step.Run<TLanes>(at);
        }

        return at;
    }
}
