using Halftone.Training.Native;

namespace Halftone.Training.Tests.Native;

public sealed class GlibcxxMendTests
{
    private const string Old = GlibcxxMend.OldVersion;
    private const string New = GlibcxxMend.NewVersion;

    [Theory]
    [InlineData(new string[0], new[] { Old })]
    [InlineData(new[] { Old }, new[] { Old })]
    [InlineData(new[] { Old, New }, new[] { Old, "GLIBCXX_3.4.30", New, "GLIBCXX_3.4.33" })]
    public void A_runtime_that_offers_all_is_left_alone(string[] needed, string[] offered)
        => Assert.Equal(MendDecision.NotNeeded, GlibcxxMend.Decide(needed, offered));

    [Fact]
    public void A_runtime_that_lacks_the_one_version_asks_for_the_mend()
        => Assert.Equal(MendDecision.Mend, GlibcxxMend.Decide([Old, "CXXABI_1.3", New], [Old, "GLIBCXX_3.4.30", "CXXABI_1.3"]));

    [Theory]
    [InlineData(new[] { Old, "GLIBCXX_3.4.29", New }, new[] { Old })]
    [InlineData(new[] { Old, "GLIBCXX_3.4.29" }, new[] { Old })]
    public void A_runtime_that_lacks_more_cannot_be_helped(string[] needed, string[] offered)
        => Assert.Equal(MendDecision.Impossible, GlibcxxMend.Decide(needed, offered));

    [Fact]
    public void The_library_as_it_is_suits_a_newer_runtime()
    {
        string? runtime = NativeLibraries.FindRuntime();
        Assert.SkipWhen(runtime is null, "this process has no libstdc++");
        IEnumerable<string> needs = GlibcxxMend.Needs(NativeFiles.Elf(NativeFiles.TorchSharp));
        Assert.Equal(MendDecision.NotNeeded, GlibcxxMend.Decide(needs, [.. NativeFiles.Elf(runtime!).DefinedVersions(), New]));
    }

    [Fact]
    public void A_name_that_shares_bytes_with_the_symbols_is_refused()
    {
        byte[] original = File.ReadAllBytes(NativeFiles.TorchSharp);
        ElfFile elf = new(original, "original");
        DynamicSymbol symbol = elf.DynamicSymbols().Single(s => s.Name == GlibcxxMend.NewSymbol);
        original[symbol.NameOffset - 1] = (byte)'x'; // the name before it now runs on into it
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => GlibcxxMend.Apply(original, "sharing.so"));
        Assert.Equal($"sharing.so cannot be mended: another symbol shares the name {GlibcxxMend.NewSymbol}.", e.Message);
    }

    [Fact]
    public void The_mended_library_asks_for_the_old_version_and_the_old_symbol()
    {
        (byte[] original, byte[] mended) = Mended();
        ElfFile before = new(original, "before");
        ElfFile after = new(mended, "after");
        Assert.DoesNotContain(New, GlibcxxMend.Needs(after));
        Assert.DoesNotContain(after.DynamicSymbols(), symbol => symbol.Name == GlibcxxMend.NewSymbol);
        Assert.Contains(after.DynamicSymbols(), symbol => symbol.Name == GlibcxxMend.OldSymbol && !symbol.Defined);

        // all else is as it was, in the same order
        Assert.Equal(
            before.NeededVersions().Select(need => (need.Library, need.Version == New ? Old : need.Version, need.Offset, need.Entry.Other, need.Entry.Next)),
            after.NeededVersions().Select(need => (need.Library, need.Version, need.Offset, need.Entry.Other, need.Entry.Next)));
        Assert.Equal(
            before.DynamicSymbols().Select(symbol => symbol.Name == GlibcxxMend.NewSymbol ? GlibcxxMend.OldSymbol : symbol.Name),
            after.DynamicSymbols().Select(symbol => symbol.Name));
    }

    [Fact]
    public void The_mend_changes_only_the_entry_and_the_name()
    {
        (byte[] original, byte[] mended) = Mended();
        ElfFile before = new(original, "before");
        int entry = before.NeededVersions().Single(need => need.Version == New).Offset;
        int name = before.DynamicSymbols().Single(symbol => symbol.Name == GlibcxxMend.NewSymbol).NameOffset;
        Assert.Equal(original.Length, mended.Length);
        for (int i = 0; i < original.Length; i++)
        {
            bool allowed = (i >= entry && i < entry + 16) || (i >= name && i < name + GlibcxxMend.NewSymbol.Length);
            if (!allowed && original[i] != mended[i])
            {
                Assert.Fail($"Byte {i} changed.");
            }
        }
    }

    [Fact]
    public void What_is_mended_already_is_not_mended_again()
    {
        (_, byte[] mended) = Mended();
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => GlibcxxMend.Apply(mended, "mended.so"));
        Assert.Equal($"mended.so cannot be mended: it does not use {New} exactly once.", e.Message);
    }

    private static (byte[] Original, byte[] Mended) Mended()
    {
        byte[] original = File.ReadAllBytes(NativeFiles.TorchSharp);
        return (original, GlibcxxMend.Apply(original, NativeFiles.TorchSharp));
    }
}
