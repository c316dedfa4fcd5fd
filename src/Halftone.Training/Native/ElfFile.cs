using System.Runtime.InteropServices;
using System.Text;

namespace Halftone.Training.Native;

/// <summary>A version that an ELF file needs of a library, and where in the file that need is written.</summary>
/// <param name="Library">The library, such as <c>libstdc++.so.6</c>.</param>
/// <param name="Version">The version, such as <c>GLIBCXX_3.4</c>.</param>
/// <param name="Offset">Where the record <paramref name="Entry"/> lies in the file.</param>
/// <param name="Entry">The record itself.</param>
internal sealed record NeededVersion(string Library, string Version, int Offset, ElfVersionNeedEntry Entry);

/// <summary>A symbol of the dynamic symbol table.</summary>
/// <param name="Name">The mangled name, without a version.</param>
/// <param name="NameOffset">Where in the file the name starts.</param>
/// <param name="Defined">Whether the file defines the symbol (or only uses it).</param>
internal sealed record DynamicSymbol(string Name, int NameOffset, bool Defined);

/// <summary>The parts of a 64-bit little-endian ELF file that say which symbol versions it needs and offers.</summary>
/// <remarks>Sections are found by type and by their links, never by position. Every read is checked against the file's length, every chain against its own count,
/// and all that is read, together, against a multiple of the file's length: chains and names that overlap, as no linker writes them, cannot take more time or memory than that. A broken file ends in an <see cref="InvalidDataException"/>.</remarks>
internal sealed class ElfFile
{
    // 0x7f 'E' 'L' 'F', class 2 (64 bits), data 1 (little endian), version 1: the first seven bytes.
    private static ReadOnlySpan<byte> Magic => [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];

    // A linker's file is read about once over for each question asked of it.
    private const long MostReadings = 32;

    private readonly byte[] _bytes;
    private readonly string _name;
    private readonly ElfSection[] _sections;
    private long _bytesRead;

    /// <summary>Reads the section table.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="InvalidDataException">this is not a 64-bit little-endian ELF file, or it is cut short.</exception>
    public ElfFile(byte[] bytes, string name)
    {
        (_bytes, _name) = (bytes, name);
        if (!bytes.AsSpan().StartsWith(Magic))
        {
            throw new InvalidDataException($"{name} is not a 64-bit little-endian ELF file.");
        }

        ElfHeader header = Read<ElfHeader>(0);
        _sections = new ElfSection[header.SectionHeaderCount];
        for (int i = 0; i < _sections.Length; i++)
        {
            _sections[i] = Read<ElfSection>(header.SectionHeaderOffset + ((ulong)i * header.SectionHeaderSize));
        }
    }

    /// <summary>The versions that the file needs, in the file's order.</summary>
    public IReadOnlyList<NeededVersion> NeededVersions()
    {
        List<NeededVersion> needs = [];
        foreach (ElfSection section in Sections(ElfSection.VersionNeeds))
        {
            ulong at = section.Offset;
            for (uint i = 0; i < section.Information; i++)
            {
                ElfVersionNeed need = Read<ElfVersionNeed>(at);
                string library = Text(StringOffset(section, need.File));
                ulong entryAt = at + need.FirstEntry;
                for (int j = 0; j < need.Count; j++)
                {
                    ElfVersionNeedEntry entry = Read<ElfVersionNeedEntry>(entryAt);
                    needs.Add(new NeededVersion(library, Text(StringOffset(section, entry.Name)), (int)entryAt, entry));
                    entryAt += j + 1 < need.Count ? Step(entry.Next) : 0;
                }

                at += i + 1 < section.Information ? Step(need.Next) : 0;
            }
        }

        return needs;
    }

    /// <summary>The names of the versions that the file defines, in the file's order.</summary>
    public IReadOnlyList<string> DefinedVersions()
    {
        List<string> names = [];
        foreach (ElfSection section in Sections(ElfSection.VersionDefinitions))
        {
            ulong at = section.Offset;
            for (uint i = 0; i < section.Information; i++)
            {
                ElfVersionDefinition definition = Read<ElfVersionDefinition>(at);
                ElfVersionDefinitionEntry entry = Read<ElfVersionDefinitionEntry>(at + definition.FirstEntry);
                names.Add(Text(StringOffset(section, entry.Name)));
                at += i + 1 < section.Information ? Step(definition.Next) : 0;
            }
        }

        return names;
    }

    /// <summary>The symbols that the dynamic linker sees, in the file's order.</summary>
    public IReadOnlyList<DynamicSymbol> DynamicSymbols()
    {
        List<DynamicSymbol> symbols = [];
        foreach (ElfSection section in Sections(ElfSection.DynamicSymbols))
        {
            ulong size = (ulong)Marshal.SizeOf<ElfSymbol>();
            for (ulong at = section.Offset; at + size <= section.Offset + section.Size; at += size)
            {
                ElfSymbol symbol = Read<ElfSymbol>(at);
                int nameAt = StringOffset(section, symbol.Name);
                symbols.Add(new DynamicSymbol(Text(nameAt), nameAt, symbol.Section != 0));
            }
        }

        return symbols;
    }

    private IEnumerable<ElfSection> Sections(uint type) => _sections.Where(section => section.Type == type);

    /// <summary>How far on the next record of a chain is; a chain that stands still would never end.</summary>
    private uint Step(uint next) => next > 0 ? next : throw Broken();

    /// <summary>Where in the file a string of a section's linked string table starts.</summary>
    private int StringOffset(ElfSection section, uint name)
    {
        if (section.Link >= _sections.Length || name >= _sections[section.Link].Size)
        {
            throw Broken();
        }

        ulong offset = _sections[section.Link].Offset + name;
        return offset < (ulong)_bytes.Length ? (int)offset : throw Broken();
    }

    private string Text(int offset)
    {
        ReadOnlySpan<byte> rest = _bytes.AsSpan(offset);
        int length = rest.IndexOf((byte)0);
        Count(length);
        return length >= 0 ? Encoding.Latin1.GetString(rest[..length]) : throw Broken(); // a character a byte, so that lengths in the file are those of the text
    }

    private T Read<T>(ulong offset)
        where T : struct
    {
        ulong size = (ulong)Marshal.SizeOf<T>();
        Count((int)size);
        return offset <= (ulong)_bytes.Length && size <= (ulong)_bytes.Length - offset
            ? MemoryMarshal.Read<T>(_bytes.AsSpan((int)offset))
            : throw Broken();
    }

    private void Count(int read)
    {
        _bytesRead += read;
        if (_bytesRead > MostReadings * _bytes.Length)
        {
            throw Broken();
        }
    }

    private InvalidDataException Broken() => new($"{_name} is cut short or damaged: its ELF records point outside the file or overlap.");
}
