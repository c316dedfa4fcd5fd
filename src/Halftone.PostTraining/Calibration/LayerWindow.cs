using Halftone.Onnx;
using Halftone.Weights;

namespace Halftone.PostTraining.Calibration;

/// <summary>How a layer reads its input: the d numbers that one output is the sum of, at each place.</summary>
/// <remarks>Two layers with equal windows see the same rows. A product reads the last axis; a convolution a patch of [channels of a group, kernel...], zeros in the padding.</remarks>
internal sealed class LayerWindow : IEquatable<LayerWindow>
{
    private readonly int[] _kernel;
    private readonly long[] _strides;
    private readonly long[] _dilations;
    private readonly long[] _pads;
    private readonly string _automatic;
    private readonly string _key;

    private LayerWindow(string value, int groups, int channels, int[] kernel, Node? node)
    {
        (Value, Groups, _kernel) = (value, groups, kernel);
        Inputs = channels * kernel.Aggregate(1, (a, b) => a * b);
        int axes = kernel.Length;
        _strides = Longs(node, "strides", Enumerable.Repeat(1L, axes));
        _dilations = Longs(node, "dilations", Enumerable.Repeat(1L, axes));
        _pads = Longs(node, "pads", Enumerable.Repeat(0L, 2 * axes));
        _automatic = node?.Text("auto_pad", "NOTSET") ?? "NOTSET";
        _key = string.Join('|', value, groups, channels, string.Join(',', kernel), string.Join(',', _strides), string.Join(',', _dilations), string.Join(',', _pads), _automatic);
    }

    /// <summary>The value it reads.</summary>
    public string Value { get; }

    /// <summary>Groups of channels, each read by outputs of its own.</summary>
    public int Groups { get; }

    /// <summary>d: numbers one output sums over.</summary>
    public int Inputs { get; }

    /// <summary>Bytes of its second moment, [groups, d, d] doubles.</summary>
    public long MomentBytes => (long)Groups * Inputs * Inputs * sizeof(double);

    /// <summary>The window of a layer; null where its weight is no matrix, or its input is transposed.</summary>
    public static LayerWindow? Of(Node node, WeightView weight) => weight.Matrix is null || node.Int("transA", 0) != 0 ? null : weight.Kind switch
    {
        WeightKind.Conv => new(node.Input(0), weight.Groups, weight.Shape[1], [.. weight.Shape.Skip(2)], node),
        _ => new(node.Input(0), 1, weight.Shape[weight.InputAxis], [], null),
    };

    /// <summary>Number of rows in a value.</summary>
    public int Places(ReadOnlySpan<long> dims)
    {
        if (_kernel.Length == 0)
        {
            long all = 1;
            foreach (long length in dims)
            {
                all *= length;
            }

            return checked((int)(all / Inputs));
        }

        long places = dims[0];
        for (int axis = 0; axis < _kernel.Length; axis++)
        {
            places *= Outputs(dims, axis);
        }

        return checked((int)places);
    }

    /// <summary>One row.</summary>
    /// <param name="values">The value, row-major.</param>
    /// <param name="dims">Its lengths.</param>
    /// <param name="place">Which row.</param>
    /// <param name="group">Which group of channels.</param>
    /// <param name="row">Gets the d numbers.</param>
    public void Read(ReadOnlySpan<float> values, ReadOnlySpan<long> dims, int place, int group, Span<double> row)
    {
        if (_kernel.Length == 0)
        {
            for (int i = 0; i < row.Length; i++)
            {
                row[i] = values[(place * Inputs) + i];
            }

            return;
        }

        int axes = _kernel.Length;
        Span<long> origin = stackalloc long[axes];
        long rest = place;
        for (int axis = axes - 1; axis >= 0; axis--)
        {
            (rest, long at) = Math.DivRem(rest, Outputs(dims, axis));
            origin[axis] = (at * _strides[axis]) - Before(dims, axis);
        }

        int taps = _kernel.Aggregate(1, (a, b) => a * b);
        int channels = Inputs / taps;
        long plane = 1;
        for (int axis = 0; axis < axes; axis++)
        {
            plane *= dims[axis + 2];
        }

        for (int tap = 0; tap < taps; tap++)
        {
            long offset = Offset(dims, origin, tap);
            for (int c = 0; c < channels; c++)
            {
                row[(c * taps) + tap] = offset < 0 ? 0 : values[checked((int)((((rest * dims[1]) + (group * channels) + c) * plane) + offset))];
            }
        }
    }

    /// <inheritdoc/>
    public bool Equals(LayerWindow? other) => other?._key == _key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LayerWindow);

    /// <inheritdoc/>
    public override int GetHashCode() => _key.GetHashCode(StringComparison.Ordinal);

    // where a tap falls in its plane, or -1 in the padding
    private long Offset(ReadOnlySpan<long> dims, ReadOnlySpan<long> origin, int tap)
    {
        long offset = 0;
        long step = 1;
        for (int axis = _kernel.Length - 1; axis >= 0; axis--)
        {
            (tap, int k) = Math.DivRem(tap, _kernel[axis]);
            long at = origin[axis] + (k * _dilations[axis]);
            if (at < 0 || at >= dims[axis + 2])
            {
                return -1;
            }

            offset += at * step;
            step *= dims[axis + 2];
        }

        return offset;
    }

    private long Span(int axis) => (_dilations[axis] * (_kernel[axis] - 1)) + 1;

    private long Outputs(ReadOnlySpan<long> dims, int axis)
    {
        long length = dims[axis + 2];
        return _automatic is "SAME_UPPER" or "SAME_LOWER"
            ? (length + _strides[axis] - 1) / _strides[axis]
            : ((length + Before(dims, axis) + After(axis) - Span(axis)) / _strides[axis]) + 1;
    }

    private long After(int axis) => _automatic is "NOTSET" ? _pads[_kernel.Length + axis] : 0;

    private long Before(ReadOnlySpan<long> dims, int axis)
    {
        if (_automatic is "SAME_UPPER" or "SAME_LOWER")
        {
            long all = Math.Max(0, ((Outputs(dims, axis) - 1) * _strides[axis]) + Span(axis) - dims[axis + 2]);
            return _automatic is "SAME_UPPER" ? all / 2 : all - (all / 2);
        }

        return _automatic is "NOTSET" ? _pads[axis] : 0;
    }

    private static long[] Longs(Node? node, string attribute, IEnumerable<long> standard) =>
        node?.Ints(attribute) is { Length: > 0 } set ? [.. set] : [.. standard];
}
