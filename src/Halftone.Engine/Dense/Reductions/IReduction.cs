using System.Numerics;

namespace Halftone.Engine.Dense.Reductions;

/// <summary>How numbers become one. Floats are gathered in double; integers in their own type where that is exact.</summary>
internal interface IReduction
{
    /// <summary>Whether integers are gathered as integers, which wrap, and not in double.</summary>
    static virtual bool Exact => true;

    /// <summary>Whether the largest number is taken from each before it is added.</summary>
    static virtual bool FromLargest => false;

    /// <summary>What no numbers make.</summary>
    static virtual A Start<A>()
        where A : INumber<A> => A.Zero;

    /// <summary>What a number adds.</summary>
    static virtual A Term<A>(A x)
        where A : INumber<A> => x;

    /// <summary>Two gathered stretches.</summary>
    static virtual A Combine<A>(A a, A b)
        where A : INumber<A> => a + b;

    /// <summary>The result.</summary>
    static virtual A Result<A>(A gathered, long count, A largest)
        where A : INumber<A> => gathered;
}

internal readonly struct Sum : IReduction;

internal readonly struct Mean : IReduction
{
    public static bool Exact => false;

    public static A Result<A>(A gathered, long count, A largest)
        where A : INumber<A> => gathered / A.CreateTruncating(count);
}

internal readonly struct Prod : IReduction
{
    public static A Start<A>()
        where A : INumber<A> => A.One;

    public static A Combine<A>(A a, A b)
        where A : INumber<A> => a * b;
}

internal readonly struct Max : IReduction
{
    public static A Start<A>()
        where A : INumber<A> => A.CreateSaturating(double.NegativeInfinity);

    public static A Combine<A>(A a, A b)
        where A : INumber<A> => A.Max(a, b);
}

internal readonly struct Min : IReduction
{
    public static A Start<A>()
        where A : INumber<A> => A.CreateSaturating(double.PositiveInfinity);

    public static A Combine<A>(A a, A b)
        where A : INumber<A> => A.Min(a, b);
}

internal readonly struct L1 : IReduction
{
    public static A Term<A>(A x)
        where A : INumber<A> => A.IsNegative(x) ? -x : x;
}

internal readonly struct L2 : IReduction
{
    public static bool Exact => false;

    public static A Term<A>(A x)
        where A : INumber<A> => x * x;

    public static A Result<A>(A gathered, long count, A largest)
        where A : INumber<A> => A.CreateTruncating(Math.Sqrt(double.CreateTruncating(gathered)));
}

internal readonly struct SumSquare : IReduction
{
    public static A Term<A>(A x)
        where A : INumber<A> => x * x;
}

internal readonly struct LogSum : IReduction
{
    public static bool Exact => false;

    public static A Result<A>(A gathered, long count, A largest)
        where A : INumber<A> => A.CreateTruncating(Math.Log(double.CreateTruncating(gathered)));
}

/// <summary>largest + log(sum of exp(x - largest)), which does not overflow.</summary>
internal readonly struct LogSumExp : IReduction
{
    public static bool Exact => false;

    public static bool FromLargest => true;

    public static A Term<A>(A x)
        where A : INumber<A> => A.CreateTruncating(Math.Exp(double.CreateTruncating(x)));

    public static A Result<A>(A gathered, long count, A largest)
        where A : INumber<A> => largest + A.CreateTruncating(Math.Log(double.CreateTruncating(gathered)));
}
