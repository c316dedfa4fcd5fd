using Halftone.Samples.Train;

namespace Halftone.Training.Tests.Samples;

public sealed class SubsetsTests
{
    [Fact]
    public void A_balanced_choice_is_balanced_distinct_and_repeatable()
        => Gen.Select(Gen.Int[0, 200], Gen.Int[0, 1000]).Sample(sample =>
        {
            (int count, int seed) = sample;
            ImageSet chosen = Subsets.Balanced(Numbered(), count, seed);
            Assert.Equal(count, chosen.Count);
            int[] counts = [.. Enumerable.Range(0, FashionMnist.Classes).Select(label => chosen.Labels.Count(l => l == label))];
            Assert.InRange(counts.Max() - counts.Min(), 0, 1);
            Assert.Equal(count, Enumerable.Range(0, count).Select(i => (chosen.Image(i)[0], chosen.Image(i)[1])).Distinct().Count());
            Assert.Equal(chosen.Pixels, Subsets.Balanced(Numbered(), count, seed).Pixels);
        },
        iter: 20);

    [Fact]
    public void More_than_there_are_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Subsets.Balanced(Numbered(), 301, seed: 1));
        Assert.Throws<ArgumentException>(() => Subsets.First(Numbered(), 301));
    }

    // 300 images, thirty of each class, whose first two pixels hold their number.
    private static ImageSet Numbered()
    {
        byte[] pixels = new byte[300 * FashionMnist.Pixels];
        for (int i = 0; i < 300; i++)
        {
            (pixels[i * FashionMnist.Pixels], pixels[(i * FashionMnist.Pixels) + 1]) = ((byte)(i % 256), (byte)(i / 256));
        }

        return new ImageSet(pixels, [.. Enumerable.Range(0, 300).Select(i => (byte)(i % FashionMnist.Classes))]);
    }
}
