using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class AffineSpanTests
{
    private static readonly Gen<float> s_any = Gen.Frequency(
        (20, Generators.Value), (1, Gen.Const(float.NaN)), (1, Gen.Const(float.PositiveInfinity)), (1, Gen.Const(float.NegativeInfinity)));

    private static readonly Gen<(IntegerGrid Codes, AffineParameters Parameters)> s_map =
        Gen.Select(Generators.Codes, Gen.Double[-9, 1], Gen.Double[0, 9], Gen.Bool, (codes, a, b, symmetric) =>
            (codes, AffineParameters.FromRange(Math.Min(a, b), b, codes, symmetric)));

    [Fact]
    public void Many_values_get_the_same_bits_as_one_at_a_time() =>
        Gen.Select(s_any.Array[0, 70], s_map).Sample((values, map) =>
        {
            (IntegerGrid codes, AffineParameters p) = map;
            int[] expected = [.. values.Select(x => p.Quantize(x, codes))];
            var actual = new int[values.Length];
            AffineSpan.Quantize(values, p, codes, actual);
            var around = new float[values.Length];
            AffineSpan.RoundTrip(values, p, codes, around);
            var back = new float[values.Length];
            AffineSpan.Dequantize(actual, p, back);
            int[] expectedBits = [.. expected.Select(q => BitConverter.SingleToInt32Bits(p.Dequantize(q)))];
            return actual.SequenceEqual(expected)
                && around.Select(BitConverter.SingleToInt32Bits).SequenceEqual(expectedBits)
                && back.Select(BitConverter.SingleToInt32Bits).SequenceEqual(expectedBits);
        });

    [Fact]
    public void Bytes_hold_the_same_codes()
    {
        float[] values = Generators.Normal(1500, seed: 1);
        var p = AffineParameters.FromRange(-2, 3, IntegerGrid.UInt8, symmetric: false);
        var bytes = new byte[values.Length];
        AffineSpan.Quantize(values, p, IntegerGrid.UInt8, bytes);
        Assert.Equal(values.Select(x => (byte)p.Quantize(x, IntegerGrid.UInt8)), bytes);

        var signed = AffineParameters.FromRange(-2, 3, IntegerGrid.Int8, symmetric: true);
        var sbytes = new sbyte[values.Length];
        AffineSpan.Quantize(values, signed, IntegerGrid.Int8, sbytes);
        Assert.Equal(values.Select(x => (sbyte)signed.Quantize(x, IntegerGrid.Int8)), sbytes);
    }

    [Fact]
    public void The_squared_error_is_the_sum_of_the_squares() =>
        Gen.Select(Gen.Float[-9, 9].Array[0, 70], s_map).Sample((values, map) =>
        {
            double expected = values.Sum(x => Math.Pow((double)x - map.Parameters.Dequantize(map.Parameters.Quantize(x, map.Codes)), 2));
            return Math.Abs(expected - AffineSpan.SquaredError(values, map.Parameters, map.Codes)) <= 1e-12 * (1 + expected);
        });

    [Fact]
    public void Refuses_spans_of_two_lengths() =>
        Assert.Throws<ArgumentException>(() => AffineSpan.Quantize(new float[3], new(1, 0), IntegerGrid.Int8, new int[2]));
}
