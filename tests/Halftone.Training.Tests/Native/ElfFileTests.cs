using System.Text;
using Halftone.Training.Native;

namespace Halftone.Training.Tests.Native;

public sealed class ElfFileTests
{
    [Fact]
    public void Needed_versions_carry_the_hash_of_their_name()
    {
        IReadOnlyList<NeededVersion> needs = NativeFiles.Elf(NativeFiles.TorchSharp).NeededVersions();
        Assert.Contains(needs, need => need is { Library: GlibcxxMend.Runtime, Version: GlibcxxMend.OldVersion });
        Assert.All(needs, need => Assert.Equal(SystemVHash(need.Version), need.Entry.Hash));
    }

    [Fact]
    public void The_runtime_defines_the_oldest_version_and_the_constructor()
    {
        string? path = NativeLibraries.FindRuntime();
        Assert.SkipWhen(path is null, "this process has no libstdc++");
        ElfFile runtime = NativeFiles.Elf(path!);
        Assert.Contains(GlibcxxMend.OldVersion, runtime.DefinedVersions());
        Assert.Contains(runtime.DynamicSymbols(), symbol => symbol.Name == GlibcxxMend.OldSymbol && symbol.Defined);
    }

    [Fact]
    public void A_text_file_is_refused()
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => new ElfFile(Encoding.ASCII.GetBytes("not a library at all"), "a.so"));
        Assert.Equal("a.so is not a 64-bit little-endian ELF file.", e.Message);
    }

    [Fact]
    public void A_damaged_file_is_read_or_refused()
    {
        byte[] whole = File.ReadAllBytes(NativeFiles.Small);
        Gen<(int Length, (int At, byte Value)[] Changes)> damage = Gen.Select(
            Gen.Int[0, whole.Length],
            Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[0, 40]);
        damage.Sample(
            sample =>
            {
                byte[] bytes = [.. whole];
                foreach ((int at, byte value) in sample.Changes)
                {
                    bytes[at] = value;
                }

                try
                {
                    ElfFile elf = new(bytes[..sample.Length], "damaged.so");
                    elf.NeededVersions();
                    elf.DefinedVersions();
                    elf.DynamicSymbols();
                }
                catch (InvalidDataException)
                {
                }
            },
            iter: 2000);
    }

    // System V ABI, "Hash table": what the dynamic linker compares version names by.
    private static uint SystemVHash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash << 4) + c;
            uint high = hash & 0xf0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }

        return hash;
    }
}
