namespace Halftone.Engine.Dense.Linear;

/// <summary>How work is split into parts.</summary>
internal static class Share
{
    /// <summary>The units of one part: neighbours, and as many as those of any other part, or one less.</summary>
    public static (int Begin, int End) Of(int units, int part, int parts) =>
        ((int)((long)units * part / parts), (int)((long)units * (part + 1) / parts));

    /// <summary>Parts for so many units.</summary>
    public static int Parts(int units) => Math.Max(units, 1);

    /// <summary>The elements of one part, in runs of 64, so that parts share no cache lines.</summary>
    public static (int Begin, int End) OfElements(int elements, int part, int parts)
    {
        (int begin, int end) = Of(Runs(elements), part, parts);
        return ((int)Math.Min(begin * 64L, elements), (int)Math.Min(end * 64L, elements));
    }

    /// <summary>Parts for element-wise work: at least 4096 elements each, unless there are fewer.</summary>
    public static int ElementParts(int elements) => Parts(elements / 4096);

    private static int Runs(int elements) => (int)((elements + 63L) / 64);
}
