namespace Halftone.Onnx.Export;

/// <summary>A quantized input: what its DequantizeLinear reads.</summary>
internal sealed record CodedInput(string Codes, AffineMap Map, ElementType Type)
{
    public bool Is8Bit => Type is ElementType.UInt8 or ElementType.Int8;
}

/// <summary>The QuantizeLinear that ends a unit, the activations before it, and the codes between which these leave its output.</summary>
internal sealed record UnitEnd(Node Quantize, IReadOnlyList<Node> Absorbed, AffineMap Map, ElementType Type, (int Low, int High) Codes)
{
    /// <summary>Whether saturation to the type does what the activations do.</summary>
    public bool Saturates => Export.Codes.Grid(Type) is { } grid && Codes == (grid.Min, grid.Max);
}

/// <summary>DequantizeLinear, operator, QuantizeLinear: what an integer operator replaces.</summary>
internal sealed class NodeUnit(Graph graph, Node node)
{
    public Node Node => node;

    public Graph Graph => graph;

    /// <summary>The codes behind an input, or null where it is not dequantized.</summary>
    public CodedInput? Input(int place)
    {
        if (Codes.Dequantizer(graph, node.Input(place)) is not { } dequantize)
        {
            return null;
        }

        AffineMap map = Codes.Map(dequantize);
        return new CodedInput(dequantize.Input(0), map, Codes.TypeOf(graph, dequantize.Input(0), map.Zero));
    }

    /// <summary>The one QuantizeLinear that reads an output, if nothing else does; between may stand Relu and Clip of constant bounds, which bound the codes. Exact, since rounding is monotone.</summary>
    public UnitEnd? End(int place = 0)
    {
        List<Node> absorbed = [];
        string at = node.Outputs[place];
        while (!graph.IsOutput(at) && graph.Consumers(at) is [{ } reader])
        {
            if (Codes.IsQuantize(reader) && reader.Input(0) == at)
            {
                AffineMap map = Codes.Map(reader);
                ElementType type = Codes.OutputType(graph, reader);
                return Bounds(absorbed, map, type) is { } codes ? new UnitEnd(reader, absorbed, map, type, codes) : null;
            }

            if (!reader.Is("Relu") && !(reader.Is("Clip") && reader.Input(0) == at))
            {
                return null;
            }

            absorbed.Add(reader);
            at = reader.Outputs[0];
        }

        return null;
    }

    private (int Low, int High)? Bounds(IEnumerable<Node> activations, AffineMap map, ElementType type)
    {
        (int Low, int High) codes = Codes.Grid(type) is { } grid ? (grid.Min, grid.Max) : default;
        foreach (Node activation in activations)
        {
            if (Bounds(graph, activation, map, type) is not { } b)
            {
                return null;
            }

            codes = (Math.Clamp(codes.Low, b.Low, Math.Max(b.Low, b.High)), Math.Clamp(codes.High, Math.Min(b.Low, b.High), b.High));
        }

        return codes;
    }

    /// <summary>Whether saturation to the codes already does what a Relu or Clip does: its bounds become the outermost codes.</summary>
    public static bool Saturates(Graph graph, Node activation, AffineMap map, ElementType type) =>
        Bounds(graph, activation, map, type) is { } b && Codes.Grid(type) is { } grid && b.Low == grid.Min && b.High == grid.Max;

    /// <summary>The codes of the bounds of a Relu or Clip, or null where they are not constant.</summary>
    public static (int Low, int High)? Bounds(Graph graph, Node activation, AffineMap map, ElementType type)
    {
        if (Codes.Grid(type) is not { } grid || Codes.Parameters(graph, map) is not { } parameters)
        {
            return null;
        }

        if (activation.Is("Relu"))
        {
            return (parameters.Quantize(0, grid), grid.Max);
        }

        (int Low, int High) bounds = (grid.Min, grid.Max);
        if (activation.Input(1).Length > 0)
        {
            if (graph.Constant(activation.Input(1)) is not { Count: 1 } low)
            {
                return null;
            }

            bounds.Low = parameters.Quantize(low.ToFloats()[0], grid);
        }

        if (activation.Input(2).Length > 0)
        {
            if (graph.Constant(activation.Input(2)) is not { Count: 1 } high)
            {
                return null;
            }

            bounds.High = parameters.Quantize(high.ToFloats()[0], grid);
        }

        return bounds;
    }

    /// <summary>Whether a map is one constant scale for the whole tensor.</summary>
    public bool IsPerTensor(AffineMap map) => Codes.Parameters(graph, map) is not null;

    /// <summary>Name of the zero point, made where it was left out: zeros, as many as there are scales.</summary>
    public string Zero(AffineMap map, ElementType type)
    {
        if (map.Zero.Length > 0)
        {
            return map.Zero;
        }

        long[] dims = graph.Constant(map.Scale) is { } scale ? [.. scale.Dims] : [];
        long count = dims.Aggregate(1L, (a, b) => a * b);
        return graph.AddConstant(map.Scale + "_zero_point", new Tensor(type, dims, new byte[count]));
    }

    /// <summary>Codes, scale, zero point: how integer operators take an input.</summary>
    public string[] Triple(CodedInput input) => [input.Codes, input.Map.Scale, Zero(input.Map, input.Type)];

    /// <summary>Scale, zero point: how integer operators take the output's map.</summary>
    public string[] Pair(UnitEnd end) => [end.Map.Scale, Zero(end.Map, end.Type)];

    /// <summary>Puts an integer operator in the place of the unit; it makes the codes that the QuantizeLinear made, if need be through a Clip.</summary>
    public void Replace(Node integer, UnitEnd end)
    {
        graph.InsertBefore(node, integer);
        if (!end.Saturates)
        {
            string codes = integer.Outputs[0];
            string unbounded = graph.FreshName(codes + "_unbounded");
            graph.SetOutput(integer, 0, unbounded);
            string low = graph.AddConstant(codes + "_low", ToQOperator.Scalar(end.Type, end.Codes.Low));
            string high = graph.AddConstant(codes + "_high", ToQOperator.Scalar(end.Type, end.Codes.High));
            graph.InsertBefore(node, new Node(graph.FreshName(codes + "_Clip"), "Clip", [unbounded, low, high], [codes]));
        }

        foreach (Node gone in end.Absorbed.Append(end.Quantize).Append(node))
        {
            graph.Remove(gone);
        }
    }
}
