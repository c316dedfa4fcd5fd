using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>Two sets without a sample in common.</summary>
/// <param name="Calibration">What ranges are learned from.</param>
/// <param name="Measured">What accuracy is measured on.</param>
public sealed record DataSplit(IDataSet Calibration, IDataSet Measured)
{
    private const int Runs = 8; // of successive samples that calibrate, where a state is carried

    /// <summary>Samples 0, 5, 10, ... calibrate; the rest measure. Of a single sample nothing is left to measure.</summary>
    /// <remarks>Where a state goes from sample to sample, every fifth run of successive samples calibrates, so that it still has something to carry.</remarks>
    public static DataSplit Of(IDataSet all)
    {
        int length = all.StateLinks.IsEmpty ? 1 : Math.Max(1, all.Count / (5 * Runs));
        int[] indices = [.. Enumerable.Range(0, all.Count)];
        return new DataSplit(new DataSubset(all, [.. indices.Where(i => i / length % 5 == 0)]), new DataSubset(all, [.. indices.Where(i => i / length % 5 != 0)]));
    }
}

/// <summary>Some samples of a set, in the order given.</summary>
public sealed class DataSubset : IDataSet
{
    private readonly IDataSet _all;

    /// <summary>Those samples.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sample.</exception>
    public DataSubset(IDataSet all, ImmutableArray<int> indices)
    {
        foreach (int index in indices)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index, nameof(indices));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, all.Count, nameof(indices));
        }

        _all = all;
        Indices = indices;
    }

    /// <summary>Which samples of the whole set.</summary>
    public ImmutableArray<int> Indices { get; }

    /// <inheritdoc/>
    public string Description => $"{Count} of {_all.Description}";

    /// <inheritdoc/>
    public int Count => Indices.Length;

    /// <inheritdoc/>
    public bool HasLabels => _all.HasLabels;

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames => _all.ClassNames;

    /// <inheritdoc/>
    public IReadOnlyList<ValueInfo> Inputs => _all.Inputs;

    /// <inheritdoc/>
    public ImmutableDictionary<string, string> StateLinks => _all.StateLinks;

    /// <inheritdoc/>
    public Sample Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);

        // the state carries over only from the sample that really came before
        bool follows = index > 0 && Indices[index] == Indices[index - 1] + 1;
        Sample sample = _all.Read(Indices[index]);
        return follows ? sample : sample with { StartsSequence = true };
    }
}
