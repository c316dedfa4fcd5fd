using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx.Export.Lowering;
using Halftone.Onnx.Targets;

namespace Halftone.Onnx.Export;

/// <summary>Lowers a plan to QuantizeLinear and DequantizeLinear nodes, as ONNX Runtime and others fuse them.</summary>
/// <remarks>
/// One QuantizeLinear a value; one DequantizeLinear a reader, since runtimes fuse a node only with DequantizeLinear nodes of its own (tools.md F2).
/// Weights are stored as codes with a DequantizeLinear. Codes of 8 or 16 bits saturate by their type, even where a narrower range chose the scale (N6);
/// of a width without a type of its own, a Clip keeps them to it. Names follow ONNX Runtime's quantizer: T_scale, T_zero_point, T_quantized, T_QuantizeLinear, T_DequantizeLinear.
/// </remarks>
public sealed class QdqExport
{
    private readonly Model _model;
    private readonly Graph _graph;
    private readonly QuantizationPlan _plan;
    private readonly Dictionary<(string Tensor, QuantizedTensor Format), Func<Node, string>> _weights = [];
    private readonly Dictionary<(AffineTensor Weight, bool Transposed), string> _dynamicWeights = [];

    private QdqExport(Model model, QuantizationPlan plan)
    {
        _model = model;
        _graph = model.Graph;
        _plan = plan;
    }

    /// <summary>A copy of the model with the plan carried out.</summary>
    /// <param name="model">The model the plan was made for, opset 13 or higher; it is left as it is.</param>
    /// <param name="plan">The plan.</param>
    /// <exception cref="ModelException">The opset is too low for a format of the plan.</exception>
    public static Model Apply(Model model, QuantizationPlan plan)
    {
        Model copy = model.Clone();
        var export = new QdqExport(copy, plan);
        export.Weights();
        export.CorrectBiases();
        export.Biases();
        export.Edges();
        export.GuardFloatWeights();
        copy.Graph.ForgetDeclaredTypes();
        RemoveUnusedConstants(copy.Graph);
        copy.Graph.Sort();
        return copy;
    }

    /// <summary>How a weight's format is stored in a model of an opset, in a few words: int8; 3-bit codes stored as int4, the next type up; ...</summary>
    public static string Storage(QuantizedTensor weight, int opset) => WeightLowering.Describe(weight, opset);

    private static void RemoveUnusedConstants(Graph graph)
    {
        foreach (string name in graph.Initializers.Keys.Where(n => graph.Consumers(n).Count == 0 && !graph.IsOutput(n)).ToArray())
        {
            graph.RemoveConstant(name);
        }
    }

    private void Weights()
    {
        foreach ((InputSite site, QuantizedTensor format) in _plan.Weights.OrderBy(w => w.Key.Node, StringComparer.Ordinal).ThenBy(w => w.Key.Input))
        {
            Node node = Find(site.Node);
            string tensor = node.Input(site.Input);
            if (_plan.DynamicNodes.Contains(node.Name))
            {
                continue;
            }

            if (!_weights.TryGetValue((tensor, format), out Func<Node, string>? restore))
            {
                restore = WeightLowering.Store(_model, tensor, format);
                _weights.Add((tensor, format), restore);
            }

            _graph.SetInput(node, site.Input, restore(node));
        }

        foreach (string name in _plan.DynamicNodes.Order(StringComparer.Ordinal))
        {
            Node node = Find(name);
            DynamicExport.Lower(_model, node, _plan.Weights[new(name, 1)] is AffineTensor { HalfCodes: false, Offsets.IsEmpty: true } weight
                ? weight
                : throw new ModelException($"Node '{name}' is to quantize its input at every run, which takes a weight of integer codes with scales and zero points alone."), _dynamicWeights);
        }
    }

    private void CorrectBiases()
    {
        foreach ((string name, ImmutableArray<float> correction) in _plan.BiasCorrections.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            Node node = Find(name);
            float[] bias = node.Input(2).Length == 0 ? new float[correction.Length] : _graph.Constant(node.Input(2))!.ToFloats();
            bias = [.. correction.Select((more, c) => more + bias[bias.Length == 1 ? 0 : c])];

            string like = node.Input(2).Length == 0 ? $"{name}_bias" : node.Input(2);
            _graph.SetInput(node, 2, _graph.AddConstant($"{like}_corrected", Tensor.Of(bias, bias.Length)));
        }
    }

    // int32 with scale = input scale * weight scale and zero point 0; only where both are affine, and the input's scale is not so small, at 16 bits, that it would not fit
    private void Biases()
    {
        if (_plan.Bias is not BiasForm.Int32)
        {
            return;
        }

        foreach ((InputSite site, QuantizedTensor format) in _plan.Weights.OrderBy(w => w.Key.Node, StringComparer.Ordinal))
        {
            if (site.Input != 1 || format is not AffineTensor { HalfCodes: false, Offsets.IsEmpty: true } weight || !_plan.Readers.Contains(new(site.Node, 0)))
            {
                continue;
            }

            // made before edges, so that the data input is still the one of the plan
            Node node = Find(site.Node);
            string data = node.Input(0);
            if (node.Input(2).Length == 0 || _graph.Constant(node.Input(2)) is not { Type: ElementType.Float } bias
                || _plan.Edges.GetValueOrDefault(data) is not AffineGrid { Axis: null, Codes.Bits: <= 8 } input)
            {
                continue;
            }

            if (BiasCodes.Of(node, bias, input, weight) is { } codes)
            {
                StoreBias(node, codes);
            }
        }
    }

    private void StoreBias(Node node, BiasCodes bias)
    {
        string name = node.Input(2);
        string quantized = _graph.AddConstant($"{name}_quantized", Tensor.Of(bias.Codes, bias.Codes.Length));
        string scale = _graph.AddConstant($"{name}_scale", bias.Scales.Length == 1 ? Tensor.Scalar(bias.Scales[0]) : Tensor.Of(bias.Scales, bias.Scales.Length));
        string zero = _graph.AddConstant($"{name}_zero_point", bias.Scales.Length == 1 ? Tensor.Scalar(0) : Tensor.Of(new int[bias.Scales.Length], bias.Scales.Length));
        string output = _graph.FreshName($"{name}_DequantizeLinear_Output");
        Node restore = _graph.InsertBefore(node, new Node(_graph.FreshName($"{name}_DequantizeLinear"), "DequantizeLinear", [quantized, scale, zero], [output]));
        if (bias.Scales.Length > 1)
        {
            restore.With("axis", 0L);
        }

        _graph.SetInput(node, 2, output);
    }

    private void Edges()
    {
        foreach ((string edge, ActivationQuantizer quantizer) in _plan.Edges.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            (string source, string? shown) = Source(edge);
            if (quantizer is AffineGrid grid)
            {
                Quantize(edge, source, shown, grid);
            }
            else
            {
                // standard operators, not codes, so one result serves every reader
                (Node Reader, int[] Places)[] readers = [.. Readers(source)];
                string value = ActivationLowering.Quantize(_model, source, edge, quantizer, shown);
                foreach ((Node reader, int[] places) in readers)
                {
                    SetInputs(reader, places, value);
                }
            }
        }
    }

    /// <summary>The value to quantize, and the graph output that shows it quantized, if one does: that keeps its name, so the float value gets another.</summary>
    private (string Source, string? Shown) Source(string edge)
    {
        if (!_plan.QuantizedOutputs.Contains(edge) || _graph.Producer(edge) is not { } producer)
        {
            return (edge, null);
        }

        string source = _graph.FreshName($"{edge}_float");
        foreach (Node reader in _graph.Consumers(edge).ToArray())
        {
            _graph.ReplaceUses(reader, edge, source);
        }

        _graph.SetOutput(producer, producer.Outputs.ToList().IndexOf(edge), source);
        return (source, edge);
    }

    private void Quantize(string edge, string source, string? shown, AffineGrid grid)
    {
        // 8 bits at least: Clip has kernels for these, runtimes fuse 2- and 4-bit activations into operators they do not have for them, and QuantizeLinear
        // to 2 bits turns quotients over 2^31 into the lowest code (ONNX Runtime 1.31)
        ElementType type = Codes.StorageType(new IntegerGrid(Math.Max(grid.Codes.Bits, 5), grid.Codes.Signed), _model.Opset, $"the value '{edge}'");
        (string scale, string zero) = Parameters(edge, grid, type);
        (Node Reader, int[] Places)[] readers = [.. Readers(source)];
        bool clips = grid.Bits.IsEmpty && grid.Codes.Bits < type.Bits();
        if (clips && type.Bits() == 16)
        {
            source = ClipValues(edge, source, grid);
        }

        if (!grid.Bits.IsEmpty)
        {
            source = ClipChannels(edge, source, grid);
        }

        string codes = _graph.FreshName($"{edge}_QuantizeLinear_Output");
        _graph.Add(Axis(new Node(_graph.FreshName($"{edge}_QuantizeLinear"), "QuantizeLinear", [source, scale, zero], [codes]), grid));
        if (clips && type.Bits() == 8)
        {
            codes = ClipCodes(edge, codes, grid, type);
        }

        if (!grid.Bits.IsEmpty)
        {
            string value = RestoreChannels(edge, codes, scale, zero, grid, shown);
            Array.ForEach(readers, r => SetInputs(r.Reader, r.Places, value));
            return;
        }

        int copy = 0;
        foreach ((Node reader, int[] places) in readers)
        {
            string suffix = copy++ == 0 ? "" : $"_{copy - 1}";
            string output = _graph.FreshName($"{edge}_DequantizeLinear_Output{suffix}");
            _graph.Add(Axis(new Node(_graph.FreshName($"{edge}_DequantizeLinear{suffix}"), "DequantizeLinear", [codes, scale, zero], [output]), grid));
            SetInputs(reader, places, output);
        }

        if (shown is not null)
        {
            _graph.Add(Axis(new Node(_graph.FreshName($"{edge}_DequantizeLinear"), "DequantizeLinear", [codes, scale, zero], [shown]), grid));
        }
    }

    /// <summary>Widths that ONNX has no type for: QuantizeLinear saturates to the type, so a Clip takes the codes to their own width. Integer kernels still fuse around it.</summary>
    private string ClipCodes(string edge, string codes, AffineGrid grid, ElementType type)
    {
        string low = _graph.AddConstant($"{edge}_min", Codes.Pack([grid.Codes.Min], [], type));
        string high = _graph.AddConstant($"{edge}_max", Codes.Pack([grid.Codes.Max], [], type));
        string clipped = _graph.FreshName($"{edge}_clipped");
        _graph.Add(new Node(_graph.FreshName($"{edge}_Clip"), "Clip", [codes, low, high], [clipped]));
        return clipped;
    }

    // there is no kernel for Clip of 16-bit codes; rounding is monotone, so clipping the values to those of the outermost codes is the same
    private string ClipValues(string edge, string source, AffineGrid grid)
    {
        if (grid.Axis is not null)
        {
            throw new ModelException($"The value '{edge}' has a scale for each element of axis {grid.Axis} and {grid.Codes.Bits}-bit codes, which need a Clip with one bound: ask for 8 or 16 bits.");
        }

        string low = _graph.AddConstant($"{edge}_min", Tensor.Scalar(grid.Lowest));
        string high = _graph.AddConstant($"{edge}_max", Tensor.Scalar(grid.Highest));
        string clipped = _graph.FreshName($"{edge}_clipped");
        _graph.Add(new Node(_graph.FreshName($"{edge}_Clip"), "Clip", [source, low, high], [clipped]));
        return clipped;
    }

    // rounding is monotone, so clipping the values to those of each channel's outermost codes is the same as clipping its codes
    private string ClipChannels(string edge, string source, AffineGrid grid)
    {
        (float Lowest, float Highest)[] ends = [.. Enumerable.Range(0, grid.Bits.Length).Select(grid.Ends)];
        string raised = Bounded("Max", edge, source, grid, [.. ends.Select(e => e.Lowest)]);
        return Bounded("Min", edge, raised, grid, [.. ends.Select(e => e.Highest)]);
    }

    /// <summary>
    /// A Max that raises nothing, behind the DequantizeLinear as ClipChannels is before the QuantizeLinear: ONNX Runtime 1.31 fuses either with nodes that take one
    /// scale alone, and then does not load the model.
    /// </summary>
    private string RestoreChannels(string edge, string codes, string scale, string zero, AffineGrid grid, string? shown)
    {
        string restored = _graph.FreshName($"{edge}_DequantizeLinear_Output");
        _graph.Add(Axis(new Node(_graph.FreshName($"{edge}_DequantizeLinear"), "DequantizeLinear", [codes, scale, zero], [restored]), grid));
        return Bounded("Max", edge, restored, grid, [.. Enumerable.Range(0, grid.Bits.Length).Select(c => grid.Ends(c).Lowest)], shown);
    }

    private string Bounded(string op, string edge, string value, AffineGrid grid, float[] bounds, string? output = null)
    {
        long[] dims = [bounds.Length, .. Enumerable.Repeat(1L, -grid.Axis!.Value - 1)];
        output ??= _graph.FreshName($"{edge}_{op}_Output");
        _graph.Add(new Node(_graph.FreshName($"{edge}_{op}"), op, [value, _graph.AddConstant($"{edge}_bound", Tensor.Of(bounds, dims))], [output]));
        return output;
    }

    private IEnumerable<(Node Reader, int[] Places)> Readers(string source) =>
        from reader in _graph.Consumers(source)
        let places = Enumerable.Range(0, reader.Inputs.Count).Where(i => reader.Inputs[i] == source && _plan.Readers.Contains(new(reader.Name, i))).ToArray()
        where places.Length > 0
        select (reader, places);

    private void SetInputs(Node reader, int[] places, string value)
    {
        foreach (int place in places)
        {
            _graph.SetInput(reader, place, value);
        }
    }

    /// <summary>
    /// ONNX Runtime 1.31 quantizes a float weight itself, by tensor, where its node stands between DequantizeLinear and QuantizeLinear, so that a node kept
    /// float for its accuracy would lose it again. A Clip that clips nothing, before such a node, is in the way of that.
    /// </summary>
    private void GuardFloatWeights()
    {
        foreach (Node node in _graph.Nodes.Where(n => n.Is("Conv") || n.Is("ConvTranspose") || n.Is("Gemm") || n.Is("MatMul")).ToArray())
        {
            string data = node.Input(0);
            if (_graph.Constant(node.Input(1)) is not { Type: ElementType.Float } || _graph.Producer(data) is not { } maker || !maker.Is("DequantizeLinear") || !GoesToCodes(node))
            {
                continue;
            }

            string low = _graph.AddConstant($"{node.Name}_lowest", Tensor.Scalar(float.MinValue));
            string high = _graph.AddConstant($"{node.Name}_highest", Tensor.Scalar(float.MaxValue));
            string kept = _graph.FreshName($"{node.Name}_float_input");
            _graph.Add(new Node(_graph.FreshName($"{node.Name}_guard"), "Clip", [data, low, high], [kept]));
            _graph.SetInput(node, 0, kept);
        }
    }

    private bool GoesToCodes(Node node) =>
        _graph.Consumers(node.Outputs[0]) is var readers
        && (readers.Any(r => r.Is("QuantizeLinear")) || (readers is [{ } one] && (one.Is("Relu") || one.Is("Clip")) && GoesToCodes(one)));

    private static Node Axis(Node node, AffineGrid grid) => grid.Axis is { } axis ? node.With("axis", axis) : node;

    private (string Scale, string Zero) Parameters(string edge, AffineGrid grid, ElementType type)
    {
        float[] scales = [.. grid.Parameters.Select(p => p.Scale)];
        int[] zeros = [.. grid.Parameters.Select(p => p.ZeroPoint)];
        return (
            _graph.AddConstant($"{edge}_scale", grid.Axis is null ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, scales.Length)),
            _graph.AddConstant($"{edge}_zero_point", Codes.Pack(zeros, grid.Axis is null ? [] : [zeros.Length], type)));
    }

    private Node Find(string name) => _graph.Nodes.FirstOrDefault(n => n.Name == name) ?? throw new ModelException($"The plan speaks of node '{name}', which the model does not have.");
}
