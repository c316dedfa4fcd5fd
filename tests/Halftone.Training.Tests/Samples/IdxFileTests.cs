using System.IO.Compression;
using Halftone.Samples.Train;

namespace Halftone.Training.Tests.Samples;

public sealed class IdxFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read()
        => Gen.Select(Gen.Int[0, 5], Gen.Int[1, 7], Gen.Int[1, 7])
            .SelectMany(sizes => Gen.Byte.Array[sizes.Item1 * sizes.Item2 * sizes.Item3], (sizes, bytes) => (sizes, bytes))
            .Sample(
                sample =>
                {
                    int[] dimensions = [sample.sizes.Item1, sample.sizes.Item2, sample.sizes.Item3];
                    string path = _folder.File($"{Guid.NewGuid():N}.gz");
                    IdxFile.Write(path, dimensions, sample.bytes);
                    (int[] readDimensions, byte[] elements) = IdxFile.Read(path, 3);
                    Assert.Equal(dimensions, readDimensions);
                    Assert.Equal(sample.bytes, elements);
                });

    [Theory]
    [InlineData(new byte[] { 0, 0, 8, 1, 0, 0, 0, 9, 1, 2 }, "cut short")]
    [InlineData(new byte[] { 0, 0, 8 }, "cut short")]
    [InlineData(new byte[] { 0, 0, 9, 1, 0, 0, 0, 1, 1 }, "not an IDX file")]
    [InlineData(new byte[] { 0, 0, 8, 1, 0x7f, 0xff, 0xff, 0xff, 1 }, "more than this program reads")]
    [InlineData(new byte[] { 0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff, 1 }, "more than this program reads")]
    public void A_damaged_file_is_refused_by_name(byte[] content, string reason)
    {
        string path = _folder.File("x.gz");
        using (GZipStream stream = new(File.Create(path), CompressionLevel.Fastest))
        {
            stream.Write(content);
        }

        InvalidDataException e = Assert.Throws<InvalidDataException>(() => IdxFile.Read(path, 1));
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_data_set_is_told_with_its_cure()
    {
        FileNotFoundException e = Assert.Throws<FileNotFoundException>(() => FashionMnist.Train(_folder.Path));
        Assert.Contains("apt-get install dataset-fashion-mnist", e.Message, StringComparison.Ordinal);
    }
}
