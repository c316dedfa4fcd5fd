namespace Halftone.Onnx.Export;

/// <summary>Puts DequantizeLinear and QuantizeLinear around operators that work on codes, and knows the map of every tensor of codes so far.</summary>
internal sealed class Wrapping
{
    private readonly Dictionary<string, AffineMap> _maps = [];
    private readonly Conversion _work;

    public Wrapping(Conversion work)
    {
        _work = work;
        foreach (Node node in work.Graph.Nodes)
        {
            if (Codes.IsDequantize(node) && work.Graph.Constant(node.Input(0)) is null)
            {
                _maps[node.Input(0)] = Codes.Map(node);
            }
        }

        foreach (Node node in work.Graph.Nodes)
        {
            if (Codes.IsQuantize(node))
            {
                _maps[node.Outputs[0]] = Codes.Map(node);
            }
            else if (node.Is("DynamicQuantizeLinear"))
            {
                _maps[node.Outputs[0]] = new AffineMap(node.Outputs[1], node.Outputs[2]);
            }
        }
    }

    public Graph Graph => _work.Graph;

    public AffineMap? MapOf(string codes) => _maps.TryGetValue(codes, out AffineMap map) ? map : null;

    /// <summary>The float value of an input of an integer operator: codes, scale, zero point in a row.</summary>
    public string Dequantize(Node node, int place, int axis = 1) =>
        Dequantize(node, node.Input(place), new AffineMap(node.Input(place + 1), node.Input(place + 2), axis));

    /// <summary>The float value of codes; a DequantizeLinear of its own for each reader, which is what fuses everywhere.</summary>
    public string Dequantize(Node before, string codes, AffineMap map)
    {
        if (Graph.Constant(codes) is null)
        {
            _maps.TryAdd(codes, map);
        }

        string value = Graph.FreshName(codes + "_DequantizeLinear_Output");
        string[] inputs = map.Zero.Length > 0 ? [codes, map.Scale, map.Zero] : [codes, map.Scale];
        Node dequantize = new(Graph.FreshName(codes + "_DequantizeLinear"), "DequantizeLinear", inputs, [value]);
        if (Graph.Constant(map.Scale) is not { Count: 1 } && map.Axis != 1)
        {
            dequantize.With("axis", map.Axis);
        }

        if (map.BlockSize > 0)
        {
            dequantize.With("axis", map.Axis).With("block_size", map.BlockSize);
        }

        Graph.InsertBefore(before, dequantize);
        return value;
    }

    /// <summary>Puts a float operator in the place of an integer one; without a map its output is float already.</summary>
    public Node Put(Node node, string op, IEnumerable<string> inputs, AffineMap? output)
    {
        string result = output is null ? node.Outputs[0] : Graph.FreshName(node.Outputs[0] + "_float");
        Node real = new Node(node.Name, op, inputs, [result]).WithAttributesOf(node);
        Graph.InsertBefore(node, real);
        if (output is { } map)
        {
            Quantize(node, result, node.Outputs[0], map);
        }

        Graph.Remove(node);
        return real;
    }

    /// <summary>Wraps an operator that moves, compares or clips codes, if the map of its input is known.</summary>
    public void OnCodes(Node node)
    {
        bool clip = node.Is("Clip");
        if (node.Domain.Length > 0 || (!clip && !ToQOperator.OnCodes.Contains(node.Op)) || MapOf(node.Input(0)) is not { } map || Codes.IsClip(Graph, node))
        {
            return;
        }

        if (Graph.Constant(map.Scale) is not { Count: 1 })
        {
            throw _work.Refuse(node, "moves codes that have more than one scale.");
        }

        if (node.Op == "MaxPool" && node.Outputs.Count > 1)
        {
            throw _work.Refuse(node, "gives indices beside codes.");
        }

        string codes = node.Input(0);
        if (clip)
        {
            ClipInFloat(node, codes, map);
        }

        Graph.SetInput(node, 0, Dequantize(node, codes, map));
        for (int i = 0; i < node.Outputs.Count; i++)
        {
            string output = node.Outputs[i];
            string result = Graph.FreshName(output + "_float");
            Graph.SetOutput(node, i, result);
            Quantize(node, result, output, map);
        }
    }

    private void ClipInFloat(Node node, string codes, AffineMap map)
    {
        float scale = Graph.Constant(map.Scale)!.ToFloats()[0];
        long zero = map.Zero.Length == 0 ? 0 : Graph.Constant(map.Zero) is { Count: 1 } z ? z.ToInt64s()[0] : throw _work.Refuse(node, $"clips '{codes}', whose zero point is not constant.");
        for (int i = 1; i < node.Inputs.Count; i++)
        {
            if (node.Input(i).Length > 0)
            {
                Tensor bound = Graph.Constant(node.Input(i)) ?? throw _work.Refuse(node, "clips codes to bounds that are not constant.");
                Graph.SetInput(node, i, Graph.AddConstant(node.Input(i) + "_float", Tensor.Scalar((bound.ToInt64s()[0] - zero) * scale)));
            }
        }
    }

    private void Quantize(Node near, string value, string codes, AffineMap map)
    {
        string[] inputs = map.Zero.Length > 0 ? [value, map.Scale, map.Zero] : [value, map.Scale];
        Graph.InsertAfter(near, new Node(Graph.FreshName(codes + "_QuantizeLinear"), "QuantizeLinear", inputs, [codes]));
        _maps[codes] = map;
    }
}
