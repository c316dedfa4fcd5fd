using Halftone.Engine.Dense.Linear;
using Halftone.Onnx.Operators;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>Neighbours of a tensor whose scales are one, or neighbours too.</summary>
internal readonly record struct ScaleRun(int Begin, int End, int Scale, int Step);

/// <summary>How QuantizeLinear and DequantizeLinear walk a tensor: scales of the whole, of the indices of an axis, or of blocks along it.</summary>
internal sealed class ScaleRuns
{
    private const int Whole = 4096; // elements of a run where there is one scale

    private readonly int _count;
    private readonly int _run;
    private readonly int _length = 1;
    private readonly int _block;
    private readonly int _blocks = 1;
    private readonly bool _single;

    /// <summary>Checks the scales against the tensor.</summary>
    public ScaleRuns(DenseRequest request, TensorType x, TensorType scale, LinearOptions options)
    {
        _count = request.Count(x.Dims.AsSpan());
        _single = options.BlockSize == 0 && scale.Count == 1 && scale.Rank <= 1;
        if (_single)
        {
            _run = Whole;
            return;
        }

        int axis = request.Axis(options.Axis, x.Rank);
        _length = x.Dims[axis];
        _run = Requirements.Product(x.Dims.AsSpan()[(axis + 1)..]);
        _block = options.BlockSize;
        request.Require(_block >= 0, $"its block_size is {_block}.");
        _blocks = _block == 0 ? 0 : (int)((_length + (long)_block - 1) / _block);
        int[] expected = _block == 0 ? [_length] : [.. x.Dims[..axis], _blocks, .. x.Dims[(axis + 1)..]];
        request.Require(scale.Dims.AsSpan().SequenceEqual(expected), $"its scales {scale} do not fit {x}; [{string.Join(",", expected)}] are needed.");
    }

    /// <summary>How many runs.</summary>
    public int Count => _run == 0 ? 0 : (int)((_count + (long)_run - 1) / _run);

    /// <summary>A run.</summary>
    public ScaleRun this[int run]
    {
        get
        {
            int begin = run * _run;
            int end = (int)Math.Min(begin + (long)_run, _count);
            int index = run % _length;
            return _single ? new ScaleRun(begin, end, 0, 0)
                : _block == 0 ? new ScaleRun(begin, end, index, 0)
                : new ScaleRun(begin, end, ((run / _length * _blocks) + (index / _block)) * _run, 1);
        }
    }
}
