namespace Halftone.Samples.Train;

/// <summary>Labelled images of one byte a pixel.</summary>
/// <param name="Pixels">[count, 28, 28].</param>
/// <param name="Labels">[count], each below <see cref="FashionMnist.Classes"/>.</param>
internal sealed record ImageSet(byte[] Pixels, byte[] Labels)
{
    /// <summary>How many images there are.</summary>
    public int Count => Labels.Length;

    /// <summary>The bytes of one image.</summary>
    public ReadOnlySpan<byte> Image(int index) => Pixels.AsSpan(index * FashionMnist.Pixels, FashionMnist.Pixels);

    /// <summary>The images at the given places, in that order.</summary>
    public ImageSet Select(IReadOnlyList<int> indices)
        => new([.. indices.SelectMany(i => Image(i).ToArray())], [.. indices.Select(i => Labels[i])]);

    /// <summary>Writes the images and the labels as two files.</summary>
    public void Write(string folder, string name)
    {
        IdxFile.Write(Path.Combine(folder, $"{name}-images-idx3-ubyte.gz"), [Count, FashionMnist.Size, FashionMnist.Size], Pixels);
        IdxFile.Write(Path.Combine(folder, $"{name}-labels-idx1-ubyte.gz"), [Count], Labels);
    }
}

/// <summary>The data set Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747) and how the networks see it.</summary>
internal static class FashionMnist
{
    /// <summary>Where Debian's package dataset-fashion-mnist keeps the files.</summary>
    public const string DebianFolder = "/usr/share/datasets/fashion-mnist";

    /// <summary>The mean of all training pixels, of 0 to 1.</summary>
    public const float Mean = 0.2860f;

    /// <summary>The standard deviation of all training pixels, of 0 to 1.</summary>
    public const float Deviation = 0.3530f;

    /// <summary>Height and width.</summary>
    public const int Size = 28;

    /// <summary>Pixels of one image.</summary>
    public const int Pixels = Size * Size;

    /// <summary>How many classes there are.</summary>
    public const int Classes = 10;

    /// <summary>The classes' names, by label.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>What the network sees of a pixel: (x / 255 - mean) / deviation.</summary>
    public static float Normalize(byte pixel) => ((pixel / 255f) - Mean) / Deviation;

    /// <summary>The 60,000 training images.</summary>
    public static ImageSet Train(string folder) => Read(folder, "train");

    /// <summary>The 10,000 test images.</summary>
    public static ImageSet Test(string folder) => Read(folder, "t10k");

    private static ImageSet Read(string folder, string name)
    {
        string images = Path.Combine(folder, $"{name}-images-idx3-ubyte.gz");
        string labels = Path.Combine(folder, $"{name}-labels-idx1-ubyte.gz");
        foreach (string path in (string[])[images, labels])
        {
            if (!File.Exists(path))
            {
                throw new FileNotFoundException($"Fashion-MNIST is not here: {path} is missing. Install it (apt-get install dataset-fashion-mnist), or name its folder with --data.");
            }
        }

        (int[] dimensions, byte[] pixels) = IdxFile.Read(images, 3);
        (int[] count, byte[] classes) = IdxFile.Read(labels, 1);
        if (dimensions[0] != count[0] || dimensions[1] != Size || dimensions[2] != Size || classes.Any(label => label >= Classes))
        {
            throw new InvalidDataException($"{images} and {labels} do not fit together as images of {Size} by {Size} with labels below {Classes}.");
        }

        return new ImageSet(pixels, classes);
    }
}
