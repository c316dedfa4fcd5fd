using Halftone.Training.Native;
using Halftone.Training.Tests.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Halftone.Training.Tests;

public sealed class NativeLibrariesTests
{
    [Fact]
    public void TorchSharp_loads_and_differentiates()
    {
        NativeLibraries.Prepare();
        NativeLibraries.Prepare();
        using DisposeScope scope = NewDisposeScope();
        Tensor x = tensor([1f, -2f, 3f], requires_grad: true);
        (3 * x * x).sum().backward();
        Assert.Equal([6f, -12f, 18f], x.grad!.data<float>().ToArray()); // d(3 x^2) = 6 x, exact in floats
    }

    [Fact]
    public void A_private_copy_is_made_only_where_the_runtime_is_older()
    {
        string original = NativeFiles.TorchSharp;
        string? runtime = NativeLibraries.FindRuntime();
        Assert.SkipWhen(runtime is null, "this process has no libstdc++");
        NativeLibraries.Prepare();
        byte[] bytes = File.ReadAllBytes(original);
        MendDecision decision = GlibcxxMend.Decide(GlibcxxMend.Needs(new ElfFile(bytes, original)), NativeFiles.Elf(runtime!).DefinedVersions());
        string[] loaded = [.. File.ReadLines("/proc/self/maps").Where(line => line.EndsWith(NativeLibraries.CopyName(bytes), StringComparison.Ordinal))];
        Assert.Equal(decision == MendDecision.Mend, loaded.Length > 0);
    }

    [Fact]
    public void The_cache_folder_is_the_second_choice()
    {
        string[] folders = NativeLibraries.Folders();
        Assert.Equal(2, folders.Length);
        Assert.StartsWith(AppContext.BaseDirectory, folders[0], StringComparison.Ordinal);
        Assert.EndsWith(Path.Combine("halftone", "native"), folders[1], StringComparison.Ordinal);
    }
}
