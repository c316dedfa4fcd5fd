namespace Halftone.Onnx.Export;

/// <summary>Integer operators to QDQ: each becomes DequantizeLinear, its float operator, QuantizeLinear.</summary>
/// <remarks>Operators that move codes are wrapped as well, with the map that their codes carry. The same limits of exactness as <see cref="ToQOperator"/>.</remarks>
internal static class FromQOperator
{
    private static readonly HashSet<string> s_elementwise = ["QLinearAdd", "QLinearMul", "QLinearWhere"];

    private static readonly HashSet<string> s_unary = ["QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax"];

    private static readonly HashSet<string> s_products = ["QLinearConv", "QLinearMatMul", "QGemm", "MatMulInteger", "ConvInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"];

    /// <summary>Whether a node is an integer operator.</summary>
    public static bool Takes(Node node) =>
        node.Domain is "" or Codes.Microsoft
        && (s_elementwise.Contains(node.Op) || s_unary.Contains(node.Op) || s_products.Contains(node.Op)
            || node.Op.StartsWith("QLinear", StringComparison.Ordinal) || node.Op is "QAttention" or "QEmbedLayerNormalization" or "QMoE" or "DynamicQuantizeLSTM");

    public static void Apply(Conversion work)
    {
        work.Graph.Sort();
        var wrap = new Wrapping(work);
        foreach (Node node in work.Graph.Nodes.ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            if (!work.Graph.Nodes.Contains(node))
            {
                continue;
            }

            if (Takes(node))
            {
                Convert(work, wrap, node);
            }
            else
            {
                wrap.OnCodes(node);
            }
        }
    }

    private static void Convert(Conversion work, Wrapping wrap, Node node)
    {
        if (s_elementwise.Contains(node.Op))
        {
            bool where = node.Op == "QLinearWhere";
            int at = where ? 1 : 0;
            string[] inputs = [wrap.Dequantize(node, at), wrap.Dequantize(node, at + 3)];
            wrap.Put(node, node.Op[7..], where ? [node.Input(0), .. inputs] : inputs, new(node.Input(at + 6), node.Input(at + 7)));
        }
        else if (s_unary.Contains(node.Op))
        {
            if (node.Int("channels_last", 0) != 0)
            {
                throw work.Refuse(node, "has its channels last, which standard operators have not.");
            }

            wrap.Put(node, node.Op[7..], [wrap.Dequantize(node, 0)], new(node.Input(3), node.Input(4))).Without("channels_last").Without("opset");
        }
        else
        {
            switch (node.Op)
            {
                case "QLinearConcat":
                    wrap.Put(node, "Concat", [.. Enumerable.Range(0, (node.Inputs.Count - 2) / 3).Select(i => wrap.Dequantize(node, 2 + (3 * i)))], new(node.Input(0), node.Input(1)));
                    break;
                case "QLinearConv":
                    Conv(work, wrap, node);
                    break;
                case "QLinearMatMul":
                    wrap.Put(node, "MatMul", [wrap.Dequantize(node, 0), wrap.Dequantize(node, 3)], new(node.Input(6), node.Input(7)));
                    break;
                case "QGemm":
                    Gemm(work, wrap, node);
                    break;
                case "MatMulInteger" or "ConvInteger":
                    Integer(work, wrap, node);
                    break;
                case "MatMulIntegerToFloat" or "DynamicQuantizeMatMul":
                    ToFloatProduct(wrap, node);
                    break;
                default:
                    throw work.Refuse(node, "has no float operator that does the same between DequantizeLinear and QuantizeLinear.");
            }
        }
    }

    private static void Conv(Conversion work, Wrapping wrap, Node node)
    {
        if (node.Int("channels_last", 0) != 0)
        {
            throw work.Refuse(node, "has its channels last, which Conv has not.");
        }

        List<string> inputs = [wrap.Dequantize(node, 0), wrap.Dequantize(node, 3, axis: 0)];
        if (node.Input(8).Length > 0)
        {
            inputs.Add(Bias(work, wrap, node, node.Input(8), node.Input(1), node.Input(4), 1, axis: 0));
        }

        wrap.Put(node, "Conv", inputs, new(node.Input(6), node.Input(7))).Without("channels_last");
    }

    private static void Gemm(Conversion work, Wrapping wrap, Node node)
    {
        List<string> inputs = [wrap.Dequantize(node, 0), wrap.Dequantize(node, 3, node.Int("transB", 0) != 0 ? 0 : 1)];
        if (node.Input(6).Length > 0)
        {
            int axis = (work.Graph.Constant(node.Input(6))?.Dims.Length ?? 1) - 1;
            inputs.Add(Bias(work, wrap, node, node.Input(6), node.Input(1), node.Input(4), node.Float("alpha", 1), Math.Max(axis, 0)));
        }

        wrap.Put(node, "Gemm", inputs, node.Input(7).Length > 0 ? new(node.Input(7), node.Input(8)) : null);
    }

    private static string Bias(Conversion work, Wrapping wrap, Node node, string codes, string inputScale, string weightScale, float alpha, int axis)
    {
        if (work.Graph.Constant(inputScale) is not { Count: 1 } input || work.Graph.Constant(weightScale) is not { } weights)
        {
            throw work.Refuse(node, "has a bias, and scales that are not constant.");
        }

        float s = input.ToFloats()[0] * alpha;
        float[] scales = [.. weights.ToFloats().Select(w => w * s)];
        string scale = work.Graph.AddConstant(codes + "_scale", scales.Length == 1 ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, scales.Length));
        return wrap.Dequantize(node, codes, new AffineMap(scale, "", axis));
    }

    /// <summary>MatMulInteger or ConvInteger, Cast, Mul by the scales: the product of two dequantized tensors.</summary>
    private static void Integer(Conversion work, Wrapping wrap, Node node)
    {
        Graph graph = work.Graph;
        if (graph.IsOutput(node.Outputs[0]) || graph.Consumers(node.Outputs[0]) is not [{ Op: "Cast" } cast] || cast.Int("to", 0) != (long)ElementType.Float
            || graph.Consumers(cast.Outputs[0]) is not [{ Op: "Mul" } mul] || graph.IsOutput(cast.Outputs[0]))
        {
            throw work.Refuse(node, "is not followed by Cast to float and Mul by the scales.");
        }

        string factor = mul.Input(0) == cast.Outputs[0] ? mul.Input(1) : mul.Input(0);
        if (Scales(graph, wrap, node, factor) is not var (inputScale, scales))
        {
            throw work.Refuse(node, $"is scaled by '{factor}', which is no product of the scales of its two inputs.");
        }

        bool conv = node.Op == "ConvInteger";
        string weightScale = graph.AddConstant(node.Input(1) + "_scale", scales.Length == 1 ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, scales.Length));
        string weightZero = node.Input(3);
        if (scales.Length > 1 && weightZero.Length > 0 && graph.Constant(weightZero) is { Count: 1 } zero)
        {
            weightZero = graph.AddConstant(weightZero + "_channels", new Tensor(zero.Type, [scales.Length], Enumerable.Repeat(zero.Bytes[0], scales.Length).ToArray()));
        }

        string x = wrap.Dequantize(node, node.Input(0), new AffineMap(inputScale, node.Input(2)));
        string w = wrap.Dequantize(node, node.Input(1), new AffineMap(weightScale, weightZero, conv ? 0 : 1));
        graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_real"), conv ? "Conv" : "MatMul", [x, w], [mul.Outputs[0]]).WithAttributesOf(node));
        foreach (Node gone in (Node[])[mul, cast, node])
        {
            graph.Remove(gone);
        }
    }

    private static (string InputScale, float[] WeightScales)? Scales(Graph graph, Wrapping wrap, Node node, string factor)
    {
        if (wrap.MapOf(node.Input(0)) is not { } map)
        {
            return null;
        }

        if (graph.Constant(factor) is { } both)
        {
            return graph.Constant(map.Scale) is { Count: 1 } input ? (map.Scale, [.. both.ToFloats().Select(b => b / input.ToFloats()[0])]) : null;
        }

        if (graph.Producer(factor) is not { Op: "Mul" } product)
        {
            return null;
        }

        string other = product.Input(0) == map.Scale ? product.Input(1) : product.Input(1) == map.Scale ? product.Input(0) : "";
        return graph.Constant(other) is { } weights ? (map.Scale, weights.ToFloats()) : null;
    }

    /// <summary>com.microsoft: A, B, [A's scale,] B's scale, [A's zero point,] B's zero point, bias, to float.</summary>
    private static void ToFloatProduct(Wrapping wrap, Node node)
    {
        Graph graph = wrap.Graph;
        bool dynamic = node.Op == "DynamicQuantizeMatMul";
        string a = node.Input(0);
        AffineMap map = new(node.Input(2), node.Input(4));
        if (dynamic)
        {
            string[] parts = [graph.FreshName(a + "_quantized"), graph.FreshName(a + "_scale"), graph.FreshName(a + "_zero_point")];
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_quantize"), "DynamicQuantizeLinear", [a], parts));
            (a, map) = (parts[0], new AffineMap(parts[1], parts[2]));
        }

        string x = wrap.Dequantize(node, a, map);
        string w = wrap.Dequantize(node, node.Input(1), dynamic ? new AffineMap(node.Input(2), node.Input(3)) : new AffineMap(node.Input(3), node.Input(5)));
        string bias = node.Input(dynamic ? 4 : 6);
        string product = bias.Length > 0 ? graph.FreshName(node.Name + "_product") : node.Outputs[0];
        graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_real"), "MatMul", [x, w], [product]));
        if (bias.Length > 0)
        {
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_bias"), "Add", [product, bias], [node.Outputs[0]]));
        }

        graph.Remove(node);
    }
}
