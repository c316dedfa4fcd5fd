namespace Halftone.Onnx.Export;

/// <summary>QDQ without the quantization: constants dequantized, pairs of QuantizeLinear and DequantizeLinear removed.</summary>
/// <remarks>
/// Where the lowest code of an activation stands for 0, its QuantizeLinear also was a Relu, and often the only one left; a Relu takes its place,
/// unless the values cannot be negative or come from a graph input. An upper end is taken for the calibrated range, not for a Clip.
/// </remarks>
internal static class ToFloat
{
    private static readonly HashSet<string> s_nonNegative = ["Relu", "Sigmoid", "Softmax", "Abs", "Exp", "Sqrt", "HardSigmoid", "Softplus"];

    private static readonly HashSet<string> s_keepsSign =
        ["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Split", "Identity", "Dropout"];

    public static void Apply(Conversion work)
    {
        Graph graph = work.Graph;
        foreach (Node clip in graph.Nodes.Where(n => Codes.IsClip(graph, n)).ToArray())
        {
            string codes = clip.Input(0);
            if (graph.Constant(codes) is { } constant)
            {
                codes = graph.AddConstant(codes, Codes.Pack(FromQcdq.Clipped(constant, FromQcdq.Bounds(graph, clip)), constant.Dims.AsSpan(), constant.Type));
            }

            graph.ReplaceUses(clip.Outputs[0], codes);
            graph.Remove(clip);
        }

        Dictionary<string, string> rectified = [];
        foreach (Node node in graph.Nodes.Where(Codes.IsDequantize).ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            Dequantize(work, node, rectified);
        }

        Unused.Remove(graph);
        if (graph.Nodes.FirstOrDefault(n => Codes.IsQuantize(n) || n.Is("DynamicQuantizeLinear")) is { } left)
        {
            throw work.Refuse(left, "gives codes to something other than DequantizeLinear, so it cannot be taken out.");
        }
    }

    private static void Dequantize(Conversion work, Node node, Dictionary<string, string> rectified)
    {
        Graph graph = work.Graph;
        string codes = node.Input(0);
        if (Codes.Dequantize(graph, node) is { } values)
        {
            string constant = graph.AddConstant(node.Outputs[0] + "_float", Tensor.Of(values, graph.Constant(codes)!.Dims.AsSpan()));
            Bypass(graph, node, constant);
        }
        else if (graph.Producer(codes) is { } maker && Codes.IsQuantize(maker))
        {
            string value = maker.Input(0);
            if (IsRelu(graph, maker))
            {
                if (!rectified.TryGetValue(codes, out string? relu))
                {
                    relu = graph.FreshName(value + "_relu");
                    graph.InsertBefore(node, new Node(graph.FreshName(maker.Name + "_relu"), "Relu", [value], [relu]));
                    rectified[codes] = relu;
                    work.Note($"'{maker.Name}' also rectified '{value}' by its range; a Relu does so now.");
                }

                value = relu;
            }

            Bypass(graph, node, value);
        }
        else if (graph.Producer(codes) is { } dynamic && dynamic.Is("DynamicQuantizeLinear"))
        {
            Bypass(graph, node, dynamic.Input(0));
        }
        else
        {
            Compute(work, node);
        }
    }

    private static void Bypass(Graph graph, Node node, string value)
    {
        string output = node.Outputs[0];
        if (graph.IsOutput(output) && !graph.IsOutput(value) && graph.Producer(value) is { } maker)
        {
            // the output's name moves to what makes the value
            graph.Remove(node);
            graph.ReplaceUses(value, output);
            graph.SetOutput(maker, maker.Outputs.ToList().IndexOf(value), output);
            return;
        }

        if (graph.IsOutput(output))
        {
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_identity"), "Identity", [value], [output]));
        }
        else
        {
            graph.ReplaceUses(output, value);
        }

        graph.Remove(node);
    }

    /// <summary>Codes from elsewhere, as of a graph input: Cast, Sub, Mul.</summary>
    private static void Compute(Conversion work, Node node)
    {
        Graph graph = work.Graph;
        AffineMap map = Codes.Map(node);
        if (graph.Constant(map.Scale) is not { Count: 1 } scale || (map.Zero.Length > 0 && graph.Constant(map.Zero) is not { Count: 1 }))
        {
            throw work.Refuse(node, "dequantizes codes that are not constant, by more than one scale or one that is not constant.");
        }

        float zero = map.Zero.Length > 0 ? graph.Constant(map.Zero)!.ToFloats()[0] : 0;
        string real = graph.FreshName(node.Input(0) + "_float");
        string centred = graph.FreshName(node.Input(0) + "_centred");
        graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_cast"), "Cast", [node.Input(0)], [real]).With("to", (long)ElementType.Float));
        graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_centre"), "Sub", [real, graph.AddConstant(node.Name + "_zero", Tensor.Scalar(zero))], [centred]));
        graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_scale"), "Mul", [centred, graph.AddConstant(node.Name + "_scale", Tensor.Scalar(scale.ToFloats()[0]))], [node.Outputs[0]]));
        graph.Remove(node);
        work.Note($"Node '{node.Name}' dequantizes codes that no QuantizeLinear makes; it is written as Cast, Sub and Mul.");
    }

    private static bool IsRelu(Graph graph, Node quantize) =>
        StartsAtZero(graph, quantize) && graph.Inputs.All(i => i.Name != quantize.Input(0)) && !IsNonNegative(graph, quantize.Input(0), 0);

    private static bool StartsAtZero(Graph graph, Node quantize) =>
        Codes.Grid(Codes.OutputType(graph, quantize)) is { } grid && Codes.Parameters(graph, Codes.Map(quantize)) is { } p && p.ZeroPoint == grid.Min;

    private static bool IsNonNegative(Graph graph, string value, int depth)
    {
        if (graph.Producer(value) is not { } maker || depth > 64)
        {
            return false;
        }

        if (Codes.IsDequantize(maker) && graph.Producer(maker.Input(0)) is { } quantize && Codes.IsQuantize(quantize))
        {
            return StartsAtZero(graph, quantize);
        }

        return s_nonNegative.Contains(maker.Op)
            || (maker.Is("Clip") && graph.Constant(maker.Input(1)) is { Count: 1 } low && low.ToFloats()[0] >= 0)
            || (s_keepsSign.Contains(maker.Op) && IsNonNegative(graph, maker.Input(0), depth + 1))
            || (maker.Is("Concat") && maker.Inputs.All(i => IsNonNegative(graph, i, depth + 1)));
    }
}
