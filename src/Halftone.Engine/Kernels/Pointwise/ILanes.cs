using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Some floats that are computed at once. A kernel is written once for all widths, so that every width computes the same, bit for bit.</summary>
internal unsafe interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    /// <summary>How many.</summary>
    static abstract int Count { get; }

    /// <summary>The same in all lanes.</summary>
    static abstract TSelf All(float value);

    /// <summary>Loads Count bytes.</summary>
    static abstract TSelf Load(byte* from);

    /// <summary>Loads Count floats.</summary>
    static abstract TSelf Load(float* from);

    /// <summary>Count sums less a factor times as many columns, in 32 bits that wrap, as floats.</summary>
    static abstract TSelf Load(int* sums, int* columns, int factor);

    /// <summary>Sum.</summary>
    static abstract TSelf operator +(TSelf a, TSelf b);

    /// <summary>Difference.</summary>
    static abstract TSelf operator -(TSelf a, TSelf b);

    /// <summary>Product.</summary>
    static abstract TSelf operator *(TSelf a, TSelf b);

    /// <summary>Quotient, correctly rounded.</summary>
    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>a * b + c, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>What is between the bounds; the lower bound for NaN, as MAXPS and MINPS have it.</summary>
    static abstract TSelf Clamp(TSelf value, TSelf least, TSelf most);

    /// <summary>The nearest whole number, ties to even.</summary>
    static abstract TSelf Round(TSelf value);

    /// <summary>Drops what is behind the point.</summary>
    static abstract TSelf Truncate(TSelf value);

    /// <summary>Stores values between 0 and 255 as Count bytes, rounded to the nearest, ties to even.</summary>
    static abstract void Store(byte* to, TSelf value);

    /// <summary>Stores Count floats.</summary>
    static abstract void Store(float* to, TSelf value);
}

/// <summary>What a kernel does with some neighbouring elements of a row.</summary>
internal interface ILaneStep
{
    /// <summary>Computes elements at .. at + TLanes.Count.</summary>
    void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes>;
}

/// <summary>Walks a row with the widest lanes the machine has, then with narrower ones: no element twice, none past the end.</summary>
internal static class LaneLoop
{
    /// <summary>Computes elements 0 .. count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<TStep>(TStep step, int count)
        where TStep : struct, ILaneStep
    {
        int at = 0;
        if (Lanes16.IsSupported)
        {
            at = Walk<TStep, Lanes16>(step, at, count);
        }

        if (Lanes8.IsSupported)
        {
            at = Walk<TStep, Lanes8>(step, at, count);
        }

        if (Lanes4.IsSupported)
        {
            at = Walk<TStep, Lanes4>(step, at, count);
        }

        Walk<TStep, Lane>(step, at, count);
    }

    /// <summary>Computes elements at .. count as far as whole steps of one width go.</summary>
    /// <returns>The first element not computed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Walk<TStep, TLanes>(TStep step, int at, int count)
        where TStep : struct, ILaneStep
        where TLanes : struct, ILanes<TLanes>
    {
        for (; at <= count - TLanes.Count; at += TLanes.Count)
        {
            step.Run<TLanes>(at);
        }

        return at;
    }
}
