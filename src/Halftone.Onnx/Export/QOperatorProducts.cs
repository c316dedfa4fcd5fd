using Halftone.Numerics;

namespace Halftone.Onnx.Export;

/// <summary>Conv, MatMul and Gemm as integer operators, requantized or, where nothing quantizes their output, with their float result.</summary>
internal static class QOperatorProducts
{
    /// <summary>QLinearConv; ConvInteger, Cast, Mul where the output stays float or the input is quantized at run time.</summary>
    public static string? Conv(Conversion work, NodeUnit unit)
    {
        (CodedInput? x, CodedInput? w, UnitEnd? end, Node node) = (unit.Input(0), unit.Input(1), unit.End(), unit.Node);
        if (Misfit(unit, x, w, channelAxis: 0) is { } misfit)
        {
            return misfit;
        }

        float[] weightScales = unit.Graph.Constant(w!.Map.Scale)!.ToFloats();
        if (weightScales.Length > 1 && w.Map.Zero.Length > 0 && unit.Graph.Constant(w.Map.Zero)!.ToInt64s().Distinct().Count() > 1)
        {
            return "its channels have different zero points";
        }

        if (end is null || !unit.IsPerTensor(x!.Map))
        {
            return ConvInteger(work, unit, x!, w, weightScales);
        }

        if (ToQOperator.Misfit(unit, x, end) is { } wrong)
        {
            return wrong;
        }

        string[] bias = [];
        if (node.Input(2).Length > 0)
        {
            float scale = unit.Graph.Constant(x.Map.Scale)!.ToFloats()[0];
            if (Bias(work, unit, weightScales, scale, out string name) is { } obstacle)
            {
                return obstacle;
            }

            bias = [name];
        }

        string[] inputs = [.. unit.Triple(x), .. unit.Triple(w), .. unit.Pair(end), .. bias];
        unit.Replace(new Node(node.Name, "QLinearConv", inputs, [end.Quantize.Outputs[0]]).WithAttributesOf(node), end);
        return null;
    }

    /// <summary>QLinearMatMul; MatMulInteger, Cast, Mul where the output stays float or an input is quantized at run time.</summary>
    public static string? MatMul(Conversion work, NodeUnit unit)
    {
        (CodedInput? a, CodedInput? b, UnitEnd? end, Node node) = (unit.Input(0), unit.Input(1), unit.End(), unit.Node);
        if (Misfit(unit, a, b, channelAxis: 1) is { } misfit)
        {
            return misfit;
        }

        if (end is null || !unit.IsPerTensor(a!.Map))
        {
            MatMulInteger(unit, a!, b!, b!.Codes, node.Outputs[0]);
            return null;
        }

        if (ToQOperator.Misfit(unit, a, end) is { } wrong)
        {
            return wrong;
        }

        string[] inputs = [.. unit.Triple(a), .. unit.Triple(b!), .. unit.Pair(end)];
        unit.Replace(new Node(node.Name, "QLinearMatMul", inputs, [end.Quantize.Outputs[0]]), end);
        return null;
    }

    /// <summary>QGemm, whose output may stay float; MatMulInteger where the input is quantized at run time.</summary>
    public static string? Gemm(Conversion work, NodeUnit unit)
    {
        (CodedInput? a, CodedInput? b, UnitEnd? end, Node node) = (unit.Input(0), unit.Input(1), unit.End(), unit.Node);
        bool transposed = node.Int("transB", 0) != 0;
        if (Misfit(unit, a, b, channelAxis: transposed ? 0 : 1) is { } misfit)
        {
            return misfit;
        }

        if (!unit.IsPerTensor(a!.Map))
        {
            return DynamicGemm(unit, a, b!, transposed);
        }

        if (end is not null && ToQOperator.Misfit(unit, a, end) is { } wrong)
        {
            return wrong;
        }

        string bias = "";
        float alpha = node.Float("alpha", 1);
        if (node.Input(2).Length > 0)
        {
            float scale = unit.Graph.Constant(a.Map.Scale)!.ToFloats()[0] * alpha;
            if (Bias(work, unit, unit.Graph.Constant(b!.Map.Scale)!.ToFloats(), scale, out bias, node.Float("beta", 1)) is { } obstacle)
            {
                return obstacle;
            }
        }

        work.ImportMicrosoft();
        string[] inputs = [.. unit.Triple(a), .. unit.Triple(b!), bias, .. end is null ? [] : unit.Pair(end)];
        string output = end?.Quantize.Outputs[0] ?? node.Outputs[0];
        Node integer = new Node(node.Name, "QGemm", inputs, [output], Codes.Microsoft).WithAttributesOf(node).Without("beta");
        if (end is null)
        {
            unit.Graph.InsertBefore(node, integer);
            unit.Graph.Remove(node);
        }
        else
        {
            unit.Replace(integer, end);
        }

        return null;
    }

    /// <summary>Why two factors do not fit the integer kernels, or null.</summary>
    private static string? Misfit(NodeUnit unit, CodedInput? x, CodedInput? w, int channelAxis)
    {
        if (x is null || w is null)
        {
            return "an input is not quantized";
        }

        if (!x.Is8Bit || !w.Is8Bit || (x.Type is ElementType.Int8 && w.Type is ElementType.UInt8))
        {
            return $"there is no integer kernel for {x.Type.OnnxName()} times {w.Type.OnnxName()}";
        }

        if (unit.Graph.Constant(w.Map.Scale) is not { } scales || w.Map.BlockSize > 0)
        {
            return "its second input has no constant scale of a tensor or a channel";
        }

        if (unit.Graph.Constant(x.Map.Scale) is { Count: not 1 })
        {
            return "its first input is not quantized with one scale";
        }

        int? rank = unit.Graph.Constant(w.Codes)?.Dims.Length;
        return scales.Count == 1 ? null
            : (w.Map.Axis < 0 ? w.Map.Axis + rank : w.Map.Axis) == channelAxis && (channelAxis == 0 || rank == 2) ? null
            : $"its weight has a scale for each element of axis {w.Map.Axis}, and the kernel takes output channels alone";
    }

    /// <summary>The int32 codes of a constant bias in steps of input scale times weight scale: those of its DequantizeLinear where the steps agree.</summary>
    private static string? Bias(Conversion work, NodeUnit unit, float[] weightScales, float inputScale, out string name, float beta = 1)
    {
        (Graph graph, Node node) = (unit.Graph, unit.Node);
        Node? dequantize = Codes.Dequantizer(graph, node.Input(2));
        Tensor? codes = dequantize is null ? graph.Constant(node.Input(2)) : graph.Constant(dequantize.Input(0));
        float[]? values = dequantize is not null ? Codes.Dequantize(graph, dequantize) : codes is { Type: ElementType.Float } ? codes.ToFloats() : null;
        name = "";
        if (values is null || codes is null)
        {
            return "its bias is not constant";
        }

        long[] dims = [.. codes.Dims];
        if (weightScales.Length > 1 && values.Length == 1)
        {
            values = [.. Enumerable.Repeat(values[0], weightScales.Length)];
            dims = [values.Length];
        }

        if (weightScales.Length > 1 && (values.Length != weightScales.Length || (dims.Length > 0 && dims[^1] != values.Length)))
        {
            return "its bias has another length than its channels";
        }

        float[] steps = [.. weightScales.Select(s => s * inputScale)];
        if (dequantize is not null && beta == 1 && codes.Type is ElementType.Int32 && codes.Count == values.Length && Agree(graph.Constant(dequantize.Input(1))!.ToFloats(), steps))
        {
            name = dequantize.Input(0);
            return null;
        }

        var quantized = new int[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            double code = Rounding.NearestEven((double)values[i] * beta / steps[steps.Length == 1 ? 0 : i]);
            if (!(Math.Abs(code) <= int.MaxValue))
            {
                return $"its bias {values[i]} does not fit 32 bits in steps of {steps[steps.Length == 1 ? 0 : i]}";
            }

            quantized[i] = (int)code;
        }

        work.Note($"The bias of node '{node.Name}' ({node.Op}) was rounded to steps of input scale times weight scale.");
        name = graph.AddConstant(node.Input(2) + "_quantized", Tensor.Of(quantized, dims));
        return null;
    }

    private static bool Agree(float[] scales, float[] steps)
    {
        for (int i = 0; i < Math.Max(scales.Length, steps.Length); i++)
        {
            float step = steps[steps.Length == 1 ? 0 : Math.Min(i, steps.Length - 1)];
            if (!(Math.Abs(scales[scales.Length == 1 ? 0 : Math.Min(i, scales.Length - 1)] - step) <= 1e-6f * Math.Abs(step)))
            {
                return false;
            }
        }

        return true;
    }

    private static string? ConvInteger(Conversion work, NodeUnit unit, CodedInput x, CodedInput w, float[] weightScales)
    {
        (Graph graph, Node node) = (unit.Graph, unit.Node);
        if (x.Type is not ElementType.UInt8 || graph.Constant(w.Codes) is not { } codes)
        {
            return "its output stays float, and ConvInteger takes uint8 inputs and constant weights";
        }

        long[] channels = [1, .. Enumerable.Repeat(1L, codes.Dims.Length - 1)];
        channels[1] = weightScales.Length;
        long zero = w.Map.Zero.Length > 0 ? graph.Constant(w.Map.Zero)!.ToInt64s()[0] : 0;
        string weightZero = graph.AddConstant(w.Codes + "_zero_point", ToQOperator.Scalar(w.Type, (int)zero));
        string sum = graph.FreshName(node.Name + "_integer");
        string product = node.Input(2).Length > 0 ? graph.FreshName(node.Name + "_product") : node.Outputs[0];
        graph.InsertBefore(node, new Node(node.Name, "ConvInteger", [x.Codes, w.Codes, unit.Zero(x.Map, x.Type), weightZero], [sum]).WithAttributesOf(node));
        Rescale(unit, x, w, channels, sum, product);
        if (node.Input(2).Length > 0)
        {
            Node? dequantize = Codes.Dequantizer(graph, node.Input(2));
            float[]? bias = dequantize is not null ? Codes.Dequantize(graph, dequantize) : graph.Constant(node.Input(2))?.ToFloats();
            string shaped;
            if (bias is not null)
            {
                channels[1] = bias.Length;
                shaped = graph.AddConstant(node.Input(2) + "_channels", Tensor.Of(bias, channels));
            }
            else
            {
                channels[1] = -1;
                shaped = graph.FreshName(node.Input(2) + "_channels");
                graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_shape"), "Reshape", [node.Input(2), graph.AddConstant(node.Name + "_dims", Tensor.Of(channels, channels.Length))], [shaped]));
            }

            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_bias"), "Add", [product, shaped], [node.Outputs[0]]));
        }

        graph.Remove(node);
        work.Note($"Node '{node.Name}' (Conv) keeps its float output: ConvInteger, then Mul by the scales.");
        return null;
    }

    private static void MatMulInteger(NodeUnit unit, CodedInput a, CodedInput b, string codes, string output)
    {
        (Graph graph, Node node) = (unit.Graph, unit.Node);
        string sum = graph.FreshName(node.Name + "_integer");
        graph.InsertBefore(node, new Node(node.Name, "MatMulInteger", [a.Codes, codes, unit.Zero(a.Map, a.Type), unit.Zero(b.Map, b.Type)], [sum]));
        Rescale(unit, a, b, [.. graph.Constant(b.Map.Scale)!.Dims], sum, output);
        graph.Remove(node);
    }

    private static string? DynamicGemm(NodeUnit unit, CodedInput a, CodedInput b, bool transposed)
    {
        (Graph graph, Node node) = (unit.Graph, unit.Node);
        if (node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1 || graph.Constant(b.Codes) is not { Dims: [var rows, var columns] } codes)
        {
            return "its input is quantized at run time, and MatMulInteger has neither transA, alpha nor beta";
        }

        string factor = b.Codes;
        if (transposed)
        {
            var turned = new byte[codes.Count];
            ReadOnlySpan<byte> bytes = codes.Bytes;
            for (int i = 0; i < bytes.Length; i++)
            {
                turned[(i % columns * rows) + (i / columns)] = bytes[i];
            }

            factor = graph.AddConstant(b.Codes + "_transposed", new Tensor(codes.Type, [columns, rows], turned));
        }

        string bias = node.Input(2);
        string product = bias.Length > 0 ? graph.FreshName(node.Name + "_product") : node.Outputs[0];
        if (bias.Length > 0)
        {
            graph.InsertAfter(node, new Node(graph.FreshName(node.Name + "_bias"), "Add", [product, bias], [node.Outputs[0]]));
        }

        MatMulInteger(unit, a, b, factor, product);
        return null;
    }

    /// <summary>Cast of the int32 sums, times both scales: one constant where both are known, else a product at run time.</summary>
    private static void Rescale(NodeUnit unit, CodedInput x, CodedInput w, long[] dims, string sum, string output)
    {
        (Graph graph, Node node) = (unit.Graph, unit.Node);
        float[] scales = graph.Constant(w.Map.Scale)!.ToFloats();
        string factor;
        if (graph.Constant(x.Map.Scale) is { } scale)
        {
            float s = scale.ToFloats()[0];
            factor = graph.AddConstant(node.Name + "_scale", Tensor.Of([.. scales.Select(v => v * s)], dims));
        }
        else
        {
            factor = graph.FreshName(node.Name + "_scale");
            string shaped = graph.AddConstant(w.Map.Scale + "_channels", Tensor.Of(scales, dims));
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_scales"), "Mul", [x.Map.Scale, shaped], [factor]));
        }

        string real = graph.FreshName(node.Name + "_float");
        graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_cast"), "Cast", [sum], [real]).With("to", (long)ElementType.Float));
        graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_rescale"), "Mul", [real, factor], [output]));
    }
}
