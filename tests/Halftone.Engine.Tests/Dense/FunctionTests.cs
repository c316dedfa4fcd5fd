using Halftone.Engine.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Functions of one float against their formulas in double, everywhere.</summary>
public sealed class FunctionTests
{
    private static readonly Dictionary<string, Func<double, double>> s_formulas = new()
    {
        ["Exp"] = Math.Exp,
        ["Log"] = Math.Log,
        ["Sqrt"] = Math.Sqrt,
        ["Sigmoid"] = x => 1 / (1 + Math.Exp(-x)),
        ["Tanh"] = Math.Tanh,
        ["Erf"] = Erf,
        ["Gelu"] = x => 0.5 * x * (x < 0 ? Erfc(-x / Math.Sqrt(2)) : 1 + Erf(x / Math.Sqrt(2))),
        ["Softplus"] = x => x < -20 ? Math.Exp(x) - (Math.Exp(2 * x) / 2) : Math.Log(1 + Math.Exp(x)),
        ["HardSwish"] = x => x * Math.Clamp((x / 6) + 0.5, 0, 1),
        ["HardSigmoid"] = x => Math.Clamp((x * 0.2f) + 0.5, 0, 1),
        ["LeakyRelu"] = x => x < 0 ? 0.01f * x : x,
        ["Swish"] = x => x / (1 + Math.Exp(-x)),
        ["Mish"] = x => x * Math.Tanh(x < -20 ? Math.Exp(x) : Math.Log(1 + Math.Exp(x))),
        ["Sinh"] = Math.Sinh,
        ["Atan"] = Math.Atan,
        ["Reciprocal"] = x => 1 / x,
        ["Elu"] = x => x > 0 ? x : x > -1e-4 ? x + (x * x / 2) + (x * x * x / 6) : Math.Exp(x) - 1,
        ["Round"] = x => Math.Round(x, MidpointRounding.ToEven),
    };

    public static TheoryData<string> Functions => [.. s_formulas.Keys];

    [Theory]
    [MemberData(nameof(Functions))]
    public void Floats_are_within_a_millionth(string op)
    {
        // magnitudes from 2^-40 to 2^6 of both signs, an odd number of them so that there is a tail
        float[] x = [.. Enumerable.Range(0, 4601).SelectMany(i => new[] { MathF.Pow(2, (i / 100f) - 40), -MathF.Pow(2, (i / 100f) - 40) }), 0.5f, -2.5f, 1.5f];
        Tensor y = DenseRun.Compute(new Node("n", op, ["x"], ["y"]), 22, [Tensor.Of(x, x.Length)])[0];
        for (int i = 0; i < x.Length; i++)
        {
            double want = s_formulas[op](x[i]);
            float have = y.As<float>()[i];
            double kink = op.StartsWith("Hard", StringComparison.Ordinal) ? 2e-7 : 1e-37; // theirs is where a float sum nears 0
            bool close = (double.IsNaN(want) && float.IsNaN(have)) || (float)want == have || Math.Abs(have - want) <= (1e-6 * Math.Abs(want)) + kink;
            Assert.True(close, $"{op}({x[i]:R}) is {want:R}, not {have:R}");
        }
    }

    // the series of the integral, all of whose terms are positive
    private static double Erf(double x) => Math.Abs(x) > 3 ? Math.Sign(x) * (1 - Erfc(Math.Abs(x))) : Math.Exp(-x * x) * 2 / Math.Sqrt(Math.PI) * Sum(x);

    private static double Sum(double x)
    {
        (double term, double sum) = (x, x);
        for (int n = 1; n < 100; n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }

        return sum;
    }

    // 1 - erf, from 1 on by the continued fraction of Laplace
    private static double Erfc(double x)
    {
        if (x < 1)
        {
            return 1 - Erf(x);
        }

        double fraction = 0;
        for (int n = 200; n > 0; n--)
        {
            fraction = n / 2.0 / (x + fraction);
        }

        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (x + fraction);
    }
}
