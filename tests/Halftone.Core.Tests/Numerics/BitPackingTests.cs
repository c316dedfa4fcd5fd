using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class BitPackingTests
{
    [Fact]
    public void Codes_come_back_as_they_were() =>
        Gen.Select(Gen.Int[1, 16], Gen.Bool).SelectMany((bits, signed) =>
        {
            var grid = new IntegerGrid(bits, signed);
            return Gen.Int[grid.Min, grid.Max].Array[0, 40].Select(codes => (grid, codes));
        }).Sample((grid, codes) =>
        {
            byte[] packed = BitPacking.Pack(codes, grid.Bits);
            return packed.Length == ((codes.Length * grid.Bits) + 7) / 8
                && BitPacking.Unpack(packed, codes.Length, grid.Bits, grid.Signed).SequenceEqual(codes);
        });

    [Fact]
    public void Four_bits_put_the_first_code_in_the_low_nibble_as_ONNX_does() // DequantizeLinear of int4, raw 0x21 0x0F
    {
        Assert.Equal(new byte[] { 0x21, 0x0F }, BitPacking.Pack([1, 2, -1], 4));
        Assert.Equal([1, 2, -1], BitPacking.Unpack([0x21, 0x0F], 3, 4, signed: true));
    }

    [Fact]
    public void Two_bits_put_four_codes_in_a_byte() => Assert.Equal(new byte[] { 0b_11_10_01_00, 0b_01 }, BitPacking.Pack([0, 1, -2, -1, 1], 2));

    [Fact]
    public void Odd_widths_leave_no_gaps() => Assert.Equal(new byte[] { 0b_11_010_001, 0b_0_101_100_0 }, BitPacking.Pack([1, 2, 3, 4, 5], 3));

    [Fact]
    public void Refuses_codes_that_do_not_fit_and_bytes_that_are_missing()
    {
        Assert.Throws<ArgumentException>(() => BitPacking.Pack([16], 4));
        Assert.Throws<ArgumentException>(() => BitPacking.Pack([-9], 4));
        Assert.Throws<ArgumentException>(() => BitPacking.Unpack([0], 3, 4, signed: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => BitPacking.Pack([0], 17));
    }
}
