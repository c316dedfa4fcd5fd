using System.Numerics;

namespace Halftone.Engine.Kernels;

public sealed class FixedPointTests
{
    private const int Range = 200000;

    [Fact]
    public void Doubling_high_multiply()
    {
        Assert.Equal(int.MaxValue, FixedPoint.DoublingHighMultiply(int.MinValue, int.MinValue));
        Assert.Equal(1, FixedPoint.DoublingHighMultiply(1 << 30, 1));
        Assert.Equal(0, FixedPoint.DoublingHighMultiply(-1 << 30, 1));
        Assert.Equal(-1, FixedPoint.DoublingHighMultiply(-1073741825, 1));
        // gemmlowp's own wording of it: a nudge away from zero, then truncation
        Gen.Select(Ints, Ints).Sample((a, b) =>
        {
            BigInteger product = (BigInteger)a * b;
            BigInteger truncated = BigInteger.Divide(product + (product >= 0 ? 1 << 30 : 1 - (1 << 30)), BigInteger.One << 31);
            return FixedPoint.DoublingHighMultiply(a, b) == (int)BigInteger.Min(int.MaxValue, truncated);
        });
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(5, 1)]
    [InlineData(6, 2)]
    [InlineData(-1, 0)]
    [InlineData(-2, -1)]
    [InlineData(-3, -1)]
    [InlineData(-5, -1)]
    [InlineData(-6, -2)]
    [InlineData(-7, -2)]
    public void Rounding_shift_by_two_bits(int value, int expected) => Assert.Equal(expected, FixedPoint.RoundingShift(value, 2));

    [Fact]
    public void Rounding_shift_takes_ties_away_from_zero() =>
        Gen.Select(Ints, Gen.Int[0, 31]).Sample((value, shift) => FixedPoint.RoundingShift(value, shift) == ExactEpilogue.HalfAway(value, shift));

    [Fact]
    public void Every_form_equals_exact_arithmetic() =>
        Gen.Select(Gen.Enum<FixedPointForm>(), Ints, Ints.Where(m => m >= 0), Gen.Int[-31, 30]).Sample((form, sum, multiplier, exponent) =>
        {
            exponent = form == FixedPointForm.Q31 ? Math.Min(exponent, 0) : exponent;
            return FixedPoint.Multiply(form, sum, multiplier, exponent) == ExactEpilogue.Fixed(form, sum, multiplier, exponent);
        });

    /// <summary>Scales, sums, and what gemmlowp, TensorFlow Lite's single rounding, QNNPACK and FBGEMM's floats make of them.</summary>
    [Theory]
    [InlineData(0.5, -199999, -99999, -99999, -99999, -100000)]
    [InlineData(0.25, -199998, -50000, -49999, -50000, -50000)]
    [InlineData(0.25, -199994, -49999, -49998, -49999, -49998)]
    [InlineData(0.0123456789, -199948, -2469, -2468, -2469, -2468)]
    [InlineData(0.3, -199998, -60000, -59999, -60000, -59999)]
    [InlineData(0.3, 199998, 60000, 59999, 60000, 59999)]
    [InlineData(0.75, -199994, -149995, -149995, -149995, -149996)]
    public void Engines_round_differently(double scale, int sum, int gemmlowp, int single, int qnnpack, int floats)
    {
        (int m, int x) = FixedPoint.FromScale(scale);
        Assert.Equal(gemmlowp, FixedPoint.DoubleRounding(sum, m, x));
        Assert.Equal(single, FixedPoint.SingleRounding(sum, m, x));
        (int mq, int xq) = FixedPoint.FromQ31Scale((float)scale);
        Assert.Equal(qnnpack, FixedPoint.Q31(sum, mq, xq));
        Assert.Equal(floats, MathF.Round(sum * (float)scale));
    }

    /// <summary>How many of the sums from -200000 to 200000 come out differently from gemmlowp.</summary>
    [Theory]
    [InlineData(0.3, 80000, 0, 90936)]
    [InlineData(0.0123456789, 4938, 0, 4938)]
    [InlineData(0.5, 0, 0, 100000)]
    public void Differences_from_gemmlowp(double scale, int single, int qnnpack, int floats)
    {
        (int m, int x) = FixedPoint.FromScale(scale);
        (int mq, int xq) = FixedPoint.FromQ31Scale((float)scale);
        int[] counts = new int[3];
        for (int sum = -Range; sum <= Range; sum++)
        {
            int gemmlowp = FixedPoint.DoubleRounding(sum, m, x);
            counts[0] += FixedPoint.SingleRounding(sum, m, x) == gemmlowp ? 0 : 1;
            counts[1] += FixedPoint.Q31(sum, mq, xq) == gemmlowp ? 0 : 1;
            counts[2] += (int)MathF.Round(sum * (float)scale) == gemmlowp ? 0 : 1;
        }

        Assert.Equal([single, qnnpack, floats], counts);
    }

    /// <summary>TensorFlow issue 25087.</summary>
    [Fact]
    public void A_sum_that_two_roundings_lift_by_one()
    {
        Assert.Equal(12, FixedPoint.DoubleRounding(7984, 1583594044, -9));
        Assert.Equal(11, FixedPoint.SingleRounding(7984, 1583594044, -9));
    }

    [Theory]
    [InlineData(0.5, 1 << 30, 0)]
    [InlineData(0.25, 1 << 30, -1)]
    [InlineData(0.0123456789, 1696777188, -6)]
    [InlineData(0.3, 1288490189, -1)]
    [InlineData(0.75, 1610612736, 0)]
    [InlineData(1, 1 << 30, 1)]
    [InlineData(536870912, 1 << 30, 30)]
    [InlineData(0, 0, 0)]
    [InlineData(0.99999999999, 1 << 30, 1)] // rounds to 2^31, which becomes 2^30
    [InlineData(2.3283064365386963e-10, 1 << 30, -31)] // 2^-32
    [InlineData(2.328306435e-10, 0, 0)] // below
    public void Multipliers_of_scales(double scale, int multiplier, int exponent) => Assert.Equal((multiplier, exponent), FixedPoint.FromScale(scale));

    [Theory]
    [InlineData(0.0123456789f, 1696777216, -6)]
    [InlineData(0.3f, 1288490240, -1)]
    [InlineData(0.5f, 1 << 30, 0)]
    [InlineData(0.99999994f, int.MaxValue - 127, 0)]
    [InlineData(2.3283064365386963e-10f, 1 << 30, -31)]
    public void Multipliers_off_the_bits_of_floats(float scale, int multiplier, int exponent) => Assert.Equal((multiplier, exponent), FixedPoint.FromQ31Scale(scale));

    /// <summary>FBGEMM halves or doubles the scale until it lies in [0.5, 1).</summary>
    [Fact]
    public void Multipliers_of_Fbgemm_are_the_scale() => Gen.Double[-31.9, 29.9].Sample(log =>
    {
        float scale = (float)Math.Pow(2, log);
        double normal = scale;
        int shift = 31;
        for (; normal < 0.5; normal *= 2)
        {
            shift++;
        }

        for (; normal >= 1; normal /= 2)
        {
            shift--;
        }

        (int multiplier, int exponent) = FixedPoint.FromFbgemmScale(scale);
        return multiplier == normal * (1L << 31) && exponent == 31 - shift && Math.ScaleB(multiplier, exponent - 31) == scale;
    });

    [Theory]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1073741824.0)]
    public void Scales_that_no_multiplier_holds(double scale) => Assert.Throws<ArgumentOutOfRangeException>(() => FixedPoint.FromScale(scale));

    [Theory]
    [InlineData(1f)]
    [InlineData(1.5f)]
    [InlineData(2.3e-10f)]
    [InlineData(0f)]
    [InlineData(-0.5f)]
    [InlineData(float.NaN)]
    public void Scales_that_Qnnpack_refuses(float scale) => Assert.Throws<ArgumentOutOfRangeException>(() => FixedPoint.FromQ31Scale(scale));

    /// <summary>The example of gemmlowp's documentation: two float matrices, quantized, multiplied, and quantized.</summary>
    [Fact]
    public unsafe void The_sample_of_gemmlowp()
    {
        int[,] left = { { 208, 236, 0, 238 }, { 3, 214, 255, 29 } };
        int[,] right = { { 152, 51, 244 }, { 60, 26, 255 }, { 0, 127, 246 }, { 127, 254, 247 } };
        int[,] expected = { { 168, 115, 255 }, { 0, 66, 151 } };
        (int multiplier, int exponent) = FixedPoint.FromScale(0.0066 * 0.00705 / 0.0107);
        var epilogue = new FixedPointRequantize(FixedPointForm.DoubleRounding, [multiplier], [exponent], 118);
        for (int i = 0; i < 2; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                int sum = 0;
                for (int k = 0; k < 4; k++)
                {
                    sum += (left[i, k] - 113) * (right[k, j] - 114);
                }

                byte code;
                ScalarEpilogue.Store(epilogue, sum, 0, &code);
                // the scales are known to three digits
                Assert.InRange(code, expected[i, j] - 1, expected[i, j] + 1);
            }
        }
    }

    /// <summary>Beyond 32 bits the float form saturates, and what is not a number is the least code.</summary>
    [Theory]
    [InlineData(100, 1e38f, 250)]
    [InlineData(-100, 1e38f, 5)]
    [InlineData(3, float.PositiveInfinity, 250)]
    [InlineData(0, float.PositiveInfinity, 5)]
    [InlineData(7, float.NaN, 5)]
    [InlineData(-5, 0.5f, 98)]
    [InlineData(5, 0.5f, 102)]
    [InlineData(7, 0.5f, 104)]
    public unsafe void Float_requantization_at_its_ends(int sum, float scale, byte expected)
    {
        byte code;
        ScalarEpilogue.Store(new FloatRequantize([scale], 100, 5, 250), sum, 0, &code);
        Assert.Equal(expected, code);
    }

    /// <summary>Integers of all magnitudes, and those at the ends.</summary>
    private static Gen<int> Ints { get; } = Gen.Frequency(
        (6, Gen.Select(Gen.Int, Gen.Int[0, 31], (v, shift) => v >> shift)),
        (1, Gen.OneOf(new int[] { int.MinValue, int.MinValue + 1, int.MaxValue, -1 << 30, 1 << 30, 0 }.Select(v => Gen.Const(v)).ToArray<IGen<int>>())));
}
