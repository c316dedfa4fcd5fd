namespace Halftone.Onnx.Export;

/// <summary>QuantizeLinear, Clip, DequantizeLinear to IntQuant, and signs to BipolarQuant. Weights become floats on their grid, followed by IntQuant.</summary>
/// <remarks>Exact but for ties under an odd zero point: see <see cref="FromQonnx"/>. 32-bit biases become plain floats, as QONNX ends at 8 bits here.</remarks>
internal static class ToQonnx
{
    public static void Apply(Conversion work)
    {
        Graph graph = work.Graph;
        if (graph.Nodes.FirstOrDefault(n => n.Is("DynamicQuantizeLinear")) is { } dynamic)
        {
            throw work.Refuse(dynamic, "chooses its scale at every run, and IntQuant needs a constant one.");
        }

        MergeReaders(graph);
        ToQcdq.Apply(work);
        foreach (Node node in graph.Nodes.Where(Codes.IsDequantize).ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            Convert(work, node);
        }

        Unused.Remove(graph);
        if (graph.Nodes.FirstOrDefault(Codes.IsQuantize) is { } left)
        {
            throw work.Refuse(left, "gives codes to something other than DequantizeLinear, and QONNX knows no codes.");
        }

        work.Model.SetOpset(QonnxGrid.Domain, 1);
    }

    /// <summary>One DequantizeLinear for all readers of the same codes, so that one IntQuant takes its place.</summary>
    private static void MergeReaders(Graph graph)
    {
        foreach (IGrouping<string, Node> group in graph.Nodes.Where(Codes.IsDequantize).GroupBy(n => n.Input(0)).ToArray())
        {
            Node first = group.First();
            foreach (Node node in group.Skip(1).Where(n => !graph.IsOutput(n.Outputs[0]) && Codes.Same(graph, Codes.Map(first), Codes.Map(n))))
            {
                graph.ReplaceUses(node.Outputs[0], first.Outputs[0]);
                graph.Remove(node);
            }
        }
    }

    private static void Convert(Conversion work, Node node)
    {
        Graph graph = work.Graph;
        AffineMap map = Codes.Map(node);
        Node? clip = graph.Producer(node.Input(0)) is { } c && Codes.IsClip(graph, c) ? c : null;
        string codesName = clip?.Input(0) ?? node.Input(0);
        Tensor? constant = graph.Constant(codesName);
        if (map.BlockSize > 0 || graph.Constant(map.Scale) is not { } scale)
        {
            throw work.Refuse(node, map.BlockSize > 0 ? "has a scale for each block, and IntQuant takes a tensor's or an axis's." : "has a scale that is not constant.");
        }

        if (constant is { Type: ElementType.Int32 } && Codes.Dequantize(graph, node) is { } bias)
        {
            graph.Remove(node);
            graph.SetConstant(node.Outputs[0], Tensor.Of(bias, constant.Dims.AsSpan()));
            work.Note($"The 32-bit constant '{codesName}' became a float.");
            return;
        }

        ElementType type = Codes.TypeOf(graph, codesName, map.Zero);
        if (Codes.Grid(type) is not { Bits: <= 8 } full)
        {
            throw work.Refuse(node, $"takes {type.OnnxName()} codes, and QONNX models here end at 8 bits.");
        }

        if (IsSign(graph, graph.Producer(codesName), out string signed) && Zeros(graph, map) is [1, ..])
        {
            Put(graph, node, "BipolarQuant", [signed, Shaped(work, node, map.Scale, scale, constant)]);
            return;
        }

        (int Low, int High) bounds = clip is null ? (full.Min, full.Max) : FromQcdq.Bounds(graph, clip);
        if (QonnxGrid.Of(bounds) is not { } grid)
        {
            throw work.Refuse(node, $"takes codes {bounds.Low}..{bounds.High}, which no bit width of QONNX has.");
        }

        string value = constant is null ? Source(work, node, codesName, map) : Value(graph, node, constant, clip, bounds);
        int[] zeros = Zeros(graph, map);
        if (constant is null && zeros.Any(z => z % 2 != 0))
        {
            work.Note($"Node '{node.Name}' has an odd zero point: where x / scale is a whole number and a half, IntQuant gives the neighbouring code.");
        }

        long[] dims = [.. scale.Dims];
        Tensor zero = Tensor.Of([.. zeros.Select(z => (float)z)], zeros.Length == scale.Count ? dims : []);
        string[] inputs =
        [
            value, Shaped(work, node, map.Scale, scale, constant), Shaped(work, node, node.Name + "_zeropt", zero, constant),
            graph.AddConstant(node.Name + "_bitwidth", Tensor.Scalar((float)grid.Bits)),
        ];
        Put(graph, node, "IntQuant", inputs).With("signed", grid.Signed ? 1L : 0).With("narrow", grid.Narrow ? 1L : 0).With("rounding_mode", "ROUND");
    }

    private static Node Put(Graph graph, Node node, string op, string[] inputs)
    {
        Node quant = graph.InsertBefore(node, new Node(node.Name, op, inputs, [node.Outputs[0]], QonnxGrid.Domain));
        graph.Remove(node);
        return quant;
    }

    /// <summary>What the QuantizeLinear before reads.</summary>
    private static string Source(Conversion work, Node node, string codes, AffineMap map)
    {
        if (work.Graph.Producer(codes) is not { } quantize || !Codes.IsQuantize(quantize))
        {
            throw work.Refuse(node, "reads codes that no QuantizeLinear makes, and QONNX knows no codes.");
        }

        return Codes.Same(work.Graph, Codes.Map(quantize), map) ? quantize.Input(0)
            : throw work.Refuse(node, $"has another scale or zero point than '{quantize.Name}' before it.");
    }

    /// <summary>Constant codes as floats on their grid, which IntQuant leaves where they are.</summary>
    private static string Value(Graph graph, Node node, Tensor codes, Node? clip, (int Low, int High) bounds)
    {
        if (clip is not null)
        {
            ElementType type = codes.Type;
            codes = Codes.Pack(FromQcdq.Clipped(codes, bounds), codes.Dims.AsSpan(), type);
            graph.SetInput(node, 0, graph.AddConstant(clip.Input(0), codes));
        }

        return graph.AddConstant(node.Outputs[0] + "_float", Tensor.Of(Codes.Dequantize(graph, node)!, codes.Dims.AsSpan()));
    }

    private static int[] Zeros(Graph graph, AffineMap map) =>
        map.Zero.Length == 0 ? [0] : graph.Constant(map.Zero) is { } zero ? [.. zero.ToInt64s().Select(z => (int)z)] : throw new ModelException($"The zero point '{map.Zero}' is not constant, and QONNX needs one.");

    /// <summary>A scale or zero point with as many axes as the value, so that it lies along its axis.</summary>
    private static string Shaped(Conversion work, Node node, string name, Tensor value, Tensor? constant)
    {
        int axis = (int)node.Int("axis", 1);
        if (value.Count == 1)
        {
            return work.Graph.AddConstant(name + "_qonnx", Tensor.Of(value.ToFloats()));
        }

        int? rank = constant?.Dims.Length ?? work.Graph.Declared(node.Outputs[0])?.Dims?.Count;
        if (rank is null && axis >= 0)
        {
            throw work.Refuse(node, $"has a scale for each element of axis {axis}, and the number of axes is not declared.");
        }

        // counted from the end, trailing ones are enough
        int fromEnd = axis < 0 ? -axis : rank!.Value - axis;
        long[] dims = [.. Enumerable.Repeat(1L, rank ?? fromEnd)];
        dims[^fromEnd] = value.Count;
        return work.Graph.AddConstant(name + "_qonnx", Tensor.Of(value.ToFloats(), dims));
    }

    private static bool IsSign(Graph graph, Node? node, out string value)
    {
        value = "";
        if (node is null || !node.Is("Where") || graph.Producer(node.Input(0)) is not { } compare || !compare.Is("GreaterOrEqual")
            || graph.Constant(compare.Input(1)) is not { Count: 1, Type: ElementType.Float } threshold || threshold.ToFloats()[0] != 0
            || graph.Constant(node.Input(1)) is not { Count: 1 } plus || graph.Constant(node.Input(2)) is not { Count: 1 } minus)
        {
            return false;
        }

        value = compare.Input(0);
        return plus.ToFloats()[0] == 2 && minus.ToFloats()[0] == 0;
    }
}
