using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Random networks of operators that are integer by definition, whose results are exact: QLinear operators, movement and MaxPool of codes, dynamic quantization.</summary>
internal sealed class IntegerNet
{
    private readonly Draft _draft;
    private readonly List<Codes> _values = [];

    private IntegerNet(int seed) => _draft = new Draft(seed, 17);

    private Random Random => _draft.Random;

    /// <summary>A QLinearAdd or QLinearMul of int8 values, which are held raised by 128.</summary>
    public static (Model Model, Dictionary<string, Tensor> Feed) SignedBinary(int seed)
    {
        IntegerNet net = new(seed);
        long[] dims = [2, net._draft.Pick(3, 16), 5, 7];
        for (int i = 0; i < 2; i++)
        {
            net._values.Add(new(net._draft.Input(net._draft.RandomCodes(true, i == 0 || net._draft.Chance(50) ? dims : [2, dims[1], 1, 1])), dims, true, net._draft.RandomScale(0.02f), net._draft.RandomZero(true)));
        }

        net.QLinearBinary(net._values[0], net._values[1]);
        net._draft.Output(net._values[^1].Name);
        return (net._draft.Build(), net._draft.Feed);
    }

    /// <summary>A network and what to feed it.</summary>
    public static (Model Model, Dictionary<string, Tensor> Feed) Make(int seed, int length)
    {
        IntegerNet net = new(seed);
        long[] dims = net.Random.Next(3) switch
        {
            0 => [net.Random.Next(1, 4), net._draft.Pick(2, 5, 12, 33)],
            _ => [net.Random.Next(1, 4), net._draft.Pick(1, 2, 3, 4, 8, 16, 20), net.Random.Next(1, 11), net.Random.Next(1, 11)],
        };
        net.Input(dims);
        for (int i = 0; i < length; i++)
        {
            net.Step();
        }

        foreach (Codes value in net._values.Where(v => v == net._values[^1] || net._draft.Chance(20)))
        {
            net._draft.Output(value.Name);
        }

        Codes last = net._values[^1];
        net._draft.Output(net._draft.Node("DequantizeLinear", net.Quantization(last)));
        return (net._draft.Build(), net._draft.Feed);
    }

    private void Input(long[] dims)
    {
        bool signed = _draft.Chance(40);
        float scale = _draft.RandomScale(0.02f);
        int zero = _draft.RandomZero(signed);
        if (_draft.Chance(40))
        {
            _values.Add(new(_draft.Input(_draft.RandomCodes(signed, dims)), dims, signed, scale, zero));
            return;
        }

        string y = _draft.Node("QuantizeLinear", [_draft.Input(_draft.RandomFloats(3, dims)), _draft.Float(scale), _draft.ZeroPoint(signed, zero)]);
        _values.Add(new(y, dims, signed, scale, zero));
    }

    private string[] Quantization(Codes x) => [x.Name, _draft.Float(x.Scale), _draft.ZeroPoint(x.Signed, x.Zero)];

    private Codes Like(Codes x, long[] dims, float amplitude) => new("", dims, x.Signed, _draft.RandomScale(amplitude / 100), _draft.RandomZero(x.Signed));

    private void Add(string op, string[] inputs, Codes y, Func<Node, Node>? with = null, string domain = "") => _values.Add(y with { Name = _draft.Node(op, inputs, with, domain) });

    private void Step()
    {
        Codes x = _draft.Chance(75) ? _values[^1] : _values[Random.Next(_values.Count)];
        switch (Random.Next(12))
        {
            case < 4 when x.Rank == 4:
                QLinearConv(x);
                break;
            case < 3:
                QLinearMatMul(x);
                break;
            case 3 when x.Rank == 2:
                QGemm(x);
                break;
            case < 6:
                QLinearBinary(x);
                break;
            case 6 when x.Rank == 4:
                Codes mean = Like(x, [x.Dims[0], x.Dims[1], 1, 1], x.Amplitude);
                Add("QLinearGlobalAveragePool", [.. Quantization(x), .. Quantization(mean).Skip(1)], mean, domain: "com.microsoft");
                break;
            case 7 when x.Rank == 4:
                Windows windows = Windows.Random(_draft, x.Dims.AsSpan(2), dilated: true, pooling: true);
                Add("MaxPool", [x.Name], x with { Dims = [.. x.Dims[..2], .. windows.Output] }, n => windows.On(n, dilations: true));
                break;
            case 8:
                Dynamic(x);
                break;
            default:
                Move(x);
                break;
        }
    }

    private void QLinearConv(Codes x)
    {
        int channels = (int)x.Dims[1];
        int groups = _draft.Chance(40) ? channels : channels % 2 == 0 && _draft.Chance(30) ? 2 : 1;
        int outputs = groups == channels && channels > 1 ? channels : groups * Random.Next(1, 20);
        Windows windows = Windows.Random(_draft, x.Dims.AsSpan(2), dilated: true);
        long[] dims = [outputs, channels / groups, .. windows.Kernel];
        bool signed = x.Signed || _draft.Chance(75);
        float[] scales = [.. Enumerable.Range(0, _draft.Chance(50) ? outputs : 1).Select(_ => _draft.RandomScale(0.01f))];
        string scale = _draft.Constant(scales.Length == 1 ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, outputs));
        Codes y = Like(x, [x.Dims[0], outputs, .. windows.Output], x.Scale * 0.01f * 3600 * MathF.Sqrt(dims.Skip(1).Aggregate(1L, (a, b) => a * b)));
        string[] bias = _draft.Chance(50) ? [_draft.Constant(Tensor.Of([.. Enumerable.Range(0, outputs).Select(_ => Random.Next(-20000, 20000))], outputs))] : [];
        string zero = _draft.ZeroPoint(signed, signed && _draft.Chance(70) ? 0 : _draft.RandomZero(signed));
        Add(
            "QLinearConv",
            [.. Quantization(x), _draft.Constant(_draft.RandomCodes(signed, dims)), scale, zero, .. Quantization(y).Skip(1), .. bias],
            y,
            n => windows.On(n, dilations: true).With("group", groups));
    }

    private void QLinearMatMul(Codes x)
    {
        int outputs = Random.Next(1, 30);
        bool signed = x.Signed || _draft.Chance(70);
        string w = _draft.Constant(_draft.RandomCodes(signed, x.Dims[^1], outputs));
        string zero = _draft.ZeroPoint(signed, _draft.Chance(70) ? signed ? 0 : 128 : _draft.RandomZero(signed));
        Codes y = Like(x, [.. x.Dims[..^1], outputs], x.Scale * 0.01f * 3600 * MathF.Sqrt(x.Dims[^1]));
        Add("QLinearMatMul", [.. Quantization(x), w, _draft.Float(_draft.RandomScale(0.01f)), zero, .. Quantization(y).Skip(1)], y);
    }

    private void QGemm(Codes x)
    {
        int outputs = Random.Next(1, 30);
        bool transposed = _draft.Chance(50);
        bool signed = x.Signed || _draft.Chance(70);
        long[] dims = transposed ? [outputs, x.Dims[1]] : [x.Dims[1], outputs];
        string bias = _draft.Chance(60) ? _draft.Constant(Tensor.Of([.. Enumerable.Range(0, outputs).Select(_ => Random.Next(-9999, 9999))], outputs)) : "";
        Codes y = Like(x, [x.Dims[0], outputs], x.Scale * 0.01f * 3600 * MathF.Sqrt(x.Dims[1]));
        Add(
            "QGemm",
            [.. Quantization(x), _draft.Constant(_draft.RandomCodes(signed, dims)), _draft.Float(_draft.RandomScale(0.01f)), _draft.ZeroPoint(signed, signed ? 0 : 128), bias, .. Quantization(y).Skip(1)],
            y,
            n => n.With("transB", transposed ? 1 : 0),
            "com.microsoft");
    }

    private void QLinearBinary(Codes x)
    {
        Codes[] fit = [.. _values.Where(v => v.Signed == x.Signed && v.Rank == x.Rank && v.Dims.Select((d, i) => d == 1 || d == x.Dims[i]).All(b => b))];
        QLinearBinary(x, fit[Random.Next(fit.Length)]);
    }

    private void QLinearBinary(Codes x, Codes other)
    {
        string op = _draft.Pick("QLinearAdd", "QLinearMul");
        Codes y = Like(x, x.Dims, op == "QLinearAdd" ? x.Amplitude + other.Amplitude : x.Amplitude * other.Amplitude);
        string[] operands = _draft.Chance(70) ? [.. Quantization(x), .. Quantization(other)] : [.. Quantization(other), .. Quantization(x)];
        Add(op, [.. operands, .. Quantization(y).Skip(1)], y, domain: "com.microsoft");
    }

    private void Move(Codes x)
    {
        switch (Random.Next(4))
        {
            case 0:
                long[] order = [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)];
                Random.Shuffle(order);
                Add("Transpose", [x.Name], x with { Dims = [.. order.Select(o => x.Dims[o])] }, n => n.With("perm", order));
                break;
            case 1:
                Add("Flatten", [x.Name], x with { Dims = [x.Dims[0], x.Count / x.Dims[0]] });
                break;
            case 2:
                int axis = Random.Next(x.Rank);
                long from = Random.Next((int)x.Dims[axis]);
                Add("Slice", [x.Name, _draft.Integers(from), _draft.Integers(long.MaxValue), _draft.Integers(axis)], x with { Dims = [.. x.Dims.Select((d, i) => i == axis ? d - from : d)] });
                break;
            default:
                int along = x.Rank > 1 ? 1 : 0;
                Add("Concat", [x.Name, x.Name], x with { Dims = [.. x.Dims.Select((d, i) => i == along ? 2 * d : d)] }, n => n.With("axis", along));
                break;
        }
    }

    /// <summary>Codes of a range found at run time, a product in integers, and codes again.</summary>
    private void Dynamic(Codes x)
    {
        string floats = _draft.Node("DequantizeLinear", Quantization(x));
        string[] dynamic = _draft.Node("DynamicQuantizeLinear", [floats], 3);
        bool signed = _draft.Chance(60);
        int outputs = Random.Next(1, 12);
        long[] dims;
        string product;
        if (x.Rank == 4)
        {
            Windows windows = Windows.Random(_draft, x.Dims.AsSpan(2), dilated: true);
            string w = _draft.Constant(_draft.RandomCodes(signed, [outputs, x.Dims[1], .. windows.Kernel]));
            dims = [x.Dims[0], outputs, .. windows.Output];
            product = _draft.Node("ConvInteger", [dynamic[0], w, dynamic[2], _draft.ZeroPoint(signed, signed ? 0 : 128)], n => windows.On(n, dilations: true));
        }
        else
        {
            string w = _draft.Constant(_draft.RandomCodes(signed, x.Dims[^1], outputs));
            dims = [.. x.Dims[..^1], outputs];
            product = _draft.Node("MatMulInteger", [dynamic[0], w, dynamic[2], _draft.ZeroPoint(signed, _draft.RandomZero(signed))]);
        }

        string scale = _draft.Node("Mul", [dynamic[1], _draft.Float(_draft.RandomScale(0.01f))]);
        string y = _draft.Node("Mul", [_draft.Node("Cast", [product], n => n.With("to", 1)), scale]);
        float amplitude = x.Amplitude * 30 * MathF.Sqrt(x.Dims[^1]);
        Codes codes = new("", dims, x.Signed, _draft.RandomScale(amplitude / 100), _draft.RandomZero(x.Signed));
        _values.Add(codes with { Name = _draft.Node("QuantizeLinear", [y, .. Quantization(codes).Skip(1)]) });
    }
}
