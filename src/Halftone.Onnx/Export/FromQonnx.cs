using Halftone.Numerics;

namespace Halftone.Onnx.Export;

/// <summary>IntQuant and BipolarQuant of QONNX to QuantizeLinear, Clip, DequantizeLinear.</summary>
/// <remarks>
/// IntQuant: y = (round(clamp(x / scale + zeropt, min, max)) - zeropt) * scale. QuantizeLinear rounds before it adds the zero point, so with an odd zero
/// point exact ties, x / scale = k + 1/2, fall the other way; such nodes are named in the notes. Constants are quantized here, by QONNX's rule.
/// BipolarQuant: y = scale where x >= 0, else -scale: codes 2 and 0 around zero point 1.
/// </remarks>
internal static class FromQonnx
{
    /// <summary>Whether a node is of the QONNX dialect.</summary>
    public static bool Takes(Node node) => node.Domain is QonnxGrid.Domain or QonnxGrid.OldDomain or "finn.custom_op.general" && node.Op is "IntQuant" or "Quant" or "BipolarQuant" or "Trunc" or "FloatQuant";

    public static void Apply(Conversion work)
    {
        Graph graph = work.Graph;
        if (!graph.Nodes.Any(Takes))
        {
            return;
        }

        foreach (Node node in graph.Nodes.Where(Takes).ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            if (node.Op is not ("IntQuant" or "Quant" or "BipolarQuant"))
            {
                throw work.Refuse(node, "has no equivalent in QuantizeLinear and DequantizeLinear.");
            }

            if (graph.Constant(node.Input(1)) is not { Type: ElementType.Float } scale || scale.ToFloats().Any(s => !(s > 0) || !float.IsFinite(s)))
            {
                throw work.Refuse(node, "needs a constant, positive scale.");
            }

            if (node.Op == "BipolarQuant")
            {
                Bipolar(work, node, scale);
            }
            else
            {
                Integer(work, node, scale);
            }
        }

        foreach (Proto.OperatorSetIdProto import in work.Model.Proto.OpsetImport.Where(o => o.Domain is QonnxGrid.Domain or QonnxGrid.OldDomain or "finn.custom_op.general").ToArray())
        {
            if (graph.Nodes.All(n => n.Domain != import.Domain))
            {
                work.Model.Proto.OpsetImport.Remove(import);
            }
        }

        DedicatedPairs.Apply(graph);
    }

    private static void Integer(Conversion work, Node node, Tensor scale)
    {
        Graph graph = work.Graph;
        if (node.Text("rounding_mode", "ROUND").ToUpperInvariant() is not ("ROUND" or "HALF_EVEN"))
        {
            throw work.Refuse(node, $"rounds by '{node.Text("rounding_mode", "")}', and QuantizeLinear by ROUND alone.");
        }

        if (graph.Constant(node.Input(2)) is not { } zero || zero.ToFloats().Any(z => z != MathF.Round(z)))
        {
            throw work.Refuse(node, "needs a constant zero point of whole numbers.");
        }

        if (graph.Constant(node.Input(3)) is not { Count: 1 } bits || bits.ToFloats()[0] is not (>= 1 and <= 8) || bits.ToFloats()[0] != MathF.Round(bits.ToFloats()[0]))
        {
            throw work.Refuse(node, "needs a constant bit width of 1 to 8.");
        }

        var grid = new QonnxGrid((int)bits.ToFloats()[0], node.Int("signed", 1) != 0, node.Int("narrow", 0) != 0);
        if (grid is { Bits: 1, Signed: true })
        {
            Bipolar(work, node, scale);
            return;
        }

        ElementType type = grid.Signed ? ElementType.Int8 : ElementType.UInt8;
        (AffineMap map, int[] zeros) = Map(work, node, scale, zero, type);
        IntegerGrid codesOfType = Codes.Grid(type)!.Value;
        bool clips = (grid.Min, grid.Max) != (codesOfType.Min, codesOfType.Max);
        string codes;
        if (graph.Constant(node.Input(0)) is { } value)
        {
            codes = graph.AddConstant(node.Input(0) + "_quantized", Quantize(graph, value, map, zeros, grid, type));
        }
        else
        {
            codes = graph.FreshName(node.Input(0) + "_quantized");
            Node quantize = new(graph.FreshName(node.Name + "_QuantizeLinear"), "QuantizeLinear", [node.Input(0), map.Scale, map.Zero], [codes]);
            graph.InsertBefore(node, WithAxis(quantize, map, zeros));
            if (zeros.Any(z => z % 2 != 0))
            {
                work.Note($"Node '{node.Name}' ({node.Op}) has an odd zero point: where x / scale is a whole number and a half, QuantizeLinear gives the neighbouring code.");
            }
        }

        if (clips)
        {
            string clipped = graph.FreshName(codes + "_clipped");
            string low = graph.AddConstant(codes + "_min", ToQOperator.Scalar(type, grid.Min));
            string high = graph.AddConstant(codes + "_max", ToQOperator.Scalar(type, grid.Max));
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_Clip"), "Clip", [codes, low, high], [clipped]));
            codes = clipped;
        }

        graph.InsertBefore(node, WithAxis(new Node(node.Name, "DequantizeLinear", [codes, map.Scale, map.Zero], [node.Outputs[0]]), map, zeros));
        graph.Remove(node);
    }

    private static void Bipolar(Conversion work, Node node, Tensor scale)
    {
        Graph graph = work.Graph;
        (AffineMap map, int[] zeros) = Map(work, node, scale, Tensor.Scalar(1f), ElementType.UInt8);
        string codes;
        if (graph.Constant(node.Input(0)) is { } value)
        {
            byte[] signs = [.. value.ToFloats().Select(v => v >= 0 ? (byte)2 : (byte)0)];
            codes = graph.AddConstant(node.Input(0) + "_sign", Tensor.Of(signs, value.Dims.AsSpan()));
        }
        else
        {
            string positive = graph.FreshName(node.Input(0) + "_positive");
            codes = graph.FreshName(node.Input(0) + "_sign");
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_positive"), "GreaterOrEqual", [node.Input(0), graph.AddConstant(node.Name + "_threshold", Tensor.Scalar(0f))], [positive]));
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_sign"), "Where",
                [positive, graph.AddConstant(node.Name + "_plus", Tensor.Scalar((byte)2)), graph.AddConstant(node.Name + "_minus", Tensor.Scalar((byte)0))], [codes]));
        }

        graph.InsertBefore(node, WithAxis(new Node(node.Name, "DequantizeLinear", [codes, map.Scale, map.Zero], [node.Outputs[0]]), map, zeros));
        graph.Remove(node);
    }

    /// <summary>Scale and zero point as QuantizeLinear takes them: scalars, or one value an element of one axis.</summary>
    private static (AffineMap Map, int[] Zeros) Map(Conversion work, Node node, Tensor scale, Tensor zero, ElementType type)
    {
        Graph graph = work.Graph;
        (Tensor shaped, string which) = scale.Count >= zero.Count ? (scale, "scale") : (zero, "zero point");
        int[] axes = [.. Enumerable.Range(0, shaped.Dims.Length).Where(i => shaped.Dims[i] != 1)];
        if (axes.Length > 1 || (Math.Min(scale.Count, zero.Count) != 1 && !scale.Dims.SequenceEqual(zero.Dims)))
        {
            throw work.Refuse(node, $"has a {which} of shape [{string.Join(",", shaped.Dims)}]; QuantizeLinear takes one value, or one for each element of one axis.");
        }

        int count = (int)shaped.Count;
        IntegerGrid grid = Codes.Grid(type)!.Value;
        float[] scales = scale.Count == count ? scale.ToFloats() : [.. Enumerable.Repeat(scale.ToFloats()[0], count)];
        int[] zeros = zero.Count == count ? [.. zero.ToFloats().Select(z => (int)z)] : [.. Enumerable.Repeat((int)zero.ToFloats()[0], count)];
        if (zeros.Any(z => z < grid.Min || z > grid.Max))
        {
            throw work.Refuse(node, $"has a zero point outside {grid}.");
        }

        long[] dims = axes.Length == 0 ? [] : [count];
        int rank = graph.Constant(node.Input(0))?.Dims.Length ?? 0;
        int axis = axes.Length == 0 ? 1 : axes[0] - shaped.Dims.Length + rank; // counted from the end where the rank is not known
        return (new AffineMap(
            graph.AddConstant(node.Name + "_scale", Tensor.Of(scales, dims)),
            graph.AddConstant(node.Name + "_zero_point", Codes.Pack(zeros, dims, type)), axis), zeros);
    }

    private static Node WithAxis(Node node, AffineMap map, int[] zeros) => zeros.Length > 1 ? node.With("axis", map.Axis) : node;

    private static Tensor Quantize(Graph graph, Tensor value, AffineMap map, int[] zeros, QonnxGrid grid, ElementType type)
    {
        float[] scales = graph.Constant(map.Scale)!.ToFloats();
        float[] x = value.ToFloats();
        Func<int, int> group = Codes.Groups(value, map, scales.Length);
        var codes = new int[x.Length];
        for (int i = 0; i < codes.Length; i++)
        {
            int g = group(i);
            codes[i] = (int)Rounding.NearestEven(Math.Clamp((x[i] / scales[g]) + zeros[g], grid.Min, grid.Max));
        }

        return Codes.Pack(codes, value.Dims.AsSpan(), type);
    }
}
