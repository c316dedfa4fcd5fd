using Halftone.Onnx;

namespace Halftone.Data.Arrays;

/// <summary>How the samples of one model input lie in an array.</summary>
/// <remarks>
/// <para>Array [N, ...] with as many axes as the input: samples [1, ...]. One axis more: the samples hold their own batch axis. Axes of length 1 left out in the array
/// are put back ([N,28,28] for [N,1,28,28]). An array that equals an input whose first axis is fixed at k > 1, and a scalar, are the same for every sample; k times N rows are k a sample.</para>
/// </remarks>
internal sealed class ArrayBinding
{
    private readonly ValueInfo _input;
    private readonly NpyArray _array;
    private readonly Preprocessing _steps;
    private readonly long _rows; // of the array, a sample; 0 for the same in all
    private readonly long[] _dims; // of a sample
    private readonly bool _moveChannels;

    /// <exception cref="DataException">The array does not fit the input.</exception>
    public ArrayBinding(ValueInfo input, NpyArray array, Preprocessing steps)
    {
        _input = input;
        _array = array;
        _steps = steps;
        (_rows, _dims) = Match(input, [.. array.Dims]) ?? default;
        if (_dims is null && steps.Layout is not null && InputShape.SwapsLayout(input, array.Dims.AsSpan()))
        {
            _moveChannels = true;
            long[] dims = [.. array.Dims];
            (_rows, _dims) = (1, steps.Layout == Layout.Nchw ? [1, dims[3], dims[1], dims[2]] : [1, dims[2], dims[3], dims[1]]);
        }

        if (_dims is null)
        {
            string hint = InputShape.SwapsLayout(input, array.Dims.AsSpan()) ? " Its channels stand on the other side; set the layout of the preprocessing to nchw or nhwc, as the model takes it." : "";
            throw new DataException($"The input '{input.Name}' takes {InputShape.Text(input)}, but '{array.Name}' holds {array.Type.OnnxName()} [{string.Join(",", array.Dims)}].{hint}");
        }
    }

    /// <summary>Number of samples; null if the array is the same for all.</summary>
    public long? Count => _rows == 0 ? null : _array.Dims[0] / _rows;

    /// <summary>The input.</summary>
    public ValueInfo Input => _input;

    /// <summary>The input's tensor of a sample, and the ids as stored if they end in -1 padding (the input then has 0 there, which every vocabulary holds).</summary>
    /// <exception cref="DataException">A value is not finite or does not fit the model's type.</exception>
    public (Tensor Value, Tensor? Padded) Read(int index)
    {
        Tensor stored = _rows == 0 ? _array.All() : _array.Rows(index * _rows, _rows);
        stored = stored.Reshape(_moveChannels ? [1, .. _array.Dims[1..]] : _dims);
        string what = $"'{_array.Name}' (sample {index})";
        ElementType type = _input.Type == ElementType.Undefined ? stored.Type : _input.Type;
        bool floats = type is ElementType.Float or ElementType.Float16 or ElementType.Double or ElementType.BFloat16;
        if (!floats)
        {
            Tensor ids = ElementCast.To(stored, type, what);
            return Padding(ids) is int from ? (Fill(ids, from), ids) : (ids, null);
        }

        if (_array.IsInteger && _steps.KeepsValues && !_moveChannels)
        {
            return (ElementCast.To(stored, type, what), null);
        }

        float[] values = stored.ToFloats();
        if (Array.Exists(values, v => !float.IsFinite(v)))
        {
            throw new DataException($"{what} holds NaN or infinity.");
        }

        values = _moveChannels ? MoveChannels(values) : values;
        Normalise(values);
        return (ElementCast.FromFloats(values, type, _dims, ElementCast.Rounding.Exact, what), null);
    }

    private static (long Rows, long[] Dims)? Match(ValueInfo input, long[] array)
    {
        if (input.Dims is not { } declared)
        {
            return array.Length == 0 ? (0, []) : (1, [1, .. array[1..]]);
        }

        if (array.Length == declared.Count && declared.Count > 0)
        {
            long each = declared[0] ?? 1;
            bool fits = InputShape.Fits(input, array, from: 1) && each > 0 && array[0] % each == 0;
            return !fits ? null : each != 1 && array[0] == each ? (0, array) : (each, [each, .. array[1..]]);
        }

        if (array.Length == declared.Count + 1)
        {
            return InputShape.Fits(input, array.AsSpan(1)) ? (1, array[1..]) : null;
        }

        if (array.Length == 0 || declared.Count == 0 || declared.Skip(1).Any(d => d is null) || declared[0] is not (null or 1))
        {
            return array.Length == 0 && declared.Count == 0 ? (0, []) : null;
        }

        long[] inner = [.. declared.Skip(1).Select(d => d!.Value)];
        return array[1..].Where(d => d != 1).SequenceEqual(inner.Where(d => d != 1)) ? (1, [1, .. inner]) : null;
    }

    private static int? Padding(Tensor ids)
    {
        if (ids.Dims.Length != 2 || ids.Type is not (ElementType.Int64 or ElementType.Int32))
        {
            return null;
        }

        long[] values = ids.ToInt64s();
        int end = values.Length;
        while (end > 0 && values[end - 1] == -1)
        {
            end--;
        }

        return end == values.Length ? null : end;
    }

    private static Tensor Fill(Tensor ids, int from)
    {
        long[] values = ids.ToInt64s();
        values.AsSpan(from).Clear();
        return ElementCast.FromInt64s(values, ids.Type, ids.Dims.AsSpan(), "Padding");
    }

    private float[] MoveChannels(float[] values)
    {
        // the array has the channels last and the model second, or the other way round
        bool toFront = _steps.Layout == Layout.Nchw;
        long channels = toFront ? _dims[1] : _dims[3];
        long area = values.Length / channels;
        float[] moved = new float[values.Length];
        for (long c = 0; c < channels; c++)
        {
            for (long i = 0; i < area; i++)
            {
                (long last, long first) = ((i * channels) + c, (c * area) + i);
                moved[toFront ? first : last] = values[toFront ? last : first];
            }
        }

        return moved;
    }

    private void Normalise(float[] values)
    {
        if (_steps.KeepsValues)
        {
            return;
        }

        int axis = _steps.Layout == Layout.Nhwc ? _dims.Length - 1 : Math.Min(1, _dims.Length - 1);
        bool perChannel = _steps.Mean.Length > 1 || _steps.Deviation.Length > 1;
        int channels = perChannel && axis >= 0 ? (int)_dims[axis] : 1;
        long inner = perChannel ? _dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b) : values.Length;
        (float Factor, float Offset)[] affine = [.. Enumerable.Range(0, channels).Select(c => _steps.Affine(c, channels))];
        for (int i = 0; i < values.Length; i++)
        {
            (float factor, float offset) = affine[perChannel ? i / inner % channels : 0];
            values[i] = (values[i] * factor) + offset;
        }
    }
}
