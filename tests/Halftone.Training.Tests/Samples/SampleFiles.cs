using Halftone.Samples.Train;

namespace Halftone.Training.Tests.Samples;

/// <summary>The samples that the repository carries.</summary>
internal static class SampleFiles
{
    public static ImageSet Test => Read("test");

    public static ImageSet Calibration => Read("calib");

    public static string Folder => Paths.InRepository("samples");

    private static ImageSet Read(string name)
    {
        string stem = Path.Combine(Folder, "fashion-mnist", name);
        return new ImageSet(IdxFile.Read($"{stem}-images-idx3-ubyte.gz", 3).Elements, IdxFile.Read($"{stem}-labels-idx1-ubyte.gz", 1).Elements);
    }
}
