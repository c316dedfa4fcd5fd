using System.Collections.Immutable;

namespace Halftone.PostTraining.Correction;

/// <summary>Mean of each channel over samples and places.</summary>
/// <param name="axis">The axis of channels; from the end where negative.</param>
internal sealed class ChannelMean(int axis)
{
    private double[] _sums = [];
    private long _count;

    /// <summary>Adds the values of a batch.</summary>
    public void Add(ReadOnlySpan<long> dims, ReadOnlySpan<float> values)
    {
        int at = axis < 0 ? dims.Length + axis : axis;
        int channels = (int)dims[at];
        int inner = 1;
        for (int i = at + 1; i < dims.Length; i++)
        {
            inner *= (int)dims[i];
        }

        _sums = _sums.Length == 0 ? new double[channels] : _sums;
        for (int row = 0; row < values.Length / inner; row++)
        {
            double sum = 0;
            foreach (float value in values.Slice(row * inner, inner))
            {
                sum += value;
            }

            _sums[row % channels] += sum;
        }

        _count += values.Length / channels;
    }

    /// <summary>This mean less another, channel by channel.</summary>
    public ImmutableArray<float> Less(ChannelMean other) =>
        [.. _sums.Select((sum, c) => (float)((sum / _count) - (other._sums[c] / other._count)))];
}
