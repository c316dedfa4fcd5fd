using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>A measurement whose value is the mean of the samples' scores, after a last step.</summary>
/// <param name="name">The metric.</param>
/// <param name="score">A sample's score; NaN leaves it out.</param>
/// <param name="finish">From the mean to the value.</param>
/// <param name="share">Whether scores are 0 or 1, so that the mean is a share with a Wilson interval.</param>
internal sealed class MeanScore(string name, Func<Sample, IReadOnlyDictionary<string, Tensor>, IReadOnlyDictionary<string, Tensor>?, double> score, Func<double, double> finish, bool share = false)
    : IMeasurement
{
    private double _sum;
    private long _count;

    /// <inheritdoc/>
    public double Add(Sample sample, IReadOnlyDictionary<string, Tensor> outputs, IReadOnlyDictionary<string, Tensor>? reference = null)
    {
        double value = score(sample, outputs, reference);
        if (!double.IsNaN(value))
        {
            _sum += value;
            _count++;
        }

        return value;
    }

    /// <inheritdoc/>
    public Measured Result()
    {
        if (_count == 0)
        {
            throw new InvalidOperationException($"{name} has measured no sample.");
        }

        var result = new Measured(name, finish(_sum / _count), _count);
        return share && Wilson.Interval((long)_sum, _count) is var (low, high) ? result with { Interval = (finish(low), finish(high)) } : result;
    }
}

/// <summary>A measurement out of sums kept for each output; its value is the worst output's.</summary>
/// <param name="name">The metric.</param>
/// <param name="output">The output looked at; null for all.</param>
/// <param name="terms">Two numbers of a sample's output and reference, which are summed.</param>
/// <param name="finish">From the two sums and the number of samples to the value; less is worse.</param>
internal sealed class SumsPerOutput(string name, string? output, Func<float[], float[], (double A, double B)> terms, Func<double, double, long, double> finish) : IMeasurement
{
    private readonly Dictionary<string, (double A, double B)> _sums = [];
    private long _count;

    /// <inheritdoc/>
    public double Add(Sample sample, IReadOnlyDictionary<string, Tensor> outputs, IReadOnlyDictionary<string, Tensor>? reference = null)
    {
        double worst = double.PositiveInfinity;
        foreach ((string key, float[] value, float[] expected) in Outputs.Pairs(outputs, Outputs.Reference(reference, name), output))
        {
            (double a, double b) = terms(value, expected);
            (double A, double B) sums = _sums.GetValueOrDefault(key);
            _sums[key] = (sums.A + a, sums.B + b);
            worst = Math.Min(worst, finish(a, b, 1));
        }

        _count++;
        return worst;
    }

    /// <inheritdoc/>
    public Measured Result()
    {
        if (_count == 0)
        {
            throw new InvalidOperationException($"{name} has measured no sample.");
        }

        var values = _sums.ToImmutableDictionary(s => s.Key, s => finish(s.Value.A, s.Value.B, _count));
        return new Measured(name, values.Values.Min(), _count) { PerOutput = values };
    }
}
