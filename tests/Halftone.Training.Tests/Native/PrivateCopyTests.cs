using Halftone.Training.Native;

namespace Halftone.Training.Tests.Native;

public sealed class PrivateCopyTests : IDisposable
{
    private static readonly byte[] s_content = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 31))];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_first_folder_that_takes_it_gets_it()
    {
        // a file cannot hold a folder, whoever asks
        File.WriteAllText(_folder.File("file"), "");
        string path = PrivateCopy.Put(s_content, "x.so", [_folder.File("file/inside"), _folder.File("second")]);
        Assert.Equal(_folder.File("second/x.so"), path);
        Assert.Equal(s_content, File.ReadAllBytes(path));
    }

    [Fact]
    public void A_copy_that_is_there_is_not_written_again()
    {
        string path = PrivateCopy.Put(s_content, "x.so", [_folder.Path]);
        DateTime old = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, old);
        PrivateCopy.Put(s_content, "x.so", [_folder.Path]);
        Assert.Equal(old, File.GetLastWriteTimeUtc(path));
    }

    [Fact]
    public void A_damaged_copy_is_replaced()
    {
        File.WriteAllBytes(_folder.File("x.so"), new byte[s_content.Length]);
        string path = PrivateCopy.Put(s_content, "x.so", [_folder.Path]);
        Assert.Equal(s_content, File.ReadAllBytes(path));
    }

    [Fact]
    public void Many_at_once_leave_one_whole_file()
    {
        Parallel.For(0, 16, _ => Assert.Equal(s_content, File.ReadAllBytes(PrivateCopy.Put(s_content, "x.so", [_folder.Path]))));
        Assert.Equal([_folder.File("x.so")], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void No_folder_at_all_is_told_in_one_message()
    {
        File.WriteAllText(_folder.File("file"), "");
        IOException e = Assert.Throws<IOException>(() => PrivateCopy.Put(s_content, "x.so", [_folder.File("file/a"), _folder.File("file/b")]));
        Assert.Contains(_folder.File("file/a"), e.Message, StringComparison.Ordinal);
        Assert.Contains(_folder.File("file/b"), e.Message, StringComparison.Ordinal);
        Assert.Contains("XDG_CACHE_HOME", e.Message, StringComparison.Ordinal);
    }
}
