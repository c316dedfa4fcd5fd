using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Operators with weights.</summary>
internal sealed partial class QdqNet
{
    private void Conv(Codes x)
    {
        (int channels, int groups) = ((int)x.Dims[1], 1);
        switch (_small ? 3 : Random.Next(4))
        {
            case 0:
                groups = channels;
                break;
            case 1:
                int[] divisors = [.. Enumerable.Range(1, channels).Where(d => channels % d == 0)];
                groups = divisors[Random.Next(divisors.Length)];
                break;
        }

        int outputs = groups * (groups == channels && _draft.Chance(75) ? 1 : Random.Next(1, Math.Max(2, _draft.Pick(20, 20, 20, 90) / groups)));
        if (_small && _draft.Chance(70))
        {
            outputs = _draft.Pick(16, 32, 48);
        }

        Windows windows = _small && _draft.Chance(80) ? Windows.Small(_draft, x.Dims.AsSpan(2)) : Windows.Random(_draft, x.Dims.AsSpan(2), dilated: true);
        long[] weight = [outputs, channels / groups, .. windows.Kernel];
        (string w, float[] scales) = Weight(weight, 0);
        string[] bias = Bias(outputs, x.Scale, scales);
        string y = _draft.Node("Conv", [Float(x), w, .. bias], n => windows.On(n, dilations: true).With("group", groups));
        Finish(y, [x.Dims[0], outputs, .. windows.Output], Amplitude(x, scales, weight.Skip(1).Aggregate(1L, (a, b) => a * b)));
    }

    private void ConvTranspose(Codes x)
    {
        int groups = x.Dims[1] % 2 == 0 && _draft.Chance(40) ? 2 : 1;
        int each = Random.Next(1, 5);
        int axes = x.Rank - 2;
        long[] kernel = [.. Enumerable.Range(0, axes).Select(_ => (long)Random.Next(1, 4))];
        long[] strides = [.. kernel.Select(_ => (long)Random.Next(1, 3))];
        long[] dims = [x.Dims[0], each * groups, .. kernel.Select((k, i) => ((x.Dims[i + 2] - 1) * strides[i]) + k)];
        (string w, float[] scales) = Weight([x.Dims[1], each, .. kernel], axis: null);
        string y = _draft.Node("ConvTranspose", [Float(x), w], n => n.With("group", groups).With("strides", strides));
        Finish(y, dims, Amplitude(x, scales, x.Dims[1] / groups * 2));
    }

    private void Gemm(Codes x)
    {
        bool transposed = _draft.Chance(50);
        int outputs = Random.Next(1, _draft.Pick(40, 40, 150));
        (string w, float[] scales) = Weight(transposed ? [outputs, x.Dims[1]] : [x.Dims[1], outputs], transposed ? 0 : 1);
        string[] bias = Bias(outputs, x.Scale, scales);
        string y = _draft.Node("Gemm", [Float(x), w, .. bias], n => (transposed ? n.With("transB", 1) : n).With("alpha", _draft.Chance(10) ? 0.5f : 1f));
        Finish(y, [x.Dims[0], outputs], Amplitude(x, scales, x.Dims[1]));
    }

    private void MatMul(Codes x)
    {
        if (_draft.Chance(35) && x.Dims[..^1].Aggregate(x.Dims[^2], (p, d) => p * d) <= 1 << 20) // a flat value makes a square of gigabytes
        {
            // by itself, on its side
            long[] order = [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)];
            (order[^1], order[^2]) = (order[^2], order[^1]);
            string side = _draft.Node("Transpose", [Float(x)], n => n.With("perm", order));
            Finish(_draft.Node("MatMul", [Float(x), side]), [.. x.Dims[..^1], x.Dims[^2]], x.Amplitude * x.Amplitude * MathF.Sqrt(x.Dims[^1]));
            return;
        }

        int outputs = Random.Next(1, 24);
        (string w, float[] scales) = Weight([x.Dims[^1], outputs], 1);
        string y = _draft.Node("MatMul", [Float(x), w]);
        if (_draft.Chance(25))
        {
            y = _draft.Node("Add", [y, _draft.Constant(_draft.RandomFloats(x.Amplitude, outputs))]);
        }

        Finish(y, [.. x.Dims[..^1], outputs], Amplitude(x, scales, x.Dims[^1]));
    }

    private static float Amplitude(Codes x, float[] scales, long depth) => x.Scale * scales.Max() * 60 * 60 * MathF.Sqrt(depth);

    /// <summary>A dequantized constant, with a scale for all or for each index of an axis.</summary>
    private (string Name, float[] Scales) Weight(long[] dims, int? axis)
    {
        int channels = axis is { } a && _draft.Chance(50) ? (int)dims[a] : 0; // 0: one for all
        float[] scales = [.. Enumerable.Range(0, Math.Max(1, channels)).Select(_ => _draft.RandomScale(0.01f))];
        bool four = _draft.Opset >= 21 && _draft.Chance(20);
        bool signed = _draft.Chance(75);
        ElementType type = four ? signed ? ElementType.Int4 : ElementType.UInt4 : signed ? ElementType.Int8 : ElementType.UInt8;
        var codes = new byte[type.ByteCount(dims.Aggregate(1L, (p, d) => p * d))];
        Random.NextBytes(codes);
        string zero = "";
        if (!signed || _draft.Chance(30))
        {
            var zeros = new byte[type.ByteCount(scales.Length)];
            Random.NextBytes(zeros);
            zero = _draft.Constant(new Tensor(type, channels == 0 ? [] : [channels], zeros));
        }

        string scale = _draft.Constant(channels == 0 ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, channels));
        string y = _draft.Node(
            "DequantizeLinear",
            zero.Length > 0 ? [_draft.Constant(new Tensor(type, dims, codes)), scale, zero] : [_draft.Constant(new Tensor(type, dims, codes)), scale],
            n => channels == 0 ? n : n.With("axis", _draft.Chance(80) ? axis!.Value : axis!.Value - dims.Length));
        return (y, scales);
    }

    private string[] Bias(int channels, float input, float[] scales)
    {
        float Unit(int channel) => input * scales[scales.Length == 1 ? 0 : channel];
        int[] codes = [.. Enumerable.Range(0, channels).Select(_ => Random.Next(-20000, 20000))];
        switch (Random.Next(5))
        {
            case 0:
                return [];
            case 1:
                return [_draft.Constant(Tensor.Of([.. codes.Select((c, i) => (c + 0.3f) * Unit(i))], channels))];
            case 2:
                // units of its own
                return [_draft.Node("DequantizeLinear", [_draft.Constant(Tensor.Of([.. codes.Select(c => c / 50)], channels)), _draft.Float(Unit(0) * 37)])];
            default:
                string name = _draft.Constant(Tensor.Of(codes, channels));
                return scales.Length == 1
                    ? [_draft.Node("DequantizeLinear", [name, _draft.Float(Unit(0))])]
                    : [_draft.Node("DequantizeLinear", [name, _draft.Constant(Tensor.Of([.. codes.Select((_, i) => Unit(i))], channels))], n => n.With("axis", 0))];
        }
    }
}
