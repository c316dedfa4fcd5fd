using System.Globalization;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>Range, means and deviations of what goes into an input, by channel, streaming.</summary>
internal sealed class ChannelMoments
{
    private readonly ValueInfo _input;
    private readonly int _axis;
    private readonly double[] _sums;
    private readonly double[] _squares;
    private readonly long[] _counts;
    private double _least = double.PositiveInfinity;
    private double _most = double.NegativeInfinity;
    private bool _whole = true;

    public ChannelMoments(ValueInfo input, Tensor first)
    {
        _input = input;
        bool last = first.Dims.Length == 4 && first.Dims[1] is not (1 or 3) && first.Dims[3] is 1 or 3;
        _axis = first.Dims.Length == 4 ? (last ? 3 : 1) : -1;
        int channels = _axis < 0 ? 1 : (int)first.Dims[_axis];
        _sums = new double[channels];
        _squares = new double[channels];
        _counts = new long[channels];
    }

    /// <summary>Takes a tensor.</summary>
    public void Add(Tensor tensor)
    {
        float[] values = tensor.ToFloats();
        long inner = _axis < 0 ? values.Length : tensor.Dims.Skip(_axis + 1).Aggregate(1L, (a, b) => a * b);
        for (int i = 0; i < values.Length; i++)
        {
            double value = values[i];
            long channel = i / inner % _sums.Length;
            _sums[channel] += value;
            _squares[channel] += value * value;
            _counts[channel]++;
            _least = Math.Min(_least, value);
            _most = Math.Max(_most, value);
            _whole &= value == Math.Floor(value);
        }
    }

    /// <summary>The facts so far.</summary>
    public InputFacts Facts() => new(
        _input.Name, _least, _most,
        [.. _sums.Select((s, c) => s / _counts[c])],
        [.. _sums.Select((s, c) => Math.Sqrt(Math.Max(0, (_squares[c] / _counts[c]) - (s / _counts[c] * s / _counts[c]))))]);

    /// <summary>What looks wrong; null if nothing does.</summary>
    public string? Warning()
    {
        string range = string.Create(CultureInfo.InvariantCulture, $"{_least:G4}..{_most:G4}");
        return _least == _most ? $"All values of the input '{_input.Name}' are {_least.ToString(CultureInfo.InvariantCulture)}; the samples say nothing."
            : _axis < 0 ? null
            : _whole && _least >= 0 && _most is > 1 and <= 255 ? $"The input '{_input.Name}' gets raw pixels ({range}). Most models want them scaled (unit, imagenet, minus-one-to-one); compare, or state none if this one takes them raw."
            : Math.Max(Math.Abs(_least), Math.Abs(_most)) < 0.05 ? $"The input '{_input.Name}' gets values in {range} only; pixels were probably scaled twice."
            : null;
    }
}
