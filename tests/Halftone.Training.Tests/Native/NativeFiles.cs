using Halftone.Training.Native;

namespace Halftone.Training.Tests.Native;

/// <summary>The native files that the tests read.</summary>
internal static class NativeFiles
{
    /// <summary>TorchSharp's library as its package has it.</summary>
    public static string TorchSharp => Find("libLibTorchSharp.so");

    /// <summary>A library of a few kilobytes.</summary>
    public static string Small => Find("libtorch_global_deps.so");

    public static ElfFile Elf(string path) => new(File.ReadAllBytes(path), path);

    private static string Find(string fileName)
    {
        string? path = NativeLibraries.FindNative(fileName);
        Assert.SkipWhen(path is null, $"{fileName} is not beside the tests: there is no libtorch for this system");
        return path!;
    }
}
