using System.Collections.Immutable;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Pools, means, movement, and operators that are integer by themselves.</summary>
internal sealed partial class Matcher
{
    private PoolUnit? Pool(Node node, string output, QuantizedRange range)
    {
        bool largest = node.Op == "MaxPool";
        if (_view.Activation(node.Input(0)) is not { } input || node.Outputs.Count > 1 || (largest && input.Range != range))
        {
            return null;
        }

        return Pool(node, input, output, range, largest);
    }

    private PoolUnit? CodesMaxPool(Node node) => Pool(node, new(node.Input(0), default), node.Output(0), default, largest: true);

    private PoolUnit? Pool(Node node, Activation input, string output, QuantizedRange range, bool largest)
    {
        ImmutableArray<int> x = typed.Type(input.Codes).Dims;
        if (node.Ints("kernel_shape") is not { } kernel || x.Length != kernel.Length + 2 || kernel.Length > 2)
        {
            return null;
        }

        ImmutableArray<int> window = [x[1], x[1], .. kernel.Select(k => (int)k)];
        return ConvGeometry.Of(node, x, window, typed.Type(output).Dims) is not { } windows
            ? null
            : new()
            {
                Node = node,
                Input = input,
                Output = output,
                Range = range,
                Windows = windows,
                Largest = largest,
                CountPad = node.Int("count_include_pad", 0) != 0,
            };
    }

    private PoolUnit? GlobalPool(Node node, string output, QuantizedRange range) =>
        _view.Activation(node.Input(0)) is { } input && typed.Type(input.Codes).Rank is 3 or 4
            ? new() { Node = node, Input = input, Output = output, Range = range, Windows = null, Largest = false } : null;

    /// <summary>A mean over all of an image; without kept axes the codes are the same, since row-major and images agree on one pixel.</summary>
    private PoolUnit? ReduceMean(Node node, string output, QuantizedRange range)
    {
        if (_view.Activation(node.Input(0)) is not { } input || typed.Type(input.Codes).Dims is not { Length: 4 } x || node.Int("keepdims", 1) == 0)
        {
            return null;
        }

        long[]? axes = node.Ints("axes") ?? (node.Input(1).Length > 0 ? typed.Constant(node.Input(1))?.ToInt64s() : null);
        return axes is not null && axes.Select(a => a < 0 ? a + 4 : a).Order().SequenceEqual([2, 3])
            ? new() { Node = node, Input = input, Output = output, Range = range, Windows = null, Largest = false } : null;
    }

    private Unit? Concat(Node node, string output, QuantizedRange range)
    {
        Activation?[] inputs = [.. node.Inputs.Select(_view.Activation)];
        ImmutableArray<int> y = typed.Type(output).Dims;
        long axis = node.Int("axis", 1);
        if (inputs.Any(i => i is null))
        {
            return null;
        }

        if ((axis < 0 ? axis + y.Length : axis) == 1 && y.Length is 3 or 4 && y.All(d => d > 0) && inputs.Any(i => FormOf(i!.Value.Codes) == Form.Image)
            && inputs.All(i => typed.Type(i!.Value.Codes).Count > 0))
        {
            return new ConcatUnit
            {
                Node = node,
                Inputs = [.. inputs.Select(i => i!.Value)],
                Output = output,
                Tables = [.. inputs.Select(i => Requantized(i!.Value.Range, range))],
            };
        }

        return inputs.All(i => i!.Value.Range == range)
            ? new MoveUnit { Node = node, Output = output, Codes = inputs.Select((a, i) => (a!.Value.Codes, i)).ToImmutableDictionary(p => p.i, p => p.Codes) } : null;
    }

    /// <summary>Codes of one range as codes of another: through the numbers they stand for. Null where they are the same.</summary>
    private static byte[]? Requantized(QuantizedRange from, QuantizedRange to) => from == to
        ? null
        : [.. Enumerable.Range(0, 256).Select(code => (byte)Math.Clamp(MathF.Round((code - from.ZeroPoint) * from.Scale / to.Scale) + to.ZeroPoint, 0, 255))];

    /// <summary>A Transpose that takes row-major channels-last codes for images, or images for such codes: the bytes stay in their order.</summary>
    private TurnUnit? Turn(Node node, string input, string output)
    {
        bool toImage = node.Ints("perm") is [0, 3, 1, 2];
        return (toImage || node.Ints("perm") is [0, 2, 3, 1]) && typed.Type(output).Count > 0 ? new() { Node = node, Input = input, Output = output, ToImage = toImage } : null;
    }

    private Unit? Move(Node node, string output, QuantizedRange range)
    {
        if (_view.Activation(node.Input(0)) is not { } input || input.Range != range || node.Outputs.Count != 1 || typed.Type(output).Count == 0)
        {
            return null;
        }

        if (node.Op == "Transpose" && Turn(node, input.Codes, output) is { } turn)
        {
            return turn;
        }

        if (node.Op == "Slice" && Slice(node, input, output, range) is { } piece)
        {
            return piece;
        }

        ImmutableDictionary<int, string> codes = ImmutableDictionary<int, string>.Empty.Add(0, input.Codes);
        return node.Op switch
        {
            "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Identity" or "Transpose" or "Slice" or "Gather" or "Expand" or "Tile" or "DepthToSpace" or "SpaceToDepth" =>
                new() { Node = node, Output = output, Codes = codes },
            "Resize" when node.Text("mode", "nearest") == "nearest" && node.Text("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize" =>
                new() { Node = node, Output = output, Codes = codes },
            "Pad" when typed.Model.Opset >= 11 => Pad(node, input, output, codes),
            _ => null,
        };
    }

    private MoveUnit? Pad(Node node, Activation input, string output, ImmutableDictionary<int, string> codes)
    {
        float value = 0;
        if (node.Input(2).Length > 0)
        {
            if (typed.Constant(node.Input(2)) is not { Type: ElementType.Float, Count: 1 } constant)
            {
                return null;
            }

            value = constant.As<float>()[0];
        }
        else if (node.Text("mode", "constant") == "constant")
        {
            // ONNX fills with 0, whose code is the zero point; without a third input there is no place for it
            return input.Range.ZeroPoint == 0 ? new() { Node = node, Output = output, Codes = codes } : null;
        }

        ImmutableDictionary<int, Tensor> replaced = node.Input(2).Length == 0
            ? ImmutableDictionary<int, Tensor>.Empty
            : ImmutableDictionary<int, Tensor>.Empty.Add(2, Tensor.Scalar(Code(value, input.Range)));
        return new() { Node = node, Output = output, Codes = codes, Replaced = replaced };
    }

    private Activation? Codes(Node node, int input) =>
        typed.Constant(node.Input(input)) is null && _view.Range(node.Input(input), node.Input(input + 1), node.Input(input + 2)) is { } range
            ? new(node.Input(input), range) : null;

    private Weights? ConstantWeights(Node node, int input, int axis) =>
        Weights.Of(typed.Constant(node.Input(input)), typed.Constant(node.Input(input + 1)), typed.Constant(node.Input(input + 2)), node.Input(input + 2).Length > 0, axis);

    private ConvUnit? QLinearConv(Node node)
    {
        if (Codes(node, 0) is not { } input || ConstantWeights(node, 3, 0) is not { } weights || _view.Range(node.Output(0), node.Input(6), node.Input(7)) is not { } range)
        {
            return null;
        }

        ImmutableArray<int> filters = typed.Type(node.Input(3)).Dims;
        int[]? bias = node.Input(8).Length == 0 ? new int[filters[0]] : typed.Constant(node.Input(8)) is { Type: ElementType.Int32 } b ? b.As<int>().ToArray() : null;
        return bias is null ? null : Conv(node, node.Output(0), filters, input, weights, bias, node.Output(0), new(range, 0, 255));
    }

    private MatrixUnit? QLinearMatMul(Node node)
    {
        ImmutableArray<int> w = typed.Type(node.Input(3)).Dims;
        return w.Length == 2 && _view.Range(node.Output(0), node.Input(6), node.Input(7)) is { } range ? IntegerMatrix(node, w[1], new int[w[1]], transposed: false, new(range, 0, 255)) : null;
    }

    /// <summary>QGemm: like Gemm, its bias in units of the sums; without an output scale its result is a float.</summary>
    private MatrixUnit? QGemm(Node node)
    {
        ImmutableArray<int> w = typed.Type(node.Input(3)).Dims;
        bool transposed = node.Int("transB", 0) != 0;
        if (w.Length != 2 || node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1)
        {
            return null;
        }

        int channels = w[transposed ? 0 : 1];
        int[]? bias = node.Input(6).Length == 0 ? new int[channels]
            : typed.Constant(node.Input(6)) is { Type: ElementType.Int32 } b && b.Count == channels ? b.As<int>().ToArray() : null;
        OutputCodes? codes = node.Input(7).Length > 0 && _view.Range(node.Output(0), node.Input(7), node.Input(8)) is { } range ? new(range, 0, 255) : null;
        return bias is null || (node.Input(7).Length > 0 && codes is null) ? null : IntegerMatrix(node, channels, bias, transposed, codes);
    }

    private MatrixUnit? IntegerMatrix(Node node, int channels, int[] bias, bool transposed, OutputCodes? codes)
    {
        ImmutableArray<int> x = typed.Type(node.Input(0)).Dims;
        if (x.Length < 2 || x.Any(d => d == 0) || channels == 0 || Codes(node, 0) is not { } input || ConstantWeights(node, 3, transposed ? 0 : 1) is not { } weights
            || !weights.Fits(channels))
        {
            return null;
        }

        return new()
        {
            Node = node,
            Input = input,
            Weights = weights,
            Transposed = transposed,
            Shape = (x[..^1].Aggregate(1, (a, b) => a * b), x[^1], channels),
            Bias = bias,
            Output = node.Output(0),
            Codes = codes,
        };
    }

    private BinaryUnit? QLinearBinary(Node node) =>
        Codes(node, 0) is { } a && Codes(node, 3) is { } b && _view.Range(node.Output(0), node.Input(6), node.Input(7)) is { } range
            ? Binary(node, node.Op["QLinear".Length..], a, b, node.Output(0), new(range, 0, 255)) : null;

    private PoolUnit? QLinearGlobalAveragePool(Node node) =>
        node.Int("channels_last", 0) == 0 && Codes(node, 0) is { } input && _view.Range(node.Output(0), node.Input(3), node.Input(4)) is { } range
        && typed.Type(node.Input(0)).Rank is 3 or 4
            ? new() { Node = node, Input = input, Output = node.Output(0), Range = range, Windows = null, Largest = false } : null;
}
