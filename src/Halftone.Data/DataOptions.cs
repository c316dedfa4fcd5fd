using System.Collections.Immutable;

namespace Halftone.Data;

/// <summary>How a data set is opened.</summary>
public sealed record DataOptions
{
    /// <summary>Pixels to model input; null leaves the values as they are stored.</summary>
    public Preprocessing? Preprocessing { get; init; }

    /// <summary>Labels file, <c>file:column</c> for one of several columns; null looks for <c>labels.txt</c>, <c>.csv</c>, <c>.tsv</c>, <c>y.npy</c> or class folders beside the data.</summary>
    public string? Labels { get; init; }

    /// <summary>At most so many samples, drawn by <see cref="Seed"/> and kept in the data's order; null takes all.</summary>
    public int? Limit
    {
        get;
        init
        {
            if (value is int limit)
            {
                ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
            }

            field = value;
        }
    }

    /// <summary>Which samples <see cref="Limit"/> draws.</summary>
    public int Seed { get; init; }

    /// <summary>Targets: a CSV or TSV file, a .npy file, or images (a folder or a pattern such as <c>hr/*_hr.png</c>) paired with the inputs by name; null for none.</summary>
    public string? Targets { get; init; }

    /// <summary>Output name to input name of a model's carried state; such an input starts at zeros and need not be in the data.</summary>
    public ImmutableDictionary<string, string> StateLinks { get; init; } = ImmutableDictionary<string, string>.Empty;
}
