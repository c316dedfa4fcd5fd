namespace Halftone.Samples.Train;

/// <summary>Chooses the images that the repository carries.</summary>
internal static class Subsets
{
    /// <summary>Images for calibration: as many of each class as of any other (one more of some where it does not divide), chosen at random, in random order.</summary>
    public static ImageSet Balanced(ImageSet set, int count, int seed)
    {
        Random random = new(seed);
        int[] order = [.. Enumerable.Range(0, set.Count)];
        random.Shuffle(order);
        int[] chosen =
        [
            .. order.GroupBy(i => set.Labels[i])
                .OrderBy(group => group.Key)
                .SelectMany(group => group.Take((count / FashionMnist.Classes) + (group.Key < count % FashionMnist.Classes ? 1 : 0))),
        ];
        random.Shuffle(chosen);
        return chosen.Length == count
            ? set.Select(chosen)
            : throw new ArgumentException($"The set has too few images of some class for {count} balanced ones.");
    }

    /// <summary>The first images, in order.</summary>
    public static ImageSet First(ImageSet set, int count)
        => count <= set.Count ? set.Select([.. Enumerable.Range(0, count)]) : throw new ArgumentException($"The set has {set.Count} images, fewer than {count}.");
}
