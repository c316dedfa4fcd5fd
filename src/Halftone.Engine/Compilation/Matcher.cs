using System.Collections.Immutable;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Finds the nodes that run in integers: what lies between DequantizeLinear and QuantizeLinear, and ONNX's own integer operators.</summary>
/// <remarks>Every node gets one unit. A fused unit stands at the last of its nodes; the units of those before it are emitted only where something else reads them.</remarks>
internal sealed partial class Matcher(TypedGraph typed)
{
    private readonly QuantizedView _view = new(typed);
    private readonly HashSet<Held> _made = [];
    private readonly Dictionary<string, (byte Code, string AtRunTime)> _paddings = [];

    private Graph Graph => typed.Graph;

    /// <summary>The units, in the order of the nodes.</summary>
    public static List<Unit> Match(TypedGraph typed)
    {
        var matcher = new Matcher(typed);
        List<Unit> units = [];
        foreach (Node node in typed.Graph.Nodes)
        {
            Unit unit = matcher.Match(node);
            units.Add(unit);
            matcher._made.UnionWith(unit.Makes);
        }

        return units;
    }

    private Unit Match(Node node)
    {
        if (node.Outputs.All(o => o.Length == 0 || typed.Constant(o) is not null))
        {
            return new DenseUnit { Node = node };
        }

        if (typed.Foreign(node) is { } foreign)
        {
            return new ForeignUnit { Node = node, Foreign = foreign };
        }

        return (node.Domain, node.Op) switch
        {
            ("", "QuantizeLinear") => AtQuantize(node),
            ("", "DequantizeLinear") when _view.Activation(node.Output(0)) is { } input => new DequantizeUnit { Node = node, Input = input },
            ("", "DequantizeLinear") when IsPackedFilter(node) => new DenseUnit { Node = node, KeepsPacked = true },
            ("", "Gemm" or "MatMul") => (Unit?)ToFloats(node) ?? (Unit?)DynamicMatMul(node, node.Output(0), codes: null) ?? LowBitMatMul(node),
            ("", "Transpose") when IsCodes(node.Input(0)) => Turn(node, node.Input(0), node.Output(0)),
            ("", "QLinearConv") => QLinearConv(node),
            ("", "QLinearMatMul") => (Unit?)QLinearMatMul(node) ?? DynamicQLinearMatMul(node),
            ("", "MaxPool") when IsCodes(node.Input(0)) && node.Outputs.Count == 1 => CodesMaxPool(node),
            ("", "DynamicQuantizeLinear") => new DynamicQuantizeUnit { Node = node },
            ("", "MatMulInteger" or "ConvInteger") => (Unit?)IntegerSums(node) ?? DynamicMatMulInteger(node),
            ("", "Mul") => ScaledSums(node),
            ("", "Add") => BiasedSums(node),
            ("com.microsoft", "MatMulIntegerToFloat") => MatMulIntegerToFloat(node),
            ("com.microsoft", "DynamicQuantizeMatMul") => DynamicQuantizeMatMul(node),
            ("com.microsoft", "QLinearAdd" or "QLinearMul") => QLinearBinary(node),
            ("com.microsoft", "QLinearGlobalAveragePool") => QLinearGlobalAveragePool(node),
            ("com.microsoft", "QGemm") => QGemm(node),
            ("com.microsoft", "MatMulNBits") => MatMulNBits(node),
            _ => null,
        } ?? new DenseUnit { Node = node };
    }

    /// <summary>Whether a node makes convolutions' weights of 4 or 2 bits, of which as floats only those of the layer that runs need take memory.</summary>
    private bool IsPackedFilter(Node node) =>
        Graph.Constant(node.Input(0))?.Type.Bits() is 2 or 4 && !Graph.IsOutput(node.Output(0))
        && Graph.Consumers(node.Output(0)).All(c => (c.Is("Conv") || c.Is("ConvTranspose")) && c.Input(1) == node.Output(0));

    private bool IsCodes(string name) => typed.Type(name).Element is ElementType.UInt8 or ElementType.Int8;

    /// <summary>The form the value is made in; codes where nothing says.</summary>
    private Form FormOf(string codes) => _made.Contains(new(codes, Form.Image)) ? Form.Image : Form.Codes;

    /// <summary>Whether a border of so much can be filled with the input's zero point: all readers of an image must agree on it.</summary>
    private bool MayPad(Activation input, Border border) => MayPad(input.Codes, border, (input.Range.ZeroPoint, ""));

    private bool MayPad(string codes, Border border, (byte Code, string AtRunTime) padding) => border == default || _paddings.TryAdd(codes, padding) || _paddings[codes] == padding;

    private Unit? AtQuantize(Node node)
    {
        if (_view.Range(node.Output(0), node.Input(1), node.Input(2)) is not { } range || typed.Type(node.Input(0)).Element != ElementType.Float
            || node.Int("block_size", 0) != 0)
        {
            return null;
        }

        return Fused(node, range) ?? new QuantizeUnit { Node = node, Range = range, MayBeImages = typed.Type(node.Output(0)).Rank is 3 or 4 };
    }

    private Unit? Fused(Node quantize, QuantizedRange range)
    {
        var codes = new OutputCodes(range, 0, 255);
        string value = quantize.Input(0);
        string name = quantize.Output(0);
        if (Graph.Producer(value) is not { } producer)
        {
            return null;
        }

        // an activation after a product only bounds its codes
        if (Bounds(producer, codes) is { } bounded && _view.OnlyReader(producer.Input(0)) is not null && Graph.Producer(producer.Input(0)) is { } before
            && _view.OnlyReader(value) is not null && Product(before, name, bounded) is { } activated)
        {
            return activated;
        }

        if (_view.OnlyReader(value) is null)
        {
            return Table(quantize, range);
        }

        return Product(producer, name, codes) ?? Table(quantize, range) ?? Split(producer, value, name, range) ?? Other(producer, name, range);
    }

    private Unit? Product(Node node, string output, OutputCodes codes) => node.Domain.Length > 0 ? null : node.Op switch
    {
        "Conv" => Conv(node, output, codes),
        "ConvTranspose" => ConvTranspose(node, output, codes),
        "Gemm" or "MatMul" => (Unit?)Matrix(node, output, codes) ?? DynamicMatMul(node, output, codes),
        "Add" or "Sub" or "Mul" => Binary(node, output, codes),
        _ => null,
    };

    private Unit? Other(Node node, string output, QuantizedRange range) => node.Domain.Length > 0 ? null : node.Op switch
    {
        "MaxPool" or "AveragePool" => Pool(node, output, range),
        "GlobalAveragePool" => GlobalPool(node, output, range),
        "ReduceMean" => ReduceMean(node, output, range),
        "Concat" => Concat(node, output, range),
        _ => Move(node, output, range),
    };

    /// <summary>Relu and Clip as bounds of the codes; rounding is monotonous, so bounding after it is the same.</summary>
    private OutputCodes? Bounds(Node node, OutputCodes codes)
    {
        if (node.Is("Relu"))
        {
            return codes with { Least = Math.Max(codes.Least, codes.Range.ZeroPoint) };
        }

        if (!node.Is("Clip"))
        {
            return null;
        }

        float? low = Limit(node, "min", 1, float.NegativeInfinity);
        float? high = Limit(node, "max", 2, float.PositiveInfinity);
        return low is { } l && high is { } h && l <= h ? codes with { Least = Code(l, codes.Range), Most = Code(h, codes.Range) } : null;
    }

    private float? Limit(Node node, string attribute, int input, float missing)
    {
        if (node.Has(attribute) || node.Input(input).Length == 0)
        {
            return node.Float(attribute, missing);
        }

        return typed.Constant(node.Input(input)) is { Type: ElementType.Float, Count: 1 } t && !float.IsNaN(t.As<float>()[0]) ? t.As<float>()[0] : null;
    }

    private static byte Code(float value, QuantizedRange range) => (byte)Math.Clamp(Math.Round(value / range.Scale) + range.ZeroPoint, 0, 255);

    private ConvUnit? Conv(Node node, string output, OutputCodes codes)
    {
        if (_view.Activation(node.Input(0)) is not { } input || _view.Weights(node.Input(1), 0) is not { } weights)
        {
            return null;
        }

        int outputs = typed.Type(node.Input(1)).Dims[0];
        return _view.Bias(node.Input(2), outputs, input.Range.Scale, weights.Scale) is { } bias
            ? Conv(node, node.Output(0), typed.Type(node.Input(1)).Dims, input, weights, bias, output, codes) : null;
    }

    private ConvUnit? Conv(
        Node node, string result, ImmutableArray<int> filters, Activation input, Weights weights, int[] bias, string output, OutputCodes codes)
    {
        if (ConvGeometry.Of(node, typed.Type(input.Codes).Dims, filters, typed.Type(result).Dims) is not { } geometry || !weights.Fits(geometry.Outputs)
            || !MayPad(input, geometry.Border))
        {
            return null;
        }

        return new() { Node = node, Geometry = geometry, Input = input, Weights = weights, Bias = bias, Output = output, Codes = codes };
    }

    private MatrixUnit? Matrix(Node node, string output, OutputCodes? codes)
    {
        bool gemm = node.Is("Gemm");
        bool transposed = gemm && node.Int("transB", 0) != 0;
        if (gemm && (node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1 || (node.Input(2).Length > 0 && node.Float("beta", 1) != 1)))
        {
            return null;
        }

        ImmutableArray<int> w = typed.Type(node.Input(1)).Dims;
        ImmutableArray<int> x = typed.Type(node.Input(0)).Dims;
        if (w.Length != 2 || x.Length < 2 || x.Any(d => d == 0) || w.Any(d => d == 0) || _view.Activation(node.Input(0)) is not { } input
            || _view.Weights(node.Input(1), transposed ? 0 : 1) is not { } weights)
        {
            return null;
        }

        (int depth, int channels) = transposed ? (w[1], w[0]) : (w[0], w[1]);
        string biasName = gemm ? node.Input(2) : "";
        if (biasName.Length > 0 && typed.Type(biasName).Count != channels)
        {
            return null;
        }

        // a float result takes the bias as it is, codes take it in units of the sums
        float[]? offset = codes is null ? _view.BiasNumbers(biasName, channels) : [];
        return weights.Fits(channels) && offset is not null && _view.Bias(codes is null ? "" : biasName, channels, input.Range.Scale, weights.Scale) is { } bias
            ? new()
            {
                Node = node,
                Input = input,
                Weights = weights,
                Transposed = transposed,
                Shape = (x[..^1].Aggregate(1, (a, b) => a * b), depth, channels),
                Bias = bias,
                Offset = offset,
                Output = output,
                Codes = codes,
            }
            : null;
    }

    /// <summary>A product whose result stays a float.</summary>
    private MatrixUnit? ToFloats(Node node) => Matrix(node, node.Output(0), codes: null);

    private BinaryUnit? Binary(Node node, string output, OutputCodes codes) =>
        _view.Activation(node.Input(0)) is { } a && _view.Activation(node.Input(1)) is { } b ? Binary(node, node.Op, a, b, output, codes) : null;

    private BinaryUnit? Binary(Node node, string operation, Activation a, Activation b, string output, OutputCodes codes)
    {
        ImmutableArray<int> y = typed.Type(output).Dims;
        (ImmutableArray<int> left, ImmutableArray<int> right) = (typed.Type(a.Codes).Dims, typed.Type(b.Codes).Dims);
        if (y.Any(d => d == 0))
        {
            return null;
        }

        if (!left.SequenceEqual(y) && operation != "Sub")
        {
            (a, b, left, right) = (b, a, right, left); // they commute
        }

        Form form = FormOf(a.Codes);
        bool same = right.SequenceEqual(y);
        if (same && form != FormOf(b.Codes))
        {
            // an operand that can be made in either form follows the other
            bool codesBoth = _made.Contains(new(a.Codes, Form.Codes)) && _made.Contains(new(b.Codes, Form.Codes));
            form = y.Length is 3 or 4 && !codesBoth ? Form.Image : Form.Codes;
        }

        if (!left.SequenceEqual(y) || !(same || IsPerChannel(right, y, form)))
        {
            return null;
        }

        bool signed = ((string[])[a.Codes, b.Codes, output]).All(c => typed.Type(c).Element == ElementType.Int8);
        return new() { Node = node, Operation = operation, A = a, B = b, Signed = signed, PerChannel = !same, Output = output, Codes = codes, Form = form };
    }

    /// <summary>Whether a second operand has one element for each channel: axis 1 of images, the last axis of row-major codes.</summary>
    private static bool IsPerChannel(ImmutableArray<int> b, ImmutableArray<int> y, Form form)
    {
        if (form == Form.Codes)
        {
            return b.Length > 0 && b[^1] == y[^1] && b[..^1].All(d => d == 1);
        }

        int channels = b.Length - (y.Length - 1);
        return channels >= 0 && b[channels] == y[1] && b[(channels + 1)..].All(d => d == 1) && (channels == 0 || b[0] == 1 || b[0] == y[0]);
    }
}
