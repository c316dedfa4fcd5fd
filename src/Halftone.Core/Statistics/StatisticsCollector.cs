namespace Halftone.Statistics;

/// <summary>Gathers <see cref="TensorStatistics"/> batch by batch, in memory that does not grow with their number. Not for several threads at once.</summary>
/// <remarks>All but the moving and average extremes, which are of batches, and the last digits of the moments are independent of how the values
/// are cut into batches and of their order.</remarks>
/// <param name="channelAxis">The axis whose indices are followed apart, or null.</param>
public sealed class StatisticsCollector(int? channelAxis = null)
{
    private const double MovingShare = 0.01;

    private readonly RebinningHistogram _histogram = new();
    private readonly ChannelMoments? _channels = channelAxis is int axis ? new ChannelMoments(axis) : null;
    private Moments _moments = Moments.Empty;
    private BatchExtremes _min;
    private BatchExtremes _max;
    private long _batches;

    /// <summary>The axis whose indices are followed apart, or null.</summary>
    public int? ChannelAxis { get; } = channelAxis;

    /// <summary>Number of finite values so far.</summary>
    public long Count => _moments.Count;

    /// <summary>Takes a batch in.</summary>
    /// <exception cref="InvalidOperationException">There is a channel axis, so that the shape must be given.</exception>
    public void Add(ReadOnlySpan<float> batch)
    {
        if (ChannelAxis is not null)
        {
            throw new InvalidOperationException("Statistics of channels need the shape of the batch.");
        }

        AddValues(batch);
    }

    /// <summary>Takes a batch in.</summary>
    /// <param name="batch">Row-major.</param>
    /// <param name="shape">Its lengths; they may differ from batch to batch, but for the channel axis.</param>
    /// <exception cref="ArgumentException">The shape does not fit the batch, or has no channel axis, or another number of channels than before.</exception>
    public void Add(ReadOnlySpan<float> batch, ReadOnlySpan<int> shape)
    {
        long count = 1;
        foreach (int length in shape)
        {
            count *= length;
        }

        if (count != batch.Length || ChannelAxis >= shape.Length || ChannelAxis < 0)
        {
            throw new ArgumentException($"A batch of {batch.Length} values with channels on axis {ChannelAxis} does not fit the shape [{string.Join(", ", shape.ToArray())}].");
        }

        _channels?.Add(batch, shape);
        AddValues(batch);
    }

    /// <summary>Takes in what another has gathered, as if its batches came after those of this one.</summary>
    /// <exception cref="ArgumentException">The channel axes differ.</exception>
    public void Merge(StatisticsCollector other)
    {
        if (ChannelAxis != other.ChannelAxis)
        {
            throw new ArgumentException($"Statistics with channels on axis {ChannelAxis} cannot take in those on axis {other.ChannelAxis}.", nameof(other));
        }

        if (other._channels is not null)
        {
            _channels!.Add(other._channels);
        }

        _moments.Add(other._moments);
        _histogram.Add(other._histogram);
        _min = _min.Then(other._min, _batches, other._batches);
        _max = _max.Then(other._max, _batches, other._batches);
        _batches += other._batches;
    }

    /// <summary>What is known now.</summary>
    public TensorStatistics Snapshot()
    {
        bool any = _moments.Count > 0;
        return new()
        {
            Count = _moments.Count,
            NonFinite = _moments.NonFinite,
            Zeros = _moments.Zeros,
            Min = any ? _moments.Min : 0,
            Max = any ? _moments.Max : 0,
            Mean = _moments.Mean,
            Variance = _moments.Variance,
            MeanAbsolute = any ? _moments.Absolute / _moments.Count : 0,
            MovingMin = _min.Moving,
            MovingMax = _max.Moving,
            AverageMin = any ? _min.Sum / _batches : 0,
            AverageMax = any ? _max.Sum / _batches : 0,
            Histogram = _histogram.ToHistogram(),
            Channels = _channels?.Snapshot(),
        };
    }

    private void AddValues(ReadOnlySpan<float> batch)
    {
        var moments = Moments.Of(batch);
        _moments.Add(moments);
        if (moments.Count == 0)
        {
            return;
        }

        _histogram.Add(batch, moments.Min, moments.Max, allFinite: moments.NonFinite == 0);
        _min = _min.Then(BatchExtremes.Of(moments.Min), _batches, 1);
        _max = _max.Then(BatchExtremes.Of(moments.Max), _batches, 1);
        _batches++;
    }

    /// <summary>One end of the batches: of the first, their sum, and their moving average.</summary>
    private readonly record struct BatchExtremes(double First, double Sum, double Moving)
    {
        public static BatchExtremes Of(double value) => new(value, value, value);

        /// <summary>With later batches behind. Their average started from their own first; started from this one's instead it is
        /// later.Moving + (1 - share)^count * (Moving - later.First).</summary>
        public BatchExtremes Then(BatchExtremes later, long have, long count)
        {
            if (have == 0 || count == 0)
            {
                return have == 0 ? later : this;
            }

            return new(First, Sum + later.Sum, later.Moving + (Math.Pow(1 - MovingShare, count) * (Moving - later.First)));
        }
    }
}
