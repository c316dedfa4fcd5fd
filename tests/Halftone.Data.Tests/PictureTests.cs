using Halftone.Data.Pictures;
using Halftone.Onnx;
using SkiaSharp;

namespace Halftone.Data.Tests;

public sealed class PictureTests
{
    private static SKColor Known(int x, int y) => new((byte)(10 * x), (byte)(20 * y), 200);

    [Fact]
    public void PNG_pixels_come_in_the_order_and_layout_that_is_asked_for()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 4, 3, Known);
        float[] nchw = Read(folder.File("a.png"), Files.Input(null, 3, 3, 4), "none");
        float[] bgr = Read(folder.File("a.png"), Files.Input(null, 3, 3, 4), "none,bgr");
        float[] nhwc = Read(folder.File("a.png"), Files.Input(1, 3, 4, 3), "none,nhwc");
        for (int y = 0; y < 3; y++)
        {
            for (int x = 0; x < 4; x++)
            {
                float[] rgb = [10 * x, 20 * y, 200];
                for (int c = 0; c < 3; c++)
                {
                    Assert.Equal(rgb[c], nchw[(c * 12) + (y * 4) + x]);
                    Assert.Equal(rgb[2 - c], bgr[(c * 12) + (y * 4) + x]);
                    Assert.Equal(rgb[c], nhwc[(((y * 4) + x) * 3) + c]);
                }
            }
        }
    }

    [Fact]
    public void A_lossless_WebP_and_a_BMP_hold_the_same_pixels_as_a_PNG()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 8, 8, Known);
        using (var options = SKBitmap.Decode(folder.File("a.png")))
        using (SKPixmap pixels = options.PeekPixels()!)
        using (SKData webp = pixels.Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, 50))!)
        {
            File.WriteAllBytes(folder.File("a.webp"), webp.ToArray());
        }

        byte[] rows = [.. from y in Enumerable.Range(0, 8) from x in Enumerable.Range(0, 8) from v in new[] { 200, 20 * (7 - y), 10 * x } select (byte)v];
        File.WriteAllBytes(folder.File("a.bmp"), Files.Bmp(8, 8, rows));
        float[] png = Read(folder.File("a.png"), Files.Input(null, 3, 8, 8), "none");
        Assert.Equal(png, Read(folder.File("a.webp"), Files.Input(null, 3, 8, 8), "none"));
        Assert.Equal(png, Read(folder.File("a.bmp"), Files.Input(null, 3, 8, 8), "none"));
    }

    [Fact]
    public void A_JPEG_of_one_colour_keeps_it()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.jpg"), 16, 16, (_, _) => new SKColor(120, 60, 30), SKEncodedImageFormat.Jpeg);
        float[] values = Read(folder.File("a.jpg"), Files.Input(null, 3, 16, 16), "none");
        Assert.All(Enumerable.Range(0, values.Length), i => Assert.Equal(((float[])[120, 60, 30])[i / 256], values[i], 2f));
    }

    [Fact]
    public void Sixteen_bits_keep_more_than_eight()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.png"), Files.Png(3, 1, 16, 0, [0, 0x40, 0x00, 0x40, 0x80, 0xFF, 0xFF]));
        float[] values = Read(folder.File("a.png"), Files.Input(null, 1, 1, 3), "none");
        Assert.Equal(0x4000 / 257f, values[0], 0.1f);
        Assert.Equal(0x4080 / 257f, values[1], 0.1f);
        Assert.Equal(255, values[2], 0.1f);
        Assert.True(values[1] > values[0] + 0.3f);
        File.WriteAllBytes(folder.File("c.png"), Files.Png(1, 1, 16, 2, [0, 0x40, 0x00, 0x40, 0x80, 0xFF, 0xFF]));
        Assert.All(values.Zip(Read(folder.File("c.png"), Files.Input(null, 3, 1, 1), "none")), v => Assert.Equal(v.First, v.Second, 0.1f));
    }

    [Fact]
    public void Every_row_filter_of_a_grey_PNG_gives_back_the_values()
    {
        // rows of 2 pixels, both bytes of each: as section 9 of the standard defines none, sub, up, average and Paeth
        byte[] rows =
        [
            0, 10, 0, 20, 0, // 10, 20
            1, 5, 0, 5, 0, // 5, 10: each less its left
            2, 1, 0, 2, 0, // 6, 12: each less the one above
            3, 4, 0, 1, 0, // 7 = 4 + 6/2, 10 = 1 + floor((7 + 12) / 2)
            4, 3, 0, 2, 0, // 10 = 3 + above 7; 12 = 2 + Paeth(10, 10, 7) = 2 + 10
        ];
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.png"), Files.Png(2, 5, 16, 0, rows));
        float[] values = Read(folder.File("a.png"), Files.Input(null, 1, 5, 2), "none");
        float[] expected = [10, 20, 5, 10, 6, 12, 7, 10, 10, 12];
        Assert.All(expected.Zip(values), v => Assert.Equal(v.First * 256 / 257f, v.Second, 0.02f));
        byte[] whole = File.ReadAllBytes(folder.File("a.png"));
        File.WriteAllBytes(folder.File("cut.png"), whole[..^20]);
        Assert.Throws<DataException>(() => Read(folder.File("cut.png"), Files.Input(null, 1, 5, 2), "none"));
    }

    [Fact]
    public void Alpha_is_dropped_and_colours_stay()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.png"), Files.Png(2, 1, 8, 6, [0, 100, 150, 200, 255, 100, 150, 200, 128]));
        Assert.Equal([100, 100, 150, 150, 200, 200], Read(folder.File("a.png"), Files.Input(null, 3, 1, 2), "none"));
    }

    [Fact]
    public void Grey_fills_three_channels_and_colours_become_luma()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("g.png"), Files.Png(2, 1, 8, 0, [0, 7, 9]));
        File.WriteAllBytes(folder.File("c.png"), Files.Png(1, 1, 8, 2, [0, 100, 50, 10]));
        Assert.Equal([7, 9, 7, 9, 7, 9], Read(folder.File("g.png"), Files.Input(null, 3, 1, 2), "none"));
        Assert.Equal(29.9f + 29.35f + 1.14f, Assert.Single(Read(folder.File("c.png"), Files.Input(null, 1, 1, 1), "none")), 1e-4f);
    }

    [Fact]
    public void Presets_are_the_published_formulas()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("c.png"), Files.Png(1, 1, 8, 2, [0, 51, 102, 204]));
        float[] Of(string steps) => Read(folder.File("c.png"), Files.Input(null, 3, 1, 1), steps);
        Close([0.2f, 0.4f, 0.8f], Of("unit"));
        Close([(0.2f - 0.485f) / 0.229f, (0.4f - 0.456f) / 0.224f, (0.8f - 0.406f) / 0.225f], Of("imagenet"));
        Close([-0.6f, -0.2f, 0.6f], Of("minus-one-to-one"));
        Close([100, -15, -72], Of("caffe"));
    }

    [Fact]
    public void A_constant_image_stays_constant_at_any_size()
    {
        var picture = new Picture(13, 7, 1, 1, Enumerable.Repeat((byte)77, 91).ToArray());
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40]).Sample((h, w) =>
            Assert.All(Resampler.Resize(picture, (h, w), (0, 0, h, w)), v => Assert.Equal(77, v, 1e-3f)), iter: 200);
    }

    [Fact]
    public void Halving_weighs_one_three_three_one()
    {
        // the triangle of reach 2 at half pixels: 1/8, 3/8, 3/8, 1/8; at the rim what lies outside is left out
        var picture = new Picture(1, 6, 1, 1, (byte[])[0, 80, 160, 40, 8, 16]);
        float[] half = Resampler.Resize(picture, (1, 3), (0, 0, 1, 3));
        Close([((3 * 0) + (3 * 80) + 160) / 7f, (80 + (3 * 160) + (3 * 40) + 8) / 8f, (40 + (3 * 8) + (3 * 16)) / 7f], half);
    }

    [Fact]
    public void Enlarging_a_ramp_keeps_the_ramp_inside()
    {
        var picture = new Picture(1, 8, 1, 1, (byte[])[.. Enumerable.Range(0, 8).Select(i => (byte)(10 * i))]);
        float[] twice = Resampler.Resize(picture, (1, 16), (0, 0, 1, 16));
        Assert.All(Enumerable.Range(1, 14), i => Assert.Equal(10 * (((i + 0.5f) / 2) - 0.5f), twice[i], 1e-3f));
    }

    [Fact]
    public void A_window_is_a_part_of_the_whole()
    {
        var picture = new Picture(9, 11, 3, 3, (byte[])[.. Enumerable.Range(0, 297).Select(i => (byte)(i * 37))]);
        float[] whole = Resampler.Resize(picture, (6, 5), (0, 0, 6, 5));
        float[] part = Resampler.Resize(picture, (6, 5), (2, 1, 3, 4));
        for (int y = 0; y < 3; y++)
        {
            Assert.Equal(whole.AsSpan((((y + 2) * 5) + 1) * 3, 12).ToArray(), part.AsSpan(y * 12, 12).ToArray());
        }
    }

    [Fact]
    public void The_centre_is_cut_out_after_the_short_side_is_resized()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 12, 4, (x, _) => new SKColor((byte)(20 * x), 0, 0));
        float[] values = Read(folder.File("a.png"), Files.Input(null, 3, 4, 4), "none,short-side=4");
        Assert.Equal([80, 100, 120, 140], values[..4]);
    }

    [Fact]
    public void Fitting_the_height_pads_the_right_with_zeros_after_normalising()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 4, 4, (_, _) => new SKColor(255, 255, 255));
        float[] values = Read(folder.File("a.png"), Files.Input(null, 3, 2, 5), "minus-one-to-one,fit-height");
        Close([1, 1, 0, 0, 0, 1, 1, 0, 0, 0], values[..10]);
    }

    [Fact]
    public void Another_size_without_a_resize_rule_is_refused()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 4, 3, Known);
        var error = Assert.Throws<DataException>(() => Read(folder.File("a.png"), Files.Input(null, 3, 8, 8), "unit"));
        Assert.Contains("a.png' is 3 x 4", error.Message, StringComparison.Ordinal);
        Assert.Contains("takes 8 x 8", error.Message, StringComparison.Ordinal);
        Assert.Contains("stretch", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1,5,8,8", "5 channels")]
    [InlineData("4,3,8,8", "one by one")]
    [InlineData("1,2,3,8,8", "one by one")]
    public void An_input_that_takes_no_picture_is_named(string dims, string part)
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 8, 8, Known);
        long?[] lengths = [.. dims.Split(',').Select(d => (long?)int.Parse(d, System.Globalization.CultureInfo.InvariantCulture))];
        var error = Assert.Throws<DataException>(() => Read(folder.File("a.png"), Files.Input(lengths), "none"));
        Assert.Contains("'x'", error.Message, StringComparison.Ordinal);
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_huge_image_is_refused_by_its_head()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.png"), Files.Png(60000, 60000, 8, 2, new byte[100]));
        long before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<DataException>(() => Read(folder.File("a.png"), Files.Input(null, 3, 8, 8), "unit,stretch"));
        Assert.Contains("60000 x 60000", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void An_image_that_was_cut_off_is_named(double share)
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.jpg"), 64, 64, (x, y) => new SKColor((byte)(x * y), (byte)(x ^ y), 3), SKEncodedImageFormat.Jpeg);
        byte[] whole = File.ReadAllBytes(folder.File("a.jpg"));
        File.WriteAllBytes(folder.File("a.jpg"), whole[..(int)(whole.Length * share)]);
        var error = Assert.Throws<DataException>(() => Read(folder.File("a.jpg"), Files.Input(null, 3, 64, 64), "unit"));
        Assert.Contains("a.jpg", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_images_end_in_a_DataException_or_a_picture()
    {
        using var folder = new TemporaryFolder();
        Files.Image(folder.File("a.png"), 16, 16, Known);
        byte[] png = File.ReadAllBytes(folder.File("a.png"));
        byte[] grey = Files.Png(4, 4, 16, 0, new byte[36]);
        Gen.Select(Gen.Int[0, 1 << 20], Gen.Byte, Gen.Bool).Sample(
            (at, value, deep) =>
            {
                byte[] mutant = [.. deep ? grey : png];
                at %= mutant.Length;
                mutant[at] = value;
                File.WriteAllBytes(folder.File("m.png"), mutant);
                try
                {
                    Read(folder.File("m.png"), Files.Input(null, 3, 16, 16), "unit,stretch");
                }
                catch (DataException error)
                {
                    Assert.Contains("m.png", error.Message, StringComparison.Ordinal);
                }
            },
            iter: 500, threads: 1);
    }

    private static float[] Read(string path, ValueInfo input, string steps)
    {
        Tensor tensor = DataSets.Open(path, [input], new DataOptions { Preprocessing = Preprocessing.Parse(steps) }).Read(0).Inputs["x"];
        Assert.Null(InputShape.Misfit(input, tensor, path));
        return tensor.ToFloats();
    }

    private static void Close(float[] expected, float[] actual) => Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-4f));
}
