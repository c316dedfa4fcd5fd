using System.Collections.Immutable;

namespace Halftone.Formats;

/// <summary>A sum of tensors of signs, each scaled: sum over m of alpha[m, g] * b[m], b in {-1, +1}, g the group of the element.</summary>
/// <remarks>Signs are packed 64 to a word, element i of a basis at bit i % 64 of word i / 64; 1 stands for +1, 0 for -1, and what fills the last word up is 0.</remarks>
public sealed record BinaryBasisTensor : QuantizedTensor
{
    private readonly ulong[] _words;

    /// <summary>Makes one from its parts; words are copied.</summary>
    /// <param name="shape">Lengths.</param>
    /// <param name="granularity">What shares a scale.</param>
    /// <param name="scales">[bases, groups], row-major.</param>
    /// <param name="words">[bases, words], row-major; made by <see cref="PackSigns"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public BinaryBasisTensor(ImmutableArray<int> shape, Granularity granularity, ImmutableArray<float> scales, ReadOnlySpan<ulong> words)
        : base(shape)
    {
        Groups = granularity.GroupCount(shape.AsSpan());
        Bases = Groups == 0 ? 0 : scales.Length / Groups;
        WordsPerBasis = WordCount(Count);
        if (scales.Length != Bases * Groups || words.Length != Bases * WordsPerBasis)
        {
            throw new ArgumentException(
                $"{scales.Length} scales and {words.Length} words fit no number of bases: each takes {Groups} scales and {WordsPerBasis} words.");
        }

        Granularity = granularity;
        Scales = scales;
        _words = words.ToArray();
    }

    /// <summary>What shares a scale.</summary>
    public Granularity Granularity { get; }

    /// <summary>[Bases, Groups], row-major.</summary>
    public ImmutableArray<float> Scales { get; }

    /// <summary>Number of bases.</summary>
    public int Bases { get; }

    /// <summary>Scales of a basis.</summary>
    public int Groups { get; }

    /// <summary>Words of a basis.</summary>
    public int WordsPerBasis { get; }

    /// <inheritdoc/>
    public override long StorageBits => ((long)Bases * Count) + (32L * Scales.Length);

    /// <summary>Words that hold that many signs.</summary>
    public static int WordCount(int count) => (int)(((long)count + 63) / 64);

    /// <summary>Signs in words; 0 counts as positive.</summary>
    /// <exception cref="ArgumentException">The words do not hold the values.</exception>
    public static void PackSigns(ReadOnlySpan<float> values, Span<ulong> words)
    {
        if (words.Length != WordCount(values.Length))
        {
            throw new ArgumentException($"{values.Length} signs take {WordCount(values.Length)} words, not {words.Length}.", nameof(words));
        }

        words.Clear();
        for (int i = 0; i < values.Length; i++)
        {
            words[i / 64] |= (values[i] >= 0 ? 1UL : 0) << (i % 64);
        }
    }

    /// <summary>The signs of a basis.</summary>
    public ReadOnlySpan<ulong> Basis(int basis) => _words.AsSpan(basis * WordsPerBasis, WordsPerBasis);

    /// <inheritdoc/>
    public override void Dequantize(Span<float> destination)
    {
        RequireLength(destination.Length);
        destination.Clear();
        for (int m = 0; m < Bases; m++)
        {
            ReadOnlySpan<ulong> words = Basis(m);
            foreach (GroupRun run in Granularity.Runs(Shape))
            {
                for (int i = 0; i < run.Length; i++)
                {
                    int element = run.Start + i;
                    float scale = Scales[(m * Groups) + run.Group + (i * run.Step)];
                    destination[element] += ((words[element / 64] >> (element % 64)) & 1) == 1 ? scale : -scale;
                }
            }
        }
    }
}
