namespace Halftone.Numerics;

/// <summary>Minimizes a function of several variables without its derivatives, along a set of directions that it improves as it goes.</summary>
/// <remarks>
/// <para>Each round minimizes along every direction in turn. Where the whole move of the round, x - x0, promises more, by Powell's criterion
/// f(2x - x0) &lt; f(x0) and 2 (f(x0) - 2 f(x) + f(2x - x0)) (f(x0) - f(x) - D)^2 &lt; D (f(x0) - f(2x - x0))^2, D the largest drop of one direction, it is minimized
/// along too, and takes the place of the direction of the largest drop.</para>
/// <para>From: Powell 1964, An efficient method for finding the minimum of a function of several variables without calculating derivatives, Computer Journal 7,
/// section 5; lines by Brent 1973, Algorithms for Minimization without Derivatives, chapter 5.</para>
/// </remarks>
public static class Powell
{
    private const double Golden = 0.3819660112501051; // (3 - sqrt 5) / 2
    private const double Growth = 1.618033988749895;

    /// <summary>The best point that was tried, and its value; never worse than the start.</summary>
    /// <param name="function">What is minimized; NaN counts as infinite.</param>
    /// <param name="start">Where to begin.</param>
    /// <param name="step">First step along each direction.</param>
    /// <param name="rounds">Rounds at most.</param>
    /// <param name="lineEvaluations">Values of the function along one line at most.</param>
    /// <param name="tolerance">A round that gains less, relative to the value, is the last.</param>
    /// <param name="cancel">Stops it.</param>
    public static (double[] Point, double Value) Minimize(
        Func<double[], double> function, double[] start, double step, int rounds, int lineEvaluations, double tolerance = 1e-12, CancellationToken cancel = default)
    {
        int n = start.Length;
        double[] x = [.. start];
        double value = Checked(function(x));
        double[][] directions = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => i == j ? step : 0).ToArray())];
        for (int round = 0; round < rounds && n > 0; round++)
        {
            (double[] from, double before) = ([.. x], value);
            (double drop, int best) = (0, 0);
            for (int i = 0; i < n; i++)
            {
                cancel.ThrowIfCancellationRequested();
                double was = value;
                value = Line(function, x, value, directions[i], lineEvaluations, cancel);
                (drop, best) = was - value > drop ? (was - value, i) : (drop, best);
            }

            if (before - value <= tolerance * (Math.Abs(before) + Math.Abs(value)) / 2)
            {
                break;
            }

            double[] ahead = [.. x.Zip(from, (a, b) => (2 * a) - b)];
            double further = Checked(function(ahead));
            if (further < before && 2 * (before - (2 * value) + further) * Square(before - value - drop) < drop * Square(before - further))
            {
                double[] move = [.. x.Zip(from, (a, b) => a - b)];
                value = Line(function, x, value, move, lineEvaluations, cancel);
                directions[best] = directions[n - 1];
                directions[n - 1] = move;
            }
        }

        return (x, value);
    }

    private static double Square(double a) => a * a;

    private static double Checked(double value) => double.IsNaN(value) ? double.PositiveInfinity : value;

    // moves x to the least value found along a direction
    private static double Line(Func<double[], double> function, double[] x, double value, double[] direction, int evaluations, CancellationToken cancel)
    {
        int left = evaluations;
        (double best, double least) = (0, value);
        double At(double t)
        {
            cancel.ThrowIfCancellationRequested();
            left--;
            double found = Checked(function([.. x.Zip(direction, (a, d) => a + (t * d))]));
            (best, least) = found < least ? (t, found) : (best, least);
            return found;
        }

        if (Bracket(At, value, () => left > 0) is var (a, b, c, fb))
        {
            Brent(At, a, b, c, fb, () => left > 0);
        }

        for (int i = 0; best != 0 && i < x.Length; i++)
        {
            x[i] += best * direction[i];
        }

        return least;
    }

    // a < b < c with f(b) below both ends; null where the evaluations run out first
    private static (double A, double B, double C, double FB)? Bracket(Func<double, double> at, double f0, Func<bool> more)
    {
        (double a, double b, double fb) = (0, 1, at(1));
        if (fb > f0)
        {
            double other = more() ? at(-1) : double.PositiveInfinity;
            if (other > f0)
            {
                return (-1, 0, 1, f0);
            }

            (b, fb) = (-1, other);
        }

        double c = b + (Growth * (b - a));
        while (more())
        {
            double fc = at(c);
            if (fc > fb || double.IsPositiveInfinity(fc))
            {
                return a < c ? (a, b, c, fb) : (c, b, a, fb);
            }

            (a, b, fb, c) = (b, c, fc, c + (Growth * (c - b)));
        }

        return null;
    }

    // parabolas through the three best points, golden sections where these do not settle
    private static void Brent(Func<double, double> at, double low, double x, double high, double fx, Func<bool> more)
    {
        (double w, double fw, double v, double fv) = (x, fx, x, fx);
        (double moved, double before) = (high - low, high - low);
        while (more() && high - low > 1e-10 * (Math.Abs(x) + 1))
        {
            double middle = (low + high) / 2;
            double r = (x - w) * (fx - fv);
            double q = (x - v) * (fx - fw);
            double p = ((x - v) * q) - ((x - w) * r);
            q = 2 * (q - r);
            double parabola = q == 0 ? double.NaN : -p / q;
            bool takes = double.IsFinite(parabola) && Math.Abs(parabola) < Math.Abs(before) / 2 && x + parabola > low && x + parabola < high;
            double step = takes ? parabola : Golden * (x < middle ? high - x : low - x);
            (before, moved) = (moved, step);
            double least = 1e-11 * (Math.Abs(x) + 1);
            double u = x + (Math.Abs(step) >= least ? step : Math.CopySign(least, step));
            double fu = at(u);
            if (fu <= fx)
            {
                (low, high) = u < x ? (low, x) : (x, high);
                (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu);
                continue;
            }

            (low, high) = u < x ? (u, high) : (low, u);
            if (fu <= fw || w == x)
            {
                (v, fv, w, fw) = (w, fw, u, fu);
            }
            else if (fu <= fv || v == x || v == w)
            {
                (v, fv) = (u, fu);
            }
        }
    }
}
