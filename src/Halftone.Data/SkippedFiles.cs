using System.Collections.Immutable;

namespace Halftone.Data;

/// <summary>A sample that could not be read.</summary>
/// <param name="Index">Its number.</param>
/// <param name="Reason">What is wrong, naming the file.</param>
public sealed record SkippedFile(int Index, string Reason);

/// <summary>Keeps account of unreadable samples, and ends the run when they are too many.</summary>
public sealed class SkippedFiles
{
    private const int Listed = 5;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, string> _reasons = [];

    /// <summary>With the share up to which samples are skipped.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not in 0..1.</exception>
    public SkippedFiles(double limit = 0.05)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(limit is >= 0 and <= 1, true, nameof(limit));
        Limit = limit;
    }

    /// <summary>Share up to which samples are skipped.</summary>
    public double Limit { get; }

    /// <summary>How many were skipped; one read twice counts once.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _reasons.Count;
            }
        }
    }

    /// <summary>Which, by number.</summary>
    public ImmutableArray<SkippedFile> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _reasons.OrderBy(r => r.Key).Select(r => new SkippedFile(r.Key, r.Value))];
            }
        }
    }

    /// <summary>Notes one.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="reason">What is wrong, naming the file.</param>
    /// <param name="total">Samples of the run.</param>
    /// <exception cref="DataException">That is beyond the limit; the first few are listed.</exception>
    public void Add(int index, string reason, int total)
    {
        lock (_lock)
        {
            _reasons[index] = reason;
        }

        if (Count > Limit * total)
        {
            throw new DataException(FormattableString.Invariant(
                $"{Count} of {total} samples cannot be read, more than the {Limit:P0} that may be skipped. The first: {string.Join(" ", All.Take(Listed).Select(f => f.Reason))}"));
        }
    }
}
