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

    [Fact]
    public void Chains_that_overlap_are_refused_before_they_take_time_or_memory()
    {
        // 65,535 libraries of 65,535 versions each, all of one name of half the file: 16 bytes of steps, read over and over
        byte[] bytes = new byte[1 << 20];
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(bytes, 0);
        BitConverter.TryWriteBytes(bytes.AsSpan(40), 64UL); // where the sections are
        BitConverter.TryWriteBytes(bytes.AsSpan(58), (ushort)64); // the size of one
        BitConverter.TryWriteBytes(bytes.AsSpan(60), (ushort)1); // how many
        Span<byte> section = bytes.AsSpan(64, 64);
        BitConverter.TryWriteBytes(section[4..], 0x6ffffffe); // SHT_GNU_verneed
        BitConverter.TryWriteBytes(section[24..], 128UL); // its offset
        BitConverter.TryWriteBytes(section[32..], (ulong)bytes.Length); // its size, and that of the strings, for it links to itself
        BitConverter.TryWriteBytes(section[44..], 65_535u);
        for (int at = 128; at < bytes.Length / 2; at += 16)
        {
            // a library's record and a version's record both: count 0xffff, name at the half, first entry and next 16 bytes on
            BitConverter.TryWriteBytes(bytes.AsSpan(at), 0xffff0001);
            BitConverter.TryWriteBytes(bytes.AsSpan(at + 4), (uint)bytes.Length / 2);
            BitConverter.TryWriteBytes(bytes.AsSpan(at + 8), (uint)16);
            BitConverter.TryWriteBytes(bytes.AsSpan(at + 12), (uint)16);
        }

        bytes.AsSpan(bytes.Length / 2, bytes.Length / 4).Fill((byte)'x');
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<InvalidDataException>(() => new ElfFile(bytes, "overlapping.so").NeededVersions());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256L << 20);
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
