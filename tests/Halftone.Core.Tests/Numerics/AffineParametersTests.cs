using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class AffineParametersTests
{
    private static readonly Gen<(double Min, double Max)> s_range =
        Gen.Select(Gen.Double[-100, 100], Gen.Double[-100, 100], (a, b) => (Math.Min(a, b), Math.Max(a, b)));

    [Fact]
    public void Zero_is_kept_exactly_in_every_range() =>
        Gen.Select(s_range, Generators.Codes, Gen.Bool).Sample((range, codes, symmetric) =>
        {
            var p = AffineParameters.FromRange(range.Min, range.Max, codes, symmetric);
            return p.ZeroPoint >= codes.Min && p.ZeroPoint <= codes.Max && p.Dequantize(p.Quantize(0, codes)) == 0;
        });

    [Fact]
    public void Errs_at_most_half_a_step_inside_the_codes() =>
        Gen.Select(s_range, Generators.Codes, Gen.Double[0, 1]).Sample((range, codes, share) =>
        {
            var p = AffineParameters.FromRange(range.Min, range.Max, codes, symmetric: false);
            float x = (float)((share * p.Dequantize(codes.Min)) + ((1 - share) * p.Dequantize(codes.Max)));
            return Math.Abs((double)x - p.Dequantize(p.Quantize(x, codes))) <= (0.5 + 1e-6) * p.Scale * (1 + (codes.Levels * 1e-7));
        });

    [Fact]
    public void Codes_come_back_as_they_were() =>
        Gen.Select(s_range, Generators.Codes, Gen.Bool).Sample((range, codes, symmetric) =>
        {
            var p = AffineParameters.FromRange(range.Min, range.Max, codes, symmetric);
            return Enumerable.Range(codes.Min, codes.Levels).All(q => p.Quantize(p.Dequantize(q), codes) == q);
        }, iter: 50);

    [Fact]
    public void Larger_values_never_get_smaller_codes() =>
        Gen.Select(s_range, Generators.Codes, Generators.Value, Generators.Value).Sample((range, codes, a, b) =>
        {
            var p = AffineParameters.FromRange(range.Min, range.Max, codes, symmetric: false);
            return p.Quantize(Math.Min(a, b), codes) <= p.Quantize(Math.Max(a, b), codes);
        });

    [Fact]
    public void A_symmetric_narrow_grid_is_odd_and_a_full_one_is_not()
    {
        Gen.Select(Gen.Int[2, 16], Generators.Value).Sample((bits, x) =>
        {
            IntegerGrid codes = new IntegerGrid(bits, signed: true).Narrow;
            var p = AffineParameters.FromRange(-1, 1, codes, symmetric: true);
            return p.Quantize(-x, codes) == -p.Quantize(x, codes);
        });

        var full = AffineParameters.FromRange(-1, 1, IntegerGrid.Int8, symmetric: true);
        Assert.NotEqual(-full.Quantize(2, IntegerGrid.Int8), full.Quantize(-2, IntegerGrid.Int8));
    }

    // ONNX Runtime 1.31.1, QuantizeLinear
    [Theory]
    [InlineData(0, new[] { 0, 2, 2, 4, 0, 0, 254, 255, 255, 0 })]
    [InlineData(1, new[] { 1, 3, 3, 5, 1, 0, 255, 255, 255, 0 })]
    public void Rounds_before_it_adds_the_zero_point(int zeroPoint, int[] expected)
    {
        float[] values = [.5f, 1.5f, 2.5f, 3.5f, -.5f, -1.5f, 254.5f, 255.5f, 300, -3];
        Assert.Equal(expected, values.Select(x => new AffineParameters(1, zeroPoint).Quantize(x, IntegerGrid.UInt8)));
    }

    [Fact]
    public void Divides_by_the_scale_as_ONNX_Runtime_does() => // a product with the reciprocal gives 128
        Assert.Equal(127, new AffineParameters(0.00214854861f, 0).Quantize(0.273939937f, IntegerGrid.UInt8));

    // ONNX Runtime 1.31.1, DynamicQuantizeLinear
    [Theory]
    [InlineData(new[] { 0f, 2, -3, -2.5f, 1.34f, .5f }, new[] { 153, 255, 0, 26, 221, 179 }, 0.019607844f, 153)]
    [InlineData(new[] { 1f, 2.1f, 1.3f, 2.5f, 3.34f, 4 }, new[] { 64, 134, 83, 159, 213, 255 }, 0.015686275f, 0)]
    public void Makes_scale_and_zero_point_as_DynamicQuantizeLinear_does(float[] values, int[] codes, float scale, int zeroPoint)
    {
        var p = AffineParameters.FromRange(values.Min(), values.Max(), IntegerGrid.UInt8, symmetric: false);
        Assert.Equal(new AffineParameters(scale, zeroPoint), p);
        Assert.Equal(codes, values.Select(x => p.Quantize(x, IntegerGrid.UInt8)));
    }

    // PyTorch observers
    [Theory]
    [InlineData(-1, 3, false, false, 0.015686275f, 64)]
    [InlineData(0.5, 2, false, false, 2 / 255f, 0)]
    [InlineData(-1, 3, true, true, 3 / 127.5f, 0)]
    [InlineData(-1, 3, false, true, 3 / 127.5f, 128)]
    public void Makes_scale_and_zero_point_as_PyTorch_does(double min, double max, bool signed, bool symmetric, float scale, int zeroPoint) =>
        Assert.Equal(new AffineParameters(scale, zeroPoint), AffineParameters.FromRange(min, max, new(8, signed), symmetric));

    [Fact]
    public void The_middle_of_unsigned_codes_is_half_of_the_type_at_every_width() =>
        Assert.All(Enumerable.Range(1, 16), bits =>
            Assert.Equal(1 << (bits - 1), AffineParameters.FromRange(-1, 1, new(bits, signed: false), symmetric: true).ZeroPoint));

    // ONNX Runtime's compute_scale_zp: below the smallest normal float a scale is 1 and the zero point the code of 0 that is nearest the range
    [Theory]
    [InlineData(0, 1e-38, 1f)]
    [InlineData(-1e-40, 1e-40, 1f)]
    [InlineData(0, 3.0e-36, 3.0e-36f / 255)]
    public void Ranges_too_small_for_a_normal_scale_get_scale_one(double min, double max, float scale) =>
        Assert.Equal(scale, AffineParameters.FromRange(min, max, IntegerGrid.UInt8, symmetric: false).Scale);

    [Fact]
    public void Narrower_codes_shape_the_scale() // restricted and reduced ranges: steps of the codes in use
    {
        Assert.Equal(1 / 127f, AffineParameters.FromRange(-1, 1, IntegerGrid.Int8.Narrow, symmetric: true).Scale);
        Assert.Equal(2 / 127f, AffineParameters.FromRange(-1, 1, IntegerGrid.UInt8.Reduced, symmetric: false).Scale);
        Assert.Equal((0, 127), (IntegerGrid.UInt8.Reduced.Min, IntegerGrid.UInt8.Reduced.Max));
        Assert.Equal((-64, 63), (IntegerGrid.Int8.Reduced.Min, IntegerGrid.Int8.Reduced.Max));
    }

    [Fact]
    public void Zeros_get_scale_one() =>
        Assert.Equal(new AffineParameters(1, 0), AffineParameters.FromRange(0, 0, IntegerGrid.UInt8, symmetric: false));

    [Fact]
    public void Refuses_what_is_no_range()
    {
        Assert.Throws<ArgumentException>(() => AffineParameters.FromRange(1, -1, IntegerGrid.Int8, symmetric: false));
        Assert.Throws<ArgumentException>(() => AffineParameters.FromRange(double.NaN, 1, IntegerGrid.Int8, symmetric: false));
        Assert.Throws<ArgumentException>(() => AffineParameters.FromRange(0, double.PositiveInfinity, IntegerGrid.Int8, symmetric: false));
    }
}
