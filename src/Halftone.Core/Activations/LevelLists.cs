using Halftone.Formats;

namespace Halftone.Activations;

/// <summary>Makes <see cref="Levels"/> from numbers that may be equal, or but one.</summary>
internal static class LevelLists
{
    /// <summary>Every value becomes the nearest level; half-way it is the lower one.</summary>
    public static Levels Nearest(IEnumerable<double> levels)
    {
        float[] values = [.. levels.Select(v => (float)Math.Clamp(v, -float.MaxValue, float.MaxValue)).Distinct().Order()];
        return Of(values, [.. values.Zip(values.Skip(1), (low, high) => (float)(((double)low + high) / 2))], upperClosed: true);
    }

    /// <summary>Levels and the borders between them; a single level gets one above it that no value becomes, for there must be two.</summary>
    public static Levels Of(IReadOnlyList<float> values, IReadOnlyList<float> borders, bool upperClosed) => values.Count switch
    {
        0 => Of([0], [], upperClosed),
        1 => new([values[0], Math.Max(MathF.BitIncrement(values[0]), 1.1754944e-38f)], [float.PositiveInfinity], upperClosed: true),
        _ => new([.. values], [.. borders], upperClosed),
    };
}
