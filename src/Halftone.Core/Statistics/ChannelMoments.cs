namespace Halftone.Statistics;

/// <summary><see cref="Moments"/> for each index of an axis.</summary>
internal sealed class ChannelMoments(int axis)
{
    private const int ShortRun = 16;

    private Moments[] _channels = [];

    public void Add(ReadOnlySpan<float> values, ReadOnlySpan<int> shape)
    {
        int inner = 1;
        for (int a = axis + 1; a < shape.Length; a++)
        {
            inner *= shape[a];
        }

        Require(shape[axis]);
        if (values.IsEmpty)
        {
            return;
        }

        if (inner < ShortRun)
        {
            AddShortRuns(values, inner);
            return;
        }

        for (int start = 0, channel = 0; start < values.Length; start += inner, channel++)
        {
            channel = channel == _channels.Length ? 0 : channel;
            _channels[channel].Add(Moments.Of(values.Slice(start, inner)));
        }
    }

    public void Add(ChannelMoments other)
    {
        if (other._channels.Length == 0)
        {
            return;
        }

        Require(other._channels.Length);
        for (int c = 0; c < _channels.Length; c++)
        {
            _channels[c].Add(other._channels[c]);
        }
    }

    public ChannelStatistics Snapshot() => new(
        axis,
        _channels.Length == 0 ? 0 : _channels.Max(c => c.Count),
        [.. _channels.Select(c => c.Count == 0 ? 0 : c.Min)],
        [.. _channels.Select(c => c.Count == 0 ? 0 : c.Max)],
        [.. _channels.Select(c => c.Mean)],
        [.. _channels.Select(c => c.Variance)]);

    private void Require(int channels)
    {
        if (_channels.Length == 0)
        {
            _channels = new Moments[channels];
            Array.Fill(_channels, Moments.Empty);
        }

        if (channels != _channels.Length)
        {
            throw new ArgumentException($"Axis {axis} had {_channels.Length} channels before and now has {channels}.");
        }
    }

    // two readings, as within Moments, but with a sum for each channel
    private void AddShortRuns(ReadOnlySpan<float> values, int inner)
    {
        var batch = new Moments[_channels.Length];
        Array.Fill(batch, Moments.Empty);
        int channel = 0;
        for (int start = 0; start < values.Length; start += inner)
        {
            ref Moments m = ref batch[channel];
            foreach (float x in values.Slice(start, inner))
            {
                if (!float.IsFinite(x))
                {
                    m.NonFinite++;
                    continue;
                }

                m.Count++;
                m.Mean += x; // the sum, until all are read
                m.Min = Math.Min(m.Min, x);
                m.Max = Math.Max(m.Max, x);
            }

            channel = channel + 1 == batch.Length ? 0 : channel + 1;
        }

        for (int c = 0; c < batch.Length; c++)
        {
            batch[c].Mean = batch[c].Count == 0 ? 0 : Math.Clamp(batch[c].Mean / batch[c].Count, batch[c].Min, batch[c].Max);
        }

        for (int start = 0; start < values.Length; start += inner)
        {
            ref Moments m = ref batch[channel];
            foreach (float x in values.Slice(start, inner))
            {
                m.Squares += float.IsFinite(x) ? (x - m.Mean) * (x - m.Mean) : 0;
            }

            channel = channel + 1 == batch.Length ? 0 : channel + 1;
        }

        for (int c = 0; c < batch.Length; c++)
        {
            _channels[c].Add(batch[c]);
        }
    }
}
