namespace Halftone.Onnx.Export;

/// <summary>QDQ to integer operators: each DequantizeLinear, operator, QuantizeLinear becomes one node.</summary>
/// <remarks>
/// Exact: data movement, MaxPool, Relu and Clip on codes, and the integer accumulation of Conv, MatMul and Gemm. Requantization multiplies by one float where QDQ
/// rounds float sums, so results may differ by one code at a tie. Units without an integer operator stay QDQ and are named in the notes.
/// </remarks>
internal static class ToQOperator
{
    private static readonly HashSet<string> s_unary = ["AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid", "Softmax"];

    /// <summary>Operators that move, copy or compare values: on codes they do the same, if input and output share one map.</summary>
    internal static readonly HashSet<string> OnCodes =
    [
        "MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Gather", "GatherElements", "Slice", "Split", "Expand", "Tile", "Resize", "Identity",
    ];

    public static void Apply(Conversion work)
    {
        Graph graph = work.Graph;
        foreach (Node node in graph.Nodes.ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            if (node.Domain.Length > 0 || Codes.IsQuantize(node) || !graph.Nodes.Contains(node)
                || !node.Inputs.Any(i => Codes.Dequantizer(graph, i) is not null))
            {
                continue;
            }

            var unit = new NodeUnit(graph, node);
            if (Convert(work, unit) is { } obstacle)
            {
                work.Note($"Node '{node.Name}' ({node.Op}) stays between DequantizeLinear and QuantizeLinear: {obstacle}.");
            }
        }
    }

    /// <returns>What is in the way, or null.</returns>
    private static string? Convert(Conversion work, NodeUnit unit) => unit.Node.Op switch
    {
        "Conv" => QOperatorProducts.Conv(work, unit),
        "MatMul" => QOperatorProducts.MatMul(work, unit),
        "Gemm" => QOperatorProducts.Gemm(work, unit),
        "Add" or "Mul" => Elementwise(work, unit),
        "Concat" => Concat(work, unit),
        "Where" => Where(work, unit),
        "Relu" or "Clip" => Activation(unit),
        "ArgMax" => ArgMax(unit),
        string op when s_unary.Contains(op) => Unary(work, unit),
        string op when OnCodes.Contains(op) => Move(work, unit),
        _ => "there is no integer operator for it",
    };

    /// <summary>Why an input or the output does not fit an operator that takes one 8-bit type throughout, or null.</summary>
    internal static string? Misfit(NodeUnit unit, CodedInput? input, UnitEnd? end)
    {
        if (input is null)
        {
            return "an input is not quantized";
        }

        if (end is null)
        {
            return "its output does not go to one QuantizeLinear alone, or an activation before that has bounds that are not constant";
        }

        return !input.Is8Bit || input.Type != end.Type ? $"it takes {input.Type.OnnxName()} and gives {end.Type.OnnxName()}, and one 8-bit type is needed"
            : !unit.IsPerTensor(input.Map) || !unit.IsPerTensor(end.Map) ? "its activations are not quantized with one constant scale"
            : null;
    }

    private static string? Elementwise(Conversion work, NodeUnit unit)
    {
        (CodedInput? a, CodedInput? b, UnitEnd? end) = (unit.Input(0), unit.Input(1), unit.End());
        if ((Misfit(unit, a, end) ?? Misfit(unit, b, end)) is { } misfit)
        {
            return misfit;
        }

        Put(work, unit, end!, "QLinear" + unit.Node.Op, [.. unit.Triple(a!), .. unit.Triple(b!), .. unit.Pair(end!)]);
        return null;
    }

    private static string? Concat(Conversion work, NodeUnit unit)
    {
        UnitEnd? end = unit.End();
        List<string> inputs = [];
        for (int i = 0; i < unit.Node.Inputs.Count; i++)
        {
            CodedInput? input = unit.Input(i);
            if (Misfit(unit, input, end) is { } misfit)
            {
                return misfit;
            }

            inputs.AddRange(unit.Triple(input!));
        }

        Put(work, unit, end!, "QLinearConcat", [.. unit.Pair(end!), .. inputs]);
        return null;
    }

    private static string? Where(Conversion work, NodeUnit unit)
    {
        (CodedInput? a, CodedInput? b, UnitEnd? end) = (unit.Input(1), unit.Input(2), unit.End());
        if ((Misfit(unit, a, end) ?? Misfit(unit, b, end)) is { } misfit)
        {
            return misfit;
        }

        Put(work, unit, end!, "QLinearWhere", [unit.Node.Input(0), .. unit.Triple(a!), .. unit.Triple(b!), .. unit.Pair(end!)]);
        return null;
    }

    private static string? Unary(Conversion work, NodeUnit unit)
    {
        (CodedInput? x, UnitEnd? end, Node node) = (unit.Input(0), unit.End(), unit.Node);
        if (Misfit(unit, x, end) is { } misfit)
        {
            return misfit;
        }

        if (node.Ints("dilations") is { } dilations && dilations.Any(d => d != 1))
        {
            return "QLinearAveragePool has no dilations";
        }

        Node integer = Put(work, unit, end!, "QLinear" + node.Op, [.. unit.Triple(x!), .. unit.Pair(end!)]).Without("dilations");
        if (node.Op == "Softmax")
        {
            integer.With("opset", work.Model.Opset).With("axis", node.Int("axis", work.Model.Opset >= 13 ? -1 : 1));
        }

        return null;
    }

    private static string? Move(Conversion work, NodeUnit unit)
    {
        (CodedInput? x, Node node, Graph graph) = (unit.Input(0), unit.Node, unit.Graph);
        if (node.Op == "MaxPool" && (work.Model.Opset < 12 || node.Outputs.Count > 1))
        {
            return "MaxPool takes 8-bit codes from opset 12, without indices";
        }

        if (node.Op == "Resize" && node.Text("mode", "nearest") != "nearest")
        {
            return "only nearest neighbours move codes unchanged";
        }

        UnitEnd[] ends = [.. Enumerable.Range(0, node.Outputs.Count).Select(unit.End).OfType<UnitEnd>()];
        if (Misfit(unit, x, ends.Length == node.Outputs.Count ? ends[0] : null) is { } misfit)
        {
            return misfit;
        }

        if (ends.Any(e => !Codes.Same(graph, x!.Map, e.Map)))
        {
            return "input and output have different scales or zero points";
        }

        if (ends.SelectMany(e => e.Absorbed).Any())
        {
            return "an activation stands between it and its QuantizeLinear";
        }

        for (int i = 0; i < ends.Length; i++)
        {
            graph.Remove(ends[i].Quantize);
            graph.SetOutput(node, i, ends[i].Quantize.Outputs[0]);
        }

        graph.SetInput(node, 0, x!.Codes);
        return null;
    }

    private static string? ArgMax(NodeUnit unit)
    {
        if (unit.Input(0) is not { Is8Bit: true } x || !unit.IsPerTensor(x.Map))
        {
            return "its input is not quantized to 8 bits with one constant scale";
        }

        unit.Graph.SetInput(unit.Node, 0, x.Codes);
        return null;
    }

    /// <summary>Relu or Clip alone between DequantizeLinear and QuantizeLinear: a Clip of the codes, or nothing where saturation does it.</summary>
    private static string? Activation(NodeUnit unit)
    {
        (CodedInput? x, UnitEnd? end, Node node, Graph graph) = (unit.Input(0), unit.End(), unit.Node, unit.Graph);
        if (Misfit(unit, x, end) is { } misfit)
        {
            return misfit;
        }

        if (NodeUnit.Bounds(graph, node, end!.Map, end.Type) is not { } bounds)
        {
            return "its bounds are not constant";
        }

        if (NodeUnit.Saturates(graph, node, end.Map, end.Type))
        {
            graph.Remove(node);
            graph.ReplaceUses(node.Outputs[0], node.Input(0));
            return null;
        }

        if (!Codes.Same(graph, x!.Map, end.Map))
        {
            return "input and output have different scales or zero points";
        }

        string low = graph.AddConstant(node.Name + "_low", Scalar(end.Type, bounds.Low));
        string high = graph.AddConstant(node.Name + "_high", Scalar(end.Type, bounds.High));
        unit.Replace(new Node(node.Name, "Clip", [x.Codes, low, high], [end.Quantize.Outputs[0]]), end);
        return null;
    }

    internal static Tensor Scalar(ElementType type, int value) => new(type, [], new[] { unchecked((byte)value) });

    private static Node Put(Conversion work, NodeUnit unit, UnitEnd end, string op, string[] inputs)
    {
        work.ImportMicrosoft();
        Node integer = new Node(unit.Node.Name, op, inputs, [end.Quantize.Outputs[0]], Codes.Microsoft).WithAttributesOf(unit.Node);
        unit.Replace(integer, end);
        return integer;
    }
}
