using Halftone.Formats;

namespace Halftone.Onnx.Export;

/// <summary>Lowers a node to dynamic quantization: its input is quantized with the range it has at that run.</summary>
/// <remarks>
/// y = Op(x, W) + b  =>  (xq, sx, zx) = DynamicQuantizeLinear(x); a = OpInteger(xq, Wq, zx, zw); y = Cast(a) * (sx * sw) + b.
/// Conv, MatMul, and Gemm without scaling of its own.
/// </remarks>
public static class DynamicExport
{
    /// <summary>Replaces the node.</summary>
    /// <param name="model">The model it is in.</param>
    /// <param name="node">The node.</param>
    /// <param name="weight">Its weight's codes.</param>
    /// <param name="stored">Names of the codes that are in the model already, so that a weight that several nodes read is there once.</param>
    internal static void Lower(Model model, Node node, AffineTensor weight, Dictionary<(AffineTensor Weight, bool Transposed), string> stored)
    {
        Graph graph = model.Graph;
        string tensor = node.Input(1);
        (string x, string scale, string zero) = QuantizedInput(graph, node);
        bool transposed = node.Is("Gemm") && node.Int("transB", 0) != 0;
        ElementType type = weight.Grid switch
        {
            { Bits: <= 8, Signed: true } => ElementType.Int8,
            { Bits: <= 8 } => ElementType.UInt8,
            _ => throw new ModelException($"The weight '{tensor}' has {weight.Grid.Bits}-bit codes, and {(node.Is("Conv") ? "ConvInteger" : "MatMulInteger")} takes 8: ask for 8 bits or fewer."),
        };
        if (!stored.TryGetValue((weight, transposed), out string? codes))
        {
            AffineTensor turned = transposed ? Transposed(weight) : weight;
            codes = graph.AddConstant($"{tensor}_quantized", Codes.Pack(turned.Codes(), [.. turned.Shape.Select(d => (long)d)], type));
            stored.Add((weight, transposed), codes);
        }

        string output = node.Outputs[0];
        string sum = graph.FreshName($"{output}_integer");
        List<string> inputs = [x, codes, zero];
        if (weight.ZeroPoints.Any(z => z != 0))
        {
            inputs.Add(graph.AddConstant($"{tensor}_zero_point", Codes.Pack([.. weight.ZeroPoints], weight.ZeroPoints.Length == 1 ? [] : [weight.ZeroPoints.Length], type)));
        }

        Node integer = new(graph.FreshName($"{node.Name}_integer"), node.Is("Conv") ? "ConvInteger" : "MatMulInteger", inputs, [sum]);
        if (node.Is("Conv"))
        {
            integer.WithAttributesOf(node);
        }

        graph.InsertBefore(node, integer);
        string asFloat = graph.FreshName($"{output}_cast");
        graph.InsertBefore(node, new Node(graph.FreshName($"{node.Name}_cast"), "Cast", [sum], [asFloat]).With("to", (long)ElementType.Float));
        string weightScale = graph.AddConstant($"{tensor}_scale", ScaleTensor(node, weight));
        string product = graph.FreshName($"{output}_scale");
        graph.InsertBefore(node, new Node(graph.FreshName($"{node.Name}_scales"), "Mul", [scale, weightScale], [product]));
        string bias = node.Is("MatMul") ? "" : Bias(graph, node);
        string scaled = bias.Length == 0 ? output : graph.FreshName($"{output}_scaled");
        Node last = node;
        graph.InsertBefore(node, new Node(graph.FreshName($"{node.Name}_scaled"), "Mul", [asFloat, product], [scaled]));
        if (bias.Length > 0)
        {
            graph.InsertBefore(node, new Node(graph.FreshName($"{node.Name}_bias"), "Add", [scaled, bias], [output]));
        }

        graph.Remove(last);
    }

    /// <summary>Whether a node can be lowered so.</summary>
    public static bool Fits(Node node) =>
        node.Is("Conv") || node.Is("MatMul")
        || (node.Is("Gemm") && node.Int("transA", 0) == 0 && node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1);

    private static (string X, string Scale, string Zero) QuantizedInput(Graph graph, Node node)
    {
        string data = node.Input(0);
        if (graph.Consumers(data).FirstOrDefault(n => n.Is("DynamicQuantizeLinear")) is { } there)
        {
            return (there.Outputs[0], there.Outputs[1], there.Outputs[2]);
        }

        Node quantize = new(
            graph.FreshName($"{data}_DynamicQuantizeLinear"), "DynamicQuantizeLinear", [data],
            [graph.FreshName($"{data}_quantized"), graph.FreshName($"{data}_scale"), graph.FreshName($"{data}_zero_point")]);
        graph.InsertBefore(node, quantize);
        return (quantize.Outputs[0], quantize.Outputs[1], quantize.Outputs[2]);
    }

    private static Tensor ScaleTensor(Node node, AffineTensor weight)
    {
        int channels = weight.Scales.Length;
        if (channels == 1)
        {
            return Tensor.Scalar(weight.Scales[0]);
        }

        // channels of a convolution lie on axis 1 of its output, those of a product on the last
        return node.Is("Conv")
            ? Tensor.Of(weight.Scales.AsSpan(), [1, channels, .. Enumerable.Repeat(1L, weight.Shape.Length - 2)])
            : Tensor.Of(weight.Scales.AsSpan(), channels);
    }

    private static string Bias(Graph graph, Node node)
    {
        string bias = node.Input(2);
        if (bias.Length == 0 || node.Is("Gemm"))
        {
            return bias;
        }

        Tensor values = graph.Constant(bias) ?? throw new ModelException($"The bias '{bias}' of '{node.Name}' is no constant.");
        long spatial = graph.Constant(node.Input(1))!.Dims.Length - 2;
        return graph.AddConstant($"{bias}_reshaped", values.Reshape([1, values.Count, .. Enumerable.Repeat(1L, (int)spatial)]));
    }

    private static AffineTensor Transposed(AffineTensor weight)
    {
        (int rows, int columns) = (weight.Shape[0], weight.Shape[1]);
        int[] from = weight.Codes();
        var to = new int[from.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                to[(c * rows) + r] = from[(r * columns) + c];
            }
        }

        Granularity granularity = weight.Granularity.Kind is GranularityKind.Channel ? Granularity.Channel(1 - weight.Granularity.Axis) : weight.Granularity;
        return new AffineTensor([columns, rows], granularity, weight.Grid, to, weight.Scales, weight.ZeroPoints);
    }
}
