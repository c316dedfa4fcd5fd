using Halftone.Onnx;

namespace Halftone.Data.Tests;

public sealed class HostileTests
{
    private static readonly ValueInfo s_digit = Files.Input(null, 1, 28, 28);

    [Fact]
    public void Gzip_that_was_cut_off_is_named()
    {
        using var folder = new TemporaryFolder();
        byte[] noise = new byte[10 * 784];
        new Random(1).NextBytes(noise);
        byte[] whole = Files.Gzip(Files.Idx(noise, 10, 28, 28));
        File.WriteAllBytes(folder.File("t-images-idx3-ubyte.gz"), whole[..(whole.Length / 2)]);
        Refused(folder.File("t-images-idx3-ubyte.gz"), s_digit, "cut off");
        byte[] records = new byte[2 * 3073];
        new Random(2).NextBytes(records);
        File.WriteAllBytes(folder.File("c.bin.gz"), Files.Gzip(records)[..4000]);
        Refused(folder.File("c.bin.gz"), Files.Input(null, 3, 32, 32), "cut off");
    }

    [Theory]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue)]
    [InlineData(2000000000, 28, 28)]
    [InlineData(1000000, 28, 28)]
    [InlineData(-1, 28, 28)]
    [InlineData(1, 0, 28)]
    public void IDX_lengths_that_lie_are_refused_before_memory_is_taken(int count, int height, int width)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a-images-idx3-ubyte"), Files.Idx(new byte[784], count, height, width));
        File.WriteAllBytes(folder.File("b-images-idx3-ubyte.gz"), Files.Gzip(Files.Idx(new byte[784], count, height, width)));
        foreach (string name in (string[])["a-images-idx3-ubyte", "b-images-idx3-ubyte.gz"])
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Refused(folder.File(name), s_digit, name);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        }
    }

    [Fact]
    public void A_zip_bomb_takes_no_more_than_its_array_says()
    {
        using var folder = new TemporaryFolder();
        byte[] small = Files.Npy("<f4", "(1, 1)", (float[])[1]);
        Files.Npz(folder.File("a.npz"), ("x", [.. small, .. new byte[64 << 20]]));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal([1], DataSets.Open(folder.File("a.npz"), [Files.Input(null, 1)], new DataOptions()).Read(0).Inputs["x"].ToFloats());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        Files.Npz(folder.File("b.npz"), ("x", Files.Npy<float>("<f4", "(1000000000, 1)", [1])));
        Refused(folder.File("b.npz"), Files.Input(null, 1), "unpack");
        Files.Npz(folder.File("c.npz"), ("x", Files.Npy<float>("<f4", "(200000000, 1)", [1])));
        before = GC.GetAllocatedBytesForCurrentThread();
        Refused(folder.File("c.npz"), Files.Input(null, 1), "cannot");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void A_CIFAR_file_of_broken_records_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.bin"), new byte[5000]);
        Refused(folder.File("a.bin"), Files.Input(null, 3, 32, 32), "3073");
    }

    private static void Refused(string path, ValueInfo input, string part) =>
        Assert.Contains(part, Assert.Throws<DataException>(() => DataSets.Open(path, [input], new DataOptions())).Message, StringComparison.Ordinal);
}
