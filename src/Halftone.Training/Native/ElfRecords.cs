using System.Runtime.InteropServices;

namespace Halftone.Training.Native;

// The records of a 64-bit ELF file, field for field as the System V ABI and the GNU symbol versioning specification lay
// them out (elf.h: Elf64_Ehdr, Elf64_Shdr, Elf64_Sym, Elf64_Verneed, Elf64_Vernaux, Elf64_Verdef, Elf64_Verdaux).
// Sequential layout gives exactly the file's layout: every field is aligned by its own size already.

/// <summary>The file's header (Elf64_Ehdr).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfHeader
{
    public readonly ulong Identification;
    public readonly ulong IdentificationPadding;
    public readonly ushort Type;
    public readonly ushort Machine;
    public readonly uint Version;
    public readonly ulong Entry;
    public readonly ulong ProgramHeaderOffset;
    public readonly ulong SectionHeaderOffset;
    public readonly uint Flags;
    public readonly ushort HeaderSize;
    public readonly ushort ProgramHeaderSize;
    public readonly ushort ProgramHeaderCount;
    public readonly ushort SectionHeaderSize;
    public readonly ushort SectionHeaderCount;
    public readonly ushort SectionNamesIndex;
}

/// <summary>A section's header (Elf64_Shdr).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfSection
{
    /// <summary>Symbols that the dynamic linker sees (SHT_DYNSYM).</summary>
    public const uint DynamicSymbols = 11;

    /// <summary>Versions that the file defines (SHT_GNU_verdef).</summary>
    public const uint VersionDefinitions = 0x6ffffffd;

    /// <summary>Versions that the file needs of others (SHT_GNU_verneed).</summary>
    public const uint VersionNeeds = 0x6ffffffe;

    public readonly uint Name;
    public readonly uint Type;
    public readonly ulong Flags;
    public readonly ulong Address;
    public readonly ulong Offset;
    public readonly ulong Size;

    /// <summary>The index of the section with this section's strings.</summary>
    public readonly uint Link;

    /// <summary>For the two version sections: how many records the outer chain has.</summary>
    public readonly uint Information;
    public readonly ulong Alignment;
    public readonly ulong EntrySize;
}

/// <summary>A symbol (Elf64_Sym).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfSymbol
{
    public readonly uint Name;
    public readonly byte Information;
    public readonly byte Other;

    /// <summary>The section that defines the symbol; 0 where the file only uses it.</summary>
    public readonly ushort Section;
    public readonly ulong Value;
    public readonly ulong Size;
}

/// <summary>One library of which versions are needed (Elf64_Verneed).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfVersionNeed
{
    public readonly ushort Version;
    public readonly ushort Count;
    public readonly uint File;
    public readonly uint FirstEntry;
    public readonly uint Next;
}

/// <summary>One needed version (Elf64_Vernaux).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfVersionNeedEntry
{
    /// <summary>The hash of the version's name, which the dynamic linker compares first.</summary>
    public readonly uint Hash;
    public readonly ushort Flags;

    /// <summary>The number by which symbols refer to this version.</summary>
    public readonly ushort Other;

    /// <summary>Where in the linked strings the version's name starts.</summary>
    public readonly uint Name;
    public readonly uint Next;

    public ElfVersionNeedEntry(uint hash, ushort flags, ushort other, uint name, uint next)
        => (Hash, Flags, Other, Name, Next) = (hash, flags, other, name, next);
}

/// <summary>One defined version (Elf64_Verdef).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfVersionDefinition
{
    public readonly ushort Version;
    public readonly ushort Flags;
    public readonly ushort Index;
    public readonly ushort Count;
    public readonly uint Hash;
    public readonly uint FirstEntry;
    public readonly uint Next;
}

/// <summary>The name of a defined version (Elf64_Verdaux).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfVersionDefinitionEntry
{
    public readonly uint Name;
    public readonly uint Next;
}
