using Halftone.Samples.Train;

namespace Halftone.Training.Tests.Samples;

public sealed class BatchesTests
{
    [Fact]
    public void Pixels_are_normalized()
    {
        Assert.Equal(-0.2860f / 0.3530f, FashionMnist.Normalize(0), 1e-6f);
        Assert.Equal((1 - 0.2860f) / 0.3530f, FashionMnist.Normalize(255), 1e-6f);
    }

    [Fact]
    public void In_order_gives_each_image_once_the_last_batch_short()
    {
        ImageSet set = new(new byte[5 * FashionMnist.Pixels], [0, 1, 2, 3, 4]);
        Assert.Equal([[0, 1], [2, 3], [4]], Batches.InOrder(set, 2).Select(batch => batch.Labels));
    }

    [Fact]
    public void Augmentation_moves_by_at_most_two_pixels_and_mirrors()
    {
        // one white pixel at row 10, column 5; mirrored it is at column 22
        byte[] pixels = new byte[FashionMnist.Pixels];
        pixels[(10 * FashionMnist.Size) + 5] = 255;
        ImageSet set = new(pixels, [3]);
        Random random = new(1);
        HashSet<(int Row, int Column)> seen = [];
        for (int i = 0; i < 2000; i++)
        {
            float[] image = Batches.Augmented(set, 1, random).Single().Images;
            int at = Array.IndexOf(image, FashionMnist.Normalize(255));
            Assert.Equal(1, image.Count(value => value != FashionMnist.Normalize(0)));
            seen.Add((at / FashionMnist.Size, at % FashionMnist.Size));
        }

        // five rows, five columns about 5 and five about 22
        Assert.Equal(50, seen.Count);
        Assert.All(seen, place => Assert.True(place.Row is >= 8 and <= 12 && place.Column is (>= 3 and <= 7) or (>= 20 and <= 24)));
    }
}
