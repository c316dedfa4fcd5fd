using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Tests.Pointwise;

public sealed unsafe class LayoutTests
{
    private static readonly Gen<(int Channels, int Width, int Height, int Border, int Seed)> s_shape =
        Gen.Select(Gen.OneOf(Gen.Int[1, 4], Gen.Int[1, 130]), Gen.Int[1, 40], Gen.Int[1, 6], Gen.Int[0, 2], Gen.Int[0, 1000]);

    [Fact]
    public void Planes_become_pixels_and_planes_again() => s_shape.Sample(
        s =>
        {
            var random = new Random(s.Seed);
            using var planes = new GuardedMemory(s.Channels * s.Width * s.Height);
            using var back = new GuardedMemory(planes.Length);
            random.NextBytes(planes.Span);
            using var image = new TestImage(s.Height, s.Width, s.Channels, s.Border, random);
            int split = random.Next(s.Height + 1);
            LayoutChange.NchwToNhwc(planes.Start, image.Origin, image.Layout, 0, split);
            LayoutChange.NchwToNhwc(planes.Start, image.Origin, image.Layout, split, s.Height);
            Assert.Equal(planes.Span.ToArray(), image.Planes);
            image.AssertBorderUntouched();
            LayoutChange.NhwcToNchw(image.Origin, image.Layout, back.Start, 0, split);
            LayoutChange.NhwcToNchw(image.Origin, image.Layout, back.Start, split, s.Height);
            Assert.Equal(planes.Span.ToArray(), back.Span.ToArray());
        },
        iter: 400);

    [Fact]
    public void Rows_are_copied_from_pitch_to_pitch() =>
        Gen.Select(Gen.OneOf(Gen.Int[0, 130], Gen.Int[500, 700]), Gen.Int[1, 12], Gen.Int[0, 70], Gen.Int[0, 70], Gen.Bool, Gen.Int[0, 1000]).Sample(
            (bytes, rows, xGap, yGap, mapped, seed) =>
            {
                var random = new Random(seed);
                using var x = new GuardedMemory(((rows - 1) * (bytes + xGap)) + bytes);
                using var y = new GuardedMemory(((rows - 1) * (bytes + yGap)) + bytes);
                using var table = new GuardedMemory(256);
                random.NextBytes(x.Span);
                random.NextBytes(y.Span);
                random.NextBytes(table.Span);
                byte[] expected = y.Span.ToArray();
                for (int row = 0; row < rows; row++)
                {
                    for (int i = 0; i < bytes; i++)
                    {
                        byte code = x.Span[(row * (bytes + xGap)) + i];
                        expected[(row * (bytes + yGap)) + i] = mapped ? table.Span[code] : code;
                    }
                }

                LayoutChange.CopyRows(x.Start, bytes + xGap, y.Start, bytes + yGap, bytes, rows, mapped ? table.Start : null);
                Assert.Equal(expected, y.Span.ToArray());
            });

    [Fact]
    public void A_border_is_filled_and_nothing_else() =>
        Gen.Select(s_shape, Gen.Int[0, 2].Array[4], Gen.Byte).Sample((s, sides, value) =>
        {
            using var image = new TestImage(s.Height, s.Width, s.Channels, 2, new Random(s.Seed));
            byte[] expected = image.Bytes.ToArray();
            for (int y = -sides[0]; y < s.Height + sides[2]; y++)
            {
                for (int x = -sides[1]; x < s.Width + sides[3]; x++)
                {
                    bool real = y >= 0 && y < s.Height && x >= 0 && x < s.Width;
                    for (int c = 0; c < s.Channels && !real; c++)
                    {
                        expected[((y + 2) * image.Layout.RowPitch) + ((x + 2) * s.Channels) + c] = value;
                    }
                }
            }

            LayoutChange.FillBorder(image.Origin, image.Layout, sides[0], sides[1], sides[2], sides[3], value);
            Assert.Equal(expected, image.Bytes.ToArray());
        });

    [Fact]
    public void Signed_codes_become_unsigned() => Gen.Byte.Array[0, 300].Sample(bytes =>
    {
        using GuardedMemory x = GuardedMemory.Of(bytes);
        LayoutChange.XorBytes(x.Start, x.Start, bytes.Length, 0x80);
        Assert.Equal([.. bytes.Select(b => (byte)((sbyte)b + 128))], x.Span.ToArray());
    });
}
