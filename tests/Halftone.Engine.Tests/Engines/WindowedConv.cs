using Halftone.Onnx;

namespace Halftone.Engine.Tests.Engines;

/// <summary>A QLinearConv of random codes with pads, strides, dilations and groups, whose input has the zero point 37.</summary>
internal sealed class WindowedConv
{
    public const int InputZero = 37;
    public const int OutputZero = 100;

    private readonly int _channels;
    private readonly int _height;
    private readonly int _width;
    private readonly int _kernelHeight;
    private readonly int _kernelWidth;
    private readonly int[] _strides;
    private readonly int[] _dilations;
    private readonly int[] _pads;
    private readonly byte[] _x;

    public WindowedConv(int seed, bool bytes = false, bool zeros = false)
    {
        var random = new Random(seed);
        Groups = random.Next(3) == 0 ? random.Next(2, 4) : 1;
        _channels = Groups * random.Next(1, 10);
        Outputs = Groups * random.Next(1, 20);
        (_kernelHeight, _kernelWidth) = (random.Next(1, 4), random.Next(1, 5));
        _strides = [random.Next(1, 4), random.Next(1, 4)];
        _dilations = [random.Next(1, 3), random.Next(1, 3)];
        _pads = [.. Enumerable.Range(0, 4).Select(_ => random.Next(0, 3))];
        (_height, _width) = (random.Next(0, 6) + ((_kernelHeight - 1) * _dilations[0]) + 1, random.Next(0, 6) + ((_kernelWidth - 1) * _dilations[1]) + 1);
        (Bytes, Batch) = (bytes, random.Next(1, 3));
        _x = new byte[Batch * _channels * _height * _width];
        random.NextBytes(_x);
        Weights = [.. Enumerable.Range(0, Outputs * Depth).Select(_ => random.Next(256) - (bytes ? 0 : 128))];
        Zeros = [.. Enumerable.Range(0, Outputs).Select(_ => zeros ? random.Next(256) - (bytes ? 0 : 128) : 0)];
        Bias = [.. Enumerable.Range(0, Outputs).Select(_ => random.Next(-3000, 3000))];
        Scales = [.. Enumerable.Range(0, Outputs).Select(_ => (0.3f + random.NextSingle()) / (60f * 60 * MathF.Sqrt(Depth)))];
    }

    public int Batch { get; }

    public int Groups { get; }

    public int Outputs { get; }

    public bool Bytes { get; }

    /// <summary>Whether each channel has a filter of its own, which the engines compute apart.</summary>
    public bool IsDepthwise => Groups > 1 && _channels == Groups && Outputs == Groups;

    public int Depth => _channels / Groups * _kernelHeight * _kernelWidth;

    /// <summary>[output, channel, kernel row, tap].</summary>
    public int[] Weights { get; }

    public int[] Zeros { get; }

    public int[] Bias { get; }

    public float[] Scales { get; }

    private int OutputHeight => ((_height + _pads[0] + _pads[2] - ((_kernelHeight - 1) * _dilations[0]) - 1) / _strides[0]) + 1;

    private int OutputWidth => ((_width + _pads[1] + _pads[3] - ((_kernelWidth - 1) * _dilations[1]) - 1) / _strides[1]) + 1;

    /// <summary>The model.</summary>
    public OneNode Node()
    {
        Node conv = new Node("node", "QLinearConv", [], []).With("strides", Long(_strides)).With("dilations", Long(_dilations)).With("pads", Long(_pads)).With("group", Groups);
        Tensor Codes(int[] values, params long[] dims) =>
            Bytes ? Tensor.Of(Array.ConvertAll(values, v => (byte)v), dims) : Tensor.Of(Array.ConvertAll(values, v => (sbyte)v), dims);
        return OneNode.Of(
            conv,
            ElementType.UInt8,
            [
                Tensor.Of(_x, Batch, _channels, _height, _width), Tensor.Scalar(1f), Tensor.Scalar((byte)InputZero),
                Codes(Weights, Outputs, _channels / Groups, _kernelHeight, _kernelWidth), Tensor.Of(Scales, Outputs), Codes(Zeros, Outputs),
                Tensor.Scalar(1f), Tensor.Scalar((byte)OutputZero), Tensor.Of(Bias, Outputs),
            ],
            0);
    }

    /// <summary>The output's codes, from what becomes of a window and of a sum.</summary>
    /// <param name="sum">The sum of a window of codes and an output's weights, both [kernel row, tap, channel], and the output.</param>
    /// <param name="round">The rounded product of a sum and an output's scale.</param>
    /// <param name="padding">The code that lies around the input.</param>
    public byte[] Expected(Func<int[], int[], int, int> sum, Func<int, int, long> round, int padding = InputZero) =>
    [
        .. from image in Enumerable.Range(0, Batch)
           from output in Enumerable.Range(0, Outputs)
           from row in Enumerable.Range(0, OutputHeight)
           from column in Enumerable.Range(0, OutputWidth)
           let total = sum(Window(image, output, row, column, padding), Filter(output), output) + Bias[output]
           select (byte)Math.Clamp(round(total, output) + OutputZero, 0, 255),
    ];

    /// <summary>The sum that a convolution is, in integers: zero points taken off first.</summary>
    public int Exact(int[] window, int[] filter, int output) => window.Zip(filter, (a, w) => (a - InputZero) * (w - Zeros[output])).Sum();

    /// <summary>ONNX's rounding.</summary>
    public long Nearest(int sum, int output) => (long)MathF.Round(sum * Scales[output], MidpointRounding.ToEven);

    private static long[] Long(int[] values) => Array.ConvertAll(values, v => (long)v);

    private int[] Filter(int output) =>
    [
        .. from i in Enumerable.Range(0, _kernelHeight)
           from j in Enumerable.Range(0, _kernelWidth)
           from c in Enumerable.Range(0, _channels / Groups)
           select Weights[(((((output * (_channels / Groups)) + c) * _kernelHeight) + i) * _kernelWidth) + j],
    ];

    private int[] Window(int image, int output, int row, int column, int padding)
    {
        int each = _channels / Groups;
        int first = output / (Outputs / Groups) * each;
        return
        [
            .. from i in Enumerable.Range(0, _kernelHeight)
               from j in Enumerable.Range(0, _kernelWidth)
               from c in Enumerable.Range(first, each)
               let y = (row * _strides[0]) - _pads[0] + (i * _dilations[0])
               let x = (column * _strides[1]) - _pads[1] + (j * _dilations[1])
               select y >= 0 && y < _height && x >= 0 && x < _width ? _x[(((((image * _channels) + c) * _height) + y) * _width) + x] : padding,
        ];
    }
}
