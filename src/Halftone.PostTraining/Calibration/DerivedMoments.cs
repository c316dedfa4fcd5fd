using System.Collections.Immutable;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>Distributions of values that were derived from the network alone.</summary>
public sealed class DerivedMoments
{
    private readonly IReadOnlyDictionary<string, ValueMoments> _values;
    private readonly double _deviations;

    internal DerivedMoments(IReadOnlyDictionary<string, ValueMoments> values, ImmutableArray<string> unknown, double deviations) => (_values, Unknown, _deviations) = (values, unknown, deviations);

    /// <summary>Nothing is known.</summary>
    public static DerivedMoments None { get; } = new(ImmutableDictionary<string, ValueMoments>.Empty, [], MomentPropagation.Deviations);

    /// <summary>Float values that are known.</summary>
    public IEnumerable<string> Values => _values.Keys;

    /// <summary>Nodes whose outputs cannot be derived: operators without a rule, one "Op 'name'" each.</summary>
    public ImmutableArray<string> Unknown { get; }

    /// <summary>Statistics of a value, as if many samples had been seen; null where it is not known.</summary>
    public TensorStatistics? Statistics(string value) => _values.TryGetValue(value, out ValueMoments? found) ? found.Statistics(_deviations) : null;

    /// <summary>Mean of each index of an axis; null where the value is not known.</summary>
    public double[]? Means(string value, int axis, int length) =>
        _values.TryGetValue(value, out ValueMoments? found) ? Array.ConvertAll(found.Along(axis, length, _deviations), c => c.Mean) : null;
}
