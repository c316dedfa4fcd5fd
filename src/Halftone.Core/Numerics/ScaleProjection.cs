namespace Halftone.Numerics;

/// <summary>A scale and what it leaves.</summary>
/// <param name="Scale">s, 0 where no scale errs less than zeros alone.</param>
/// <param name="SquaredError">sum_i d_i (t_i - s c_i)^2.</param>
public readonly record struct ScaleFit(double Scale, double SquaredError);

/// <summary>The scale at which values lie nearest to multiples of it: min over s > 0 and levels c_i of sum_i d_i (t_i - s c_i)^2, exactly.</summary>
/// <remarks>
/// <para>With the levels of a side in rising order, value i climbs from level k - 1 to k where s falls below |t_i| / ((c[k-1] + c[k]) / 2). Between two such
/// events the best scale is s = A / B with A = sum d |t| c and B = sum d c^2, and the error is sum d t^2 - A^2 / B: few events are all visited in falling order.</para>
/// <para>Of many events, intervals of s are visited, that with the least bound first. On [s1, s2] A and B lie between their values at its ends, so the slope
/// 2 (s B - A) of the error is at least lo = 2 (s1 B2 - A1) and at most hi = 2 (s2 B1 - A2), and the error at least the height where the line from the left
/// end with slope lo meets the line into the right end with slope hi. An interval is halved until its bound is above the best error or its events are few.
/// With the values sorted and their sums at hand A and B cost levels * log(values), so that a million values of 8 bits take little more than their sorting.</para>
/// <para>Above 8 bits the error has so many dips that bounds decide little: after 2 million steps, and 64 more a value, the best that was met stands.</para>
/// <para>This is the projection of OMSE (Choukroun et al. 2019, arXiv:1902.06822), ADMM (Leng et al. 2018, arXiv:1707.09870), ternary and power-of-two weights alike.</para>
/// </remarks>
public sealed class ScaleProjection
{
    private const int FewEvents = 512;
    private const long Steps = 2_000_000;
    private const int StepsPerValue = 64;
    private const double Precision = 1e-15; // of the sum of squares: nothing smaller is left of the sums

    private readonly ProjectionSide[] _sides;
    private readonly double _squares;
    private readonly long _budget;
    private double _bestScore;
    private double _bestScale;

    private ScaleProjection(ReadOnlySpan<float> values, ReadOnlySpan<double> positive, ReadOnlySpan<double> negative, ReadOnlySpan<double> importance)
    {
        _sides = ProjectionSide.Of(values, positive, negative, importance);
        _budget = Steps + ((long)StepsPerValue * values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            _squares += (importance.IsEmpty ? 1 : importance[i]) * values[i] * values[i];
        }
    }

    /// <summary>The best scale.</summary>
    /// <param name="values">t, finite.</param>
    /// <param name="positive">Levels for values from 0 on, not negative, rising: { 0, 1, .., n } for integers, { 1 } for signs, { 0, 1, 2, 4 } for shifts.</param>
    /// <param name="negative">Magnitudes of the levels for values below 0.</param>
    /// <param name="start">A scale to begin with, which is improved upon; 0 for none.</param>
    /// <param name="importance">d, not negative, one a value; empty for ones.</param>
    /// <exception cref="ArgumentException">Levels that do not rise from 0 or more, or not as many d as values.</exception>
    public static ScaleFit Best(
        ReadOnlySpan<float> values, ReadOnlySpan<double> positive, ReadOnlySpan<double> negative, double start = 0, ReadOnlySpan<double> importance = default)
    {
        var search = new ScaleProjection(values, positive, negative, importance);
        if (start > 0 && double.IsFinite(start))
        {
            search.Alternate(start);
        }

        search.Run();
        return search.Result;
    }

    /// <summary>What alternation of nearest levels and best scale ends in: q = nearest level of t / s, then s = A / B, until nothing changes (Leng et al. 2018, section 3).</summary>
    /// <param name="values">t, finite.</param>
    /// <param name="positive">Levels for values from 0 on.</param>
    /// <param name="negative">Magnitudes of the levels for values below 0.</param>
    /// <param name="start">The first scale, above 0.</param>
    public static ScaleFit Alternation(ReadOnlySpan<float> values, ReadOnlySpan<double> positive, ReadOnlySpan<double> negative, double start)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(start);
        var search = new ScaleProjection(values, positive, negative, default);
        search.Alternate(start);
        return search.Result;
    }

    private ScaleFit Result => new(_bestScale, Math.Max(_squares - _bestScore, 0));

    private void Alternate(double scale)
    {
        for (int round = 0; round < 100; round++)
        {
            ProjectionSums sums = SumsAt(scale);
            double next = sums.A / sums.B;
            if (!Consider(sums) || next == scale)
            {
                return;
            }

            scale = next;
        }
    }

    private void Run()
    {
        double highest = _sides.Max(s => s.HighestEvent);
        Consider(SumsAt(double.PositiveInfinity));
        if (highest <= 0)
        {
            return;
        }

        double lowest = _sides.Where(s => s.LowestEvent > 0).Min(s => s.LowestEvent) / 2;
        var open = new PriorityQueue<Interval, double>();
        Open(open, new Interval(lowest, SumsAt(lowest), highest, SumsAt(highest)));
        for (long steps = 0; steps < _budget && open.TryDequeue(out Interval? interval, out double bound) && bound < LeastError;)
        {
            if (interval.Events <= FewEvents)
            {
                Sweep(interval);
                steps += interval.Events + _sides.Sum(s => s.StepsOfSums);
                continue;
            }

            double middle = interval.High > 2 * interval.Low ? Math.Sqrt(interval.Low * interval.High) : (interval.Low + interval.High) / 2;
            if (middle <= interval.Low || middle >= interval.High)
            {
                continue; // all these events are one: the same value many times
            }

            ProjectionSums sums = SumsAt(middle);
            Consider(sums);
            Open(open, new Interval(interval.Low, interval.AtLow, middle, sums));
            Open(open, new Interval(middle, sums, interval.High, interval.AtHigh));
            steps += _sides.Sum(s => s.StepsOfSums);
        }
    }

    private double LeastError => _squares - _bestScore - (Precision * _squares);

    private void Open(PriorityQueue<Interval, double> open, Interval interval)
    {
        Consider(interval.AtLow);
        double bound = interval.Bound(_squares);
        if (interval.Events > 0 && bound < LeastError)
        {
            open.Enqueue(interval, bound);
        }
    }

    private void Sweep(Interval interval)
    {
        var events = new List<ProjectionEvent>((int)interval.Events);
        foreach (ProjectionSide side in _sides)
        {
            side.AddEvents(interval.Low, interval.High, events);
        }

        events.Sort((x, y) => y.Scale.CompareTo(x.Scale));
        ProjectionSums sums = interval.AtHigh;
        foreach (ProjectionEvent e in events)
        {
            sums = new(sums.A + e.A, sums.B + e.B, sums.Climbed + 1);
            Consider(sums);
        }
    }

    private ProjectionSums SumsAt(double scale)
    {
        ProjectionSums sums = default;
        foreach (ProjectionSide side in _sides)
        {
            side.AddSums(scale, ref sums);
        }

        return sums;
    }

    private bool Consider(ProjectionSums sums)
    {
        double score = sums.A > 0 && sums.B > 0 ? sums.A * sums.A / sums.B : 0;
        if (!(score > _bestScore))
        {
            return false;
        }

        (_bestScore, _bestScale) = (score, sums.A / sums.B);
        return true;
    }

    /// <summary>Scales in (Low, High] and the sums at its ends.</summary>
    private sealed record Interval(double Low, ProjectionSums AtLow, double High, ProjectionSums AtHigh)
    {
        public long Events => AtLow.Climbed - AtHigh.Climbed;

        public double Bound(double squares)
        {
            double left = squares - (2 * Low * AtLow.A) + (Low * Low * AtLow.B);
            double right = squares - (2 * High * AtHigh.A) + (High * High * AtHigh.B);
            double leastSlope = 2 * ((Low * AtHigh.B) - AtLow.A);
            double greatestSlope = 2 * ((High * AtLow.B) - AtHigh.A);
            if (leastSlope >= 0 || greatestSlope <= 0)
            {
                return leastSlope >= 0 ? left : right;
            }

            double width = High - Low;
            double meet = (right - left - (greatestSlope * width)) / (leastSlope - greatestSlope);
            return left + (leastSlope * Math.Clamp(meet, 0, width));
        }
    }
}
