namespace Halftone.Numerics;

/// <summary>Sums over values at their levels, and how many steps from level to level all of them climbed.</summary>
internal readonly record struct ProjectionSums(double A, double B, long Climbed);

/// <summary>A value climbs one level where the scale falls below Scale, and the sums grow.</summary>
internal readonly record struct ProjectionEvent(double Scale, double A, double B);

/// <summary>The values of one sign under <see cref="ScaleProjection"/>, sorted by magnitude, and the levels they may take.</summary>
internal sealed class ProjectionSide
{
    private readonly double[] _sorted;
    private readonly double[] _products; // sums of d |t| over the first i values
    private readonly double[] _weights; // sums of d
    private readonly double[] _levels;
    private readonly double[] _borders; // border k is between levels k and k + 1

    private ProjectionSide(double[] magnitudes, double[] importance, ReadOnlySpan<double> levels)
    {
        Array.Sort(magnitudes, importance);
        _sorted = magnitudes;
        _products = new double[magnitudes.Length + 1];
        _weights = new double[magnitudes.Length + 1];
        for (int i = 0; i < magnitudes.Length; i++)
        {
            _products[i + 1] = _products[i] + (importance[i] * magnitudes[i]);
            _weights[i + 1] = _weights[i] + importance[i];
        }

        _levels = levels.ToArray();
        _borders = new double[Math.Max(levels.Length - 1, 0)];
        for (int k = 0; k < _borders.Length; k++)
        {
            _borders[k] = (levels[k] + levels[k + 1]) / 2;
        }
    }

    /// <summary>The scale of the first event as s falls; 0 where there is none.</summary>
    public double HighestEvent => _borders.Length == 0 || _sorted.Length == 0 ? 0 : _sorted[^1] / _borders[0];

    /// <summary>The scale of the last event; 0 where there is none.</summary>
    public double LowestEvent => HighestEvent == 0 ? 0 : _sorted.First(v => v > 0) / _borders[^1];

    /// <summary>About what <see cref="AddSums"/> costs.</summary>
    public int StepsOfSums => Math.Min(_borders.Length, _sorted.Length) * (32 - System.Numerics.BitOperations.LeadingZeroCount((uint)Math.Max(_borders.Length, _sorted.Length)));

    // few levels: for each, the values that reached it; few values: for each, the levels that it reached
    private bool ByLevel => _borders.Length <= _sorted.Length;

    /// <summary>Both signs, as one where they have the same levels.</summary>
    public static ProjectionSide[] Of(ReadOnlySpan<float> values, ReadOnlySpan<double> positive, ReadOnlySpan<double> negative, ReadOnlySpan<double> importance)
    {
        Require(positive);
        Require(negative);
        if (!importance.IsEmpty && importance.Length != values.Length)
        {
            throw new ArgumentException($"{importance.Length} weights do not fit {values.Length} values.", nameof(importance));
        }

        if (positive.SequenceEqual(negative))
        {
            return [Side(values, importance, 0, positive)];
        }

        return [Side(values, importance, 1, positive), Side(values, importance, -1, negative)];
    }

    /// <summary>Adds what the values sum up to at a scale.</summary>
    public void AddSums(double scale, ref ProjectionSums sums)
    {
        int count = _sorted.Length;
        double a = _levels[0] * _products[count];
        double b = _levels[0] * _levels[0] * _weights[count];
        long climbed = 0;
        if (ByLevel)
        {
            for (int k = 0; k < _borders.Length; k++)
            {
                int from = FirstAbove(k, scale);
                a += (_levels[k + 1] - _levels[k]) * (_products[count] - _products[from]);
                b += Squares(k) * (_weights[count] - _weights[from]);
                climbed += count - from;
            }
        }
        else
        {
            for (int i = 0; i < count; i++)
            {
                int level = LevelOf(i, scale);
                a += (_levels[level] - _levels[0]) * (_products[i + 1] - _products[i]);
                b += ((_levels[level] * _levels[level]) - (_levels[0] * _levels[0])) * (_weights[i + 1] - _weights[i]);
                climbed += level;
            }
        }

        sums = new(sums.A + a, sums.B + b, sums.Climbed + climbed);
    }

    /// <summary>Adds the events of scales in (low, high].</summary>
    public void AddEvents(double low, double high, List<ProjectionEvent> events)
    {
        if (ByLevel)
        {
            for (int k = 0; k < _borders.Length; k++)
            {
                int to = FirstAbove(k, high);
                for (int i = FirstAbove(k, low); i < to; i++)
                {
                    events.Add(Event(i, k));
                }
            }

            return;
        }

        for (int i = 0; i < _sorted.Length; i++)
        {
            int to = LevelOf(i, low);
            for (int k = LevelOf(i, high); k < to; k++)
            {
                events.Add(Event(i, k));
            }
        }
    }

    private ProjectionEvent Event(int i, int k) => new(
        _sorted[i] / _borders[k], (_levels[k + 1] - _levels[k]) * (_products[i + 1] - _products[i]), Squares(k) * (_weights[i + 1] - _weights[i]));

    private double Squares(int k) => (_levels[k + 1] * _levels[k + 1]) - (_levels[k] * _levels[k]);

    /// <summary>The first value above border k.</summary>
    private int FirstAbove(int k, double scale)
    {
        (int low, int high) = (0, _sorted.Length);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _sorted[middle] / _borders[k] > scale ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    /// <summary>The level of value i: the number of borders below it.</summary>
    private int LevelOf(int i, double scale)
    {
        (int low, int high) = (0, _borders.Length);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _sorted[i] / _borders[middle] > scale ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static ProjectionSide Side(ReadOnlySpan<float> values, ReadOnlySpan<double> importance, int sign, ReadOnlySpan<double> levels)
    {
        var magnitudes = new List<double>(values.Length);
        var weights = new List<double>(values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            if (sign == 0 || (sign > 0) == (values[i] >= 0))
            {
                magnitudes.Add(Math.Abs((double)values[i]));
                weights.Add(importance.IsEmpty ? 1 : importance[i]);
            }
        }

        return new([.. magnitudes], [.. weights], levels);
    }

    private static void Require(ReadOnlySpan<double> levels)
    {
        bool rises = levels.Length > 0 && levels[0] >= 0;
        for (int k = 1; k < levels.Length; k++)
        {
            rises &= levels[k] > levels[k - 1];
        }

        if (!rises)
        {
            throw new ArgumentException($"Levels must rise from 0 or more: {string.Join(", ", levels.ToArray())}.", nameof(levels));
        }
    }
}
