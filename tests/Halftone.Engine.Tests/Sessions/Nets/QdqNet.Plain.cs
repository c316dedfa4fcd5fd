namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Operators without weights.</summary>
internal sealed partial class QdqNet
{
    private void Pool(Codes x)
    {
        long[] ones = [.. x.Dims[2..].Select(_ => 1L)];
        switch (Random.Next(6))
        {
            case 0:
                Finish(_draft.Node("GlobalAveragePool", [Float(x)]), [.. x.Dims[..2], .. ones], x.Amplitude);
                return;
            case 1:
                long[] axes = [.. ones.Select((_, i) => i + 2L)];
                bool keep = _draft.Chance(60);
                string mean = _draft.Opset >= 18
                    ? _draft.Node("ReduceMean", [Float(x), _draft.Integers(axes)], n => n.With("keepdims", keep ? 1 : 0))
                    : _draft.Node("ReduceMean", [Float(x)], n => n.With("keepdims", keep ? 1 : 0).With("axes", axes));
                Finish(mean, keep ? [.. x.Dims[..2], .. ones] : x.Dims[..2], x.Amplitude);
                return;
        }

        bool largest = _draft.Chance(50);
        Windows windows = Windows.Random(_draft, x.Dims.AsSpan(2), dilated: largest, pooling: true);
        string y = largest
            ? _draft.Node("MaxPool", [Float(x)], n => windows.On(n, dilations: true))
            : _draft.Node("AveragePool", [Float(x)], n => windows.On(n, dilations: false).With("count_include_pad", !windows.Ceil && _draft.Chance(40) ? 1 : 0));
        long[] dims = [.. x.Dims[..2], .. windows.Output];
        if (largest)
        {
            Moved(y, dims, x);
        }
        else
        {
            Finish(y, dims, x.Amplitude);
        }
    }

    private void Binary(Codes x)
    {
        string op = _draft.Pick("Add", "Add", "Sub", "Mul");
        Codes[] fit = [.. _values.Where(v => v.Rank <= x.Rank && v.Dims.Select((d, i) => d == 1 || d == x.Dims[i + x.Rank - v.Rank]).All(b => b))];
        Codes other = fit[Random.Next(fit.Length)];
        string second = Random.Next(5) switch
        {
            0 => Channels(x),
            1 => _draft.Float(_draft.RandomScale(1)),
            _ => Float(other),
        };
        string[] operands = _draft.Chance(70) ? [Float(x), second] : [second, Float(x)];
        Finish(_draft.Node(op, operands), x.Dims, op == "Mul" ? x.Amplitude * Math.Max(other.Amplitude, 1) : x.Amplitude + other.Amplitude);
    }

    /// <summary>A dequantized constant of one number a channel, or of one.</summary>
    private string Channels(Codes x)
    {
        bool signed = _draft.Chance(40);
        long[] dims = x.Rank < 2 || _draft.Chance(30) ? [1] : [x.Dims[1], .. x.Dims[2..].Select(_ => 1L)];
        string codes = _draft.Constant(_draft.RandomCodes(signed, dims));
        return _draft.Node("DequantizeLinear", [codes, _draft.Float(_draft.RandomScale(0.02f)), _draft.ZeroPoint(signed, _draft.RandomZero(signed))]);
    }

    private void Unary(Codes x)
    {
        string value = Float(x);
        switch (Random.Next(4))
        {
            case 0:
                Finish(Bound(value, x.Amplitude), x.Dims, x.Amplitude);
                break;
            case 1:
                Finish(_draft.Node("Mul", [value, _draft.Node("Sigmoid", [value])]), x.Dims, x.Amplitude);
                break;
            case 2 when x.Count > 0:
                Finish(_draft.Node("Softmax", [value], n => n.With("axis", _draft.Random.Next(x.Rank))), x.Dims, 1);
                break;
            default:
                Finish(Curve(value), x.Dims, Math.Max(1, x.Amplitude));
                break;
        }
    }

    private string Bound(string value, float amplitude) => Random.Next(4) switch
    {
        0 => _draft.Node("Clip", [value, _draft.Float(-amplitude / 3), _draft.Float(amplitude / 2)]),
        1 => _draft.Node("Clip", [value, "", _draft.Float(amplitude / 4)]),
        2 => _draft.Node("LeakyRelu", [value], n => n.With("alpha", 0.1f)),
        _ => _draft.Node("Relu", [value]),
    };

    private string Curve(string value) => Random.Next(7) switch
    {
        0 => _draft.Node("Sigmoid", [value]),
        1 => _draft.Node("HardSwish", [value]),
        2 => _draft.Node("HardSigmoid", [value]),
        3 => _draft.Node("Tanh", [value]),
        4 when _draft.Opset >= 20 => _draft.Node("Gelu", [value], n => n.With("approximate", _draft.Pick("none", "tanh"))),
        5 => _draft.Node("Elu", [value]),
        _ => _draft.Node("Erf", [value]),
    };

    private void Resize(Codes x)
    {
        long[] sizes = [x.Dims[0], x.Dims[1], Random.Next(1, 12), Random.Next(1, 12)];
        string[] inputs = [Float(x), "", "", _draft.Integers(sizes)];
        if (_draft.Chance(60))
        {
            string mode = _draft.Pick("asymmetric", "half_pixel", "pytorch_half_pixel");
            Moved(_draft.Node("Resize", inputs, n => n.With("mode", "nearest").With("coordinate_transformation_mode", mode).With("nearest_mode", _draft.Pick("floor", "round_prefer_floor"))), sizes, x);
        }
        else
        {
            string mode = _draft.Pick("align_corners", "half_pixel", "asymmetric");
            Finish(_draft.Node("Resize", inputs, n => n.With("mode", "linear").With("coordinate_transformation_mode", mode)), sizes, x.Amplitude);
        }
    }

    private void Concat(Codes x)
    {
        int axis = x.Rank >= 2 && _draft.Chance(70) ? 1 : Random.Next(x.Rank);
        List<Codes> parts = [x];
        foreach (Codes other in _values.Where(v => v.Rank == x.Rank && v.Dims.Select((d, i) => i == axis || d == x.Dims[i]).All(b => b)).ToArray())
        {
            if (parts.Count < 3 && parts.Sum(p => p.Dims[axis]) + other.Dims[axis] < 60)
            {
                parts.Insert(Random.Next(parts.Count + 1), other);
            }
        }

        long[] dims = [.. x.Dims];
        dims[axis] = parts.Sum(p => p.Dims[axis]);
        string y = _draft.Node("Concat", [.. parts.Select(Float)], n => n.With("axis", _draft.Chance(80) ? axis : axis - x.Rank));
        Moved(y, dims, x);
    }

    private void Normalize(Codes x)
    {
        string scale = _draft.Constant(_draft.RandomFloats(2, x.Dims[^1]));
        string[] bias = _draft.Chance(60) ? [_draft.Constant(_draft.RandomFloats(1, x.Dims[^1]))] : [];
        Finish(_draft.Node("LayerNormalization", [Float(x), scale, .. bias]), x.Dims, 3);
    }
}
