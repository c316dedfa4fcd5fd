using System.Collections.Concurrent;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>A range method that estimates once for each statistics and grid: a search builds many plans from the same ranges.</summary>
internal sealed class RememberedRange(IRangeMethod method) : IRangeMethod
{
    private readonly ConcurrentDictionary<(TensorStatistics Statistics, QuantizationGrid Grid), ClipRange> _known = new(ByReference.Comparer);

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => _known.GetOrAdd((statistics, grid), key => method.Estimate(key.Statistics, key.Grid));

    // statistics are large and immutable: the object is the key
    private sealed class ByReference : IEqualityComparer<(TensorStatistics Statistics, QuantizationGrid Grid)>
    {
        public static readonly ByReference Comparer = new();

        public bool Equals((TensorStatistics Statistics, QuantizationGrid Grid) a, (TensorStatistics Statistics, QuantizationGrid Grid) b) =>
            ReferenceEquals(a.Statistics, b.Statistics) && a.Grid == b.Grid;

        public int GetHashCode((TensorStatistics Statistics, QuantizationGrid Grid) key) =>
            HashCode.Combine(System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(key.Statistics), key.Grid);
    }
}
