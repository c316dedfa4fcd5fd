namespace Halftone.Onnx.Operators;

/// <summary>Which scale an element has: one for the tensor, one for each index of an axis, or one for each block along it.</summary>
internal sealed class ScaleLayout
{
    private readonly int _length;
    private readonly int _inner;
    private readonly int _block; // 0: per axis
    private readonly int _blocks;
    private readonly bool _single;

    /// <exception cref="ArgumentException">The scales do not fit the tensor.</exception>
    public ScaleLayout(Tensor x, Tensor scale, Tensor? zeroPoint, LinearOptions options)
    {
        if (zeroPoint is not null && zeroPoint.Count != scale.Count)
        {
            throw new ArgumentException($"{zeroPoint.Count} zero points do not fit {scale.Count} scales.");
        }

        _single = options.BlockSize == 0 && scale.Count == 1 && scale.Dims.Length <= 1;
        if (_single)
        {
            return;
        }

        int rank = x.Dims.Length;
        int axis = options.Axis < 0 ? options.Axis + rank : options.Axis;
        if (axis < 0 || axis >= rank)
        {
            throw new ArgumentException($"Axis {options.Axis} is not within a tensor of {rank} axes.");
        }

        _length = (int)x.Dims[axis];
        _inner = (int)x.Dims.AsSpan()[(axis + 1)..].ToArray().Aggregate(1L, (a, b) => a * b);
        _block = options.BlockSize;
        if (_block == 0)
        {
            if (scale.Dims.Length != 1 || scale.Count != _length)
            {
                throw new ArgumentException($"Scales [{string.Join(",", scale.Dims)}] do not fit axis {axis} of [{string.Join(",", x.Dims)}]: {_length} are needed.");
            }

            return;
        }

        _blocks = _block < 0 ? 0 : (_length + _block - 1) / _block;
        long[] expected = [.. x.Dims];
        expected[axis] = _blocks;
        if (_block < 0 || !scale.Dims.AsSpan().SequenceEqual(expected))
        {
            throw new ArgumentException($"Scales [{string.Join(",", scale.Dims)}] do not fit [{string.Join(",", x.Dims)}] in blocks of {_block} along axis {axis}.");
        }
    }

    public int At(int element)
    {
        if (_single)
        {
            return 0;
        }

        int row = element / _inner;
        int index = row % _length;
        return _block == 0 ? index : ((((row / _length) * _blocks) + (index / _block)) * _inner) + (element % _inner);
    }
}
