using System.Runtime.InteropServices;
using System.Text;

namespace Halftone.Training.Native;

/// <summary>What a library needs so that it loads with the C++ runtime at hand.</summary>
internal enum MendDecision
{
    /// <summary>The C++ runtime offers all that the library asks for.</summary>
    NotNeeded,

    /// <summary>Only <see cref="GlibcxxMend.NewVersion"/> is missing, which the mend settles.</summary>
    Mend,

    /// <summary>Other versions are missing too: the C++ runtime is too old.</summary>
    Impossible,
}

/// <summary>Lets a library that was linked with GCC 13 or later load with the C++ runtime of GCC 12 or earlier.</summary>
/// <remarks>
/// <para>GCC 13 moved the set-up of std::cout and its kin from every object file into libstdc++; a file that includes
/// &lt;iostream&gt; now only calls <c>std::ios_base_library_init()</c>, version GLIBCXX_3.4.32, which does nothing but pull that
/// version in. It is the single symbol of that version. Before, every object file called the constructor
/// <c>std::ios_base::Init::Init()</c>, version GLIBCXX_3.4, which sets the streams up once and does not touch its object.</para>
/// <para>The mend gives the file back the older call: in .gnu.version_r the entry GLIBCXX_3.4.32 takes the hash and the name
/// of the entry GLIBCXX_3.4, and the symbol's name in .dynstr is overwritten by the constructor's, which is shorter. Nothing
/// moves, and .gnu.hash is untouched since it lists defined symbols alone.</para>
/// </remarks>
internal static class GlibcxxMend
{
    /// <summary>The library that holds the C++ runtime.</summary>
    public const string Runtime = "libstdc++.so.6";

    /// <summary>The version that older C++ runtimes lack.</summary>
    public const string NewVersion = "GLIBCXX_3.4.32";

    /// <summary>The version that every C++ runtime of this ABI has.</summary>
    public const string OldVersion = "GLIBCXX_3.4";

    /// <summary>std::ios_base_library_init(), of <see cref="NewVersion"/>.</summary>
    public const string NewSymbol = "_ZSt21ios_base_library_initv";

    /// <summary>std::ios_base::Init::Init(), of <see cref="OldVersion"/>.</summary>
    public const string OldSymbol = "_ZNSt8ios_base4InitC1Ev";

    /// <summary>Decides by what the library needs of the C++ runtime and what that runtime offers.</summary>
    public static MendDecision Decide(IEnumerable<string> needed, IEnumerable<string> offered)
    {
        string[] missing = [.. needed.Except(offered)];
        return missing switch
        {
            [] => MendDecision.NotNeeded,
            [NewVersion] => MendDecision.Mend,
            _ => MendDecision.Impossible,
        };
    }

    /// <summary>The versions of the C++ runtime that a library needs.</summary>
    public static IEnumerable<string> Needs(ElfFile library)
        => library.NeededVersions().Where(need => need.Library == Runtime).Select(need => need.Version);

    /// <summary>A copy of a library that asks for <see cref="OldVersion"/> where the original asks for <see cref="NewVersion"/>.</summary>
    /// <param name="library">The original file's bytes, which stay as they are.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="InvalidDataException">the file does not have exactly the parts that the mend rests on.</exception>
    public static byte[] Apply(byte[] library, string name)
    {
        ElfFile elf = new(library, name);
        NeededVersion[] needs = [.. elf.NeededVersions().Where(need => need.Library == Runtime)];
        NeededVersion newNeed = One(needs.Where(need => need.Version == NewVersion), NewVersion);
        NeededVersion oldNeed = One(needs.Where(need => need.Version == OldVersion), OldVersion);
        IReadOnlyList<DynamicSymbol> symbols = elf.DynamicSymbols();
        DynamicSymbol symbol = One(symbols.Where(symbol => symbol.Name == NewSymbol && !symbol.Defined), NewSymbol);

        // Linkers let a name share the tail of a longer one; such a name, within this one or around it, would change too.
        int end = symbol.NameOffset + NewSymbol.Length;
        if (symbols.Any(other => !ReferenceEquals(other, symbol) && other.NameOffset < end && other.NameOffset + other.Name.Length > symbol.NameOffset))
        {
            throw new InvalidDataException($"{name} cannot be mended: another symbol shares the name {NewSymbol}.");
        }

        byte[] mended = [.. library];
        ElfVersionNeedEntry entry = newNeed.Entry;
        ElfVersionNeedEntry changed = new(oldNeed.Entry.Hash, entry.Flags, entry.Other, oldNeed.Entry.Name, entry.Next);
        MemoryMarshal.Write(mended.AsSpan(newNeed.Offset), in changed);
        Span<byte> text = mended.AsSpan(symbol.NameOffset, NewSymbol.Length);
        text.Clear();
        Encoding.ASCII.GetBytes(OldSymbol, text);
        return mended;

        T One<T>(IEnumerable<T> found, string what)
            where T : class
            => found.ToArray() is [T only] ? only : throw new InvalidDataException($"{name} cannot be mended: it does not use {what} exactly once.");
    }
}
