using System.Collections.Immutable;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>Distributions of values that were derived from the network alone.</summary>
public sealed class DerivedMoments
{
    private readonly IReadOnlyDictionary<string, ValueMoments> _values;
    private readonly IReadOnlySet<string> _guessed;
    private readonly double _deviations;

    internal DerivedMoments(IReadOnlyDictionary<string, ValueMoments> values, IReadOnlySet<string> guessed, ImmutableArray<string> unknown, double deviations) =>
        (_values, _guessed, Unknown, _deviations) = (values, guessed, unknown, deviations);

    /// <summary>Nothing is known.</summary>
    public static DerivedMoments None { get; } = new(ImmutableDictionary<string, ValueMoments>.Empty, ImmutableHashSet<string>.Empty, [], MomentPropagation.Deviations);

    /// <summary>Float values that are known.</summary>
    public IEnumerable<string> Values => _values.Keys;

    /// <summary>Nodes whose outputs cannot be derived: operators without a rule, one "Op 'name'" each.</summary>
    public ImmutableArray<string> Unknown { get; }

    /// <summary>Statistics of a value, as if many samples had been seen; null where it is not known.</summary>
    public TensorStatistics? Statistics(string value) => _values.TryGetValue(value, out ValueMoments? found) ? found.Statistics(_deviations) : null;

    /// <summary>Mean of each index of an axis; null where the value is not known, or follows from the range of a graph's input alone, in whose middle its mean need not lie.</summary>
    public double[]? Means(string value, int axis, int length) =>
        !_guessed.Contains(value) && _values.TryGetValue(value, out ValueMoments? found) ? Array.ConvertAll(found.Along(axis, length, _deviations), c => c.Mean) : null;
}
