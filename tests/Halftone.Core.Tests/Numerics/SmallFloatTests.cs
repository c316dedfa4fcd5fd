using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class SmallFloatTests
{
    public static TheoryData<string> Types => [.. s_types.Select(t => t.ToString())];

    private static readonly SmallFloat[] s_types =
        [SmallFloat.Float16, SmallFloat.BFloat16, SmallFloat.Float8E4M3FN, SmallFloat.Float8E5M2, SmallFloat.Float4E2M1, new(3, 2, SpecialValues.None), new(2, 3, SpecialValues.None)];

    [Theory, MemberData(nameof(Types))]
    public void Every_code_comes_back_as_it_was(string name)
    {
        SmallFloat type = s_types.Single(t => t.ToString() == name);
        for (int code = 0; code < 1 << type.Bits; code++)
        {
            float value = type.Decode(code);
            Assert.True(float.IsNaN(value) ? float.IsNaN(type.Decode(type.Encode(value, saturate: false))) : type.Encode(value, saturate: false) == code);
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Gives_the_nearest_number_and_the_even_one_of_two(string name)
    {
        SmallFloat type = s_types.Single(t => t.ToString() == name);
        (int Code, double Value)[] all =
            [.. Enumerable.Range(0, 1 << (type.Bits - 1)).Select(c => (c, (double)type.Decode(c))).Where(n => double.IsFinite(n.Item2))];
        double[] values = [.. all.Select(n => n.Value)];
        Gen.Select(Gen.Double[0, 1], Gen.Int[0, 4]).Sample((share, kind) =>
        {
            int at = (int)(share * (all.Length - 1));
            double exact = values[at] + ((at + 1 < all.Length ? values[at + 1] - values[at] : 0) * kind / 4);
            float x = (float)exact;
            int near = Array.BinarySearch(values, x) is int found && found >= 0 ? found : ~found - 1;
            int expected = near + 1 == all.Length ? near : (x - values[near]).CompareTo(values[near + 1] - x) switch
            {
                < 0 => near,
                > 0 => near + 1,
                _ => near % 2 == 0 ? near : near + 1,
            };
            return type.Encode(x) == all[expected].Code && type.Encode(-x) == (all[expected].Code | (1 << (type.Bits - 1)));
        });
    }

    [Fact]
    public void Half_precision_is_that_of_the_framework() =>
        Gen.Frequency((3, Generators.Value), (1, Gen.Float)).Sample(x => float.IsNaN(x)
            || SmallFloat.Float16.Encode(x, saturate: false) == BitConverter.HalfToUInt16Bits((Half)x));

    // ONNX Runtime 1.31.1, QuantizeLinear to float8 with scale 1
    [Fact]
    public void E4M3FN_overflows_as_ONNX_says()
    {
        float[] values = [448, 464, 465, 1000, float.PositiveInfinity, 0.001953125f, 0.0009765625f, 3 * 0.00048828125f];
        Assert.Equal([448, 448, 448, 448, 448, .001953125f, 0, .001953125f], values.Select(x => SmallFloat.Float8E4M3FN.Round(x)));
        Assert.Equal(
            [448, 448, float.NaN, float.NaN, float.NaN, .001953125f, 0, .001953125f],
            values.Select(x => SmallFloat.Float8E4M3FN.Round(x, saturate: false)));
    }

    [Fact]
    public void E5M2_overflows_as_ONNX_says()
    {
        float[] values = [57344, 61439, 61440, 1e6f, -1e9f, float.PositiveInfinity];
        Assert.Equal([57344, 57344, 57344, 57344, -57344, 57344], values.Select(x => SmallFloat.Float8E5M2.Round(x)));
        Assert.Equal(
            [57344, 57344, float.PositiveInfinity, float.PositiveInfinity, float.NegativeInfinity, float.PositiveInfinity],
            values.Select(x => SmallFloat.Float8E5M2.Round(x, saturate: false)));
    }

    [Fact]
    public void E2M1_ties_go_to_the_even_code() => Assert.Equal(
        [0, 1, 1, 2, 2, 4, 4, 6], new[] { .25f, .75f, 1.25f, 1.75f, 2.5f, 3.5f, 5, 100 }.Select(x => SmallFloat.Float4E2M1.Round(x)));

    [Fact]
    public void The_bounds_are_those_of_the_types()
    {
        Assert.Equal(65504, SmallFloat.Float16.Largest);
        Assert.Equal(448, SmallFloat.Float8E4M3FN.Largest);
        Assert.Equal(57344, SmallFloat.Float8E5M2.Largest);
        Assert.Equal([8, 15, 2], [SmallFloat.Float8E4M3FN.LargestExponent, SmallFloat.Float8E5M2.LargestExponent, SmallFloat.Float4E2M1.LargestExponent]);
        Assert.Throws<ArgumentException>(() => SmallFloat.Float4E2M1.Encode(float.NaN));
    }
}
