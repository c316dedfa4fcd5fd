using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx.Targets;

namespace Halftone.Onnx.Export;

/// <summary>Lowers a plan to QuantizeLinear and DequantizeLinear nodes, as ONNX Runtime and others fuse them.</summary>
/// <remarks>
/// One QuantizeLinear a value; one DequantizeLinear a reader, since runtimes fuse a node only with DequantizeLinear nodes of its own (tools.md F2).
/// Weights are stored as codes with a DequantizeLinear. Names follow ONNX Runtime's quantizer: T_scale, T_zero_point, T_quantized, T_QuantizeLinear, T_DequantizeLinear.
/// </remarks>
public sealed class QdqExport
{
    private readonly Model _model;
    private readonly Graph _graph;
    private readonly QuantizationPlan _plan;
    private readonly Dictionary<string, (string Scale, string Zero)> _parameters = [];
    private readonly Dictionary<(string Tensor, QuantizedTensor Format), WeightNames> _weights = [];

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

            if (!_weights.TryGetValue((tensor, format), out WeightNames? names))
            {
                names = WeightLowering.Store(_model, tensor, format);
                _weights.Add((tensor, format), names);
            }

            _graph.SetInput(node, site.Input, WeightLowering.Restore(_graph, node, tensor, names));
        }

        foreach (string name in _plan.DynamicNodes.Order(StringComparer.Ordinal))
        {
            Node node = Find(name);
            DynamicExport.Lower(_model, node, (AffineTensor)_plan.Weights[new(name, 1)], _dynamicWeights);
        }
    }

    private void CorrectBiases()
    {
        foreach ((string name, ImmutableArray<float> correction) in _plan.BiasCorrections.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            Node node = Find(name);
            float[] bias = node.Input(2).Length == 0 ? new float[correction.Length] : _graph.Constant(node.Input(2))!.ToFloats();
            for (int c = 0; c < bias.Length; c++)
            {
                bias[c] += correction[c];
            }

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
            if (site.Input != 1 || format is not AffineTensor weight || !_plan.Readers.Contains(new(site.Node, 0)))
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
            if (quantizer is not AffineGrid grid)
            {
                throw new ModelException($"The value '{edge}' is to become {quantizer.GetType().Name}, which QuantizeLinear cannot express.");
            }

            (string scale, string zero) = Parameters(edge, grid);
            string source = edge;
            if (_plan.QuantizedOutputs.Contains(edge) && _graph.Producer(edge) is { } producer)
            {
                // the graph's output keeps its name, so the float value gets another
                source = _graph.FreshName($"{edge}_float");
                foreach (Node reader in _graph.Consumers(edge).ToArray())
                {
                    _graph.ReplaceUses(reader, edge, source);
                }

                _graph.SetOutput(producer, producer.Outputs.ToList().IndexOf(edge), source);
            }

            string codes = _graph.FreshName($"{edge}_QuantizeLinear_Output");
            Node quantize = new(_graph.FreshName($"{edge}_QuantizeLinear"), "QuantizeLinear", [Clipped(edge, source, grid), scale, zero], [codes]);
            _graph.Add(Axis(quantize, grid));
            Restore(edge, source, codes, scale, zero, grid);
        }
    }

    private void Restore(string edge, string source, string codes, string scale, string zero, AffineGrid grid)
    {
        int copy = 0;
        foreach (Node reader in _graph.Consumers(source).ToArray())
        {
            int[] places = [.. Enumerable.Range(0, reader.Inputs.Count).Where(i => reader.Inputs[i] == source && _plan.Readers.Contains(new(reader.Name, i)))];
            if (places.Length == 0)
            {
                continue;
            }

            string suffix = copy == 0 ? "" : $"_{copy}";
            string output = _graph.FreshName($"{edge}_DequantizeLinear_Output{suffix}");
            _graph.Add(Axis(new Node(_graph.FreshName($"{edge}_DequantizeLinear{suffix}"), "DequantizeLinear", [codes, scale, zero], [output]), grid));
            foreach (int place in places)
            {
                _graph.SetInput(reader, place, output);
            }

            copy++;
        }

        if (source != edge)
        {
            _graph.Add(Axis(new Node(_graph.FreshName($"{edge}_DequantizeLinear"), "DequantizeLinear", [codes, scale, zero], [edge]), grid));
        }
    }

    /// <summary>
    /// Codes of 8 or 16 bits saturate by their type. Others take the next of these types, since runtimes fuse 2- and 4-bit activations into operators
    /// they do not have for them (ONNX Runtime 1.31), and the values are clipped to those of the outermost codes before.
    /// </summary>
    private string Clipped(string edge, string source, AffineGrid grid)
    {
        if (grid.Codes.Bits == StoredBits(grid.Codes) || grid.Axis is not null)
        {
            return source;
        }

        AffineParameters parameters = grid.Parameters[0];
        string low = _graph.AddConstant($"{edge}_lowest", Tensor.Scalar(parameters.Dequantize(grid.Codes.TypeMin)));
        string high = _graph.AddConstant($"{edge}_highest", Tensor.Scalar(parameters.Dequantize(grid.Codes.TypeMax)));
        string clipped = _graph.FreshName($"{edge}_clipped");
        _graph.Add(new Node(_graph.FreshName($"{edge}_clip"), "Clip", [source, low, high], [clipped]));
        return clipped;
    }

    private static int StoredBits(IntegerGrid codes) => codes.Bits <= 8 ? 8 : 16;

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

    private (string Scale, string Zero) Parameters(string edge, AffineGrid grid)
    {
        if (!_parameters.TryGetValue(edge, out (string, string) names))
        {
            float[] scales = [.. grid.Parameters.Select(p => p.Scale)];
            int[] zeros = [.. grid.Parameters.Select(p => p.ZeroPoint)];
            names = (_graph.AddConstant($"{edge}_scale", grid.Axis is null ? Tensor.Scalar(scales[0]) : Tensor.Of(scales, scales.Length)),
                _graph.AddConstant($"{edge}_zero_point", WeightLowering.Pack(_model, zeros, new IntegerGrid(StoredBits(grid.Codes), grid.Codes.Signed), grid.Axis is null ? [] : [zeros.Length], $"the value '{edge}'")));
            _parameters.Add(edge, names);
        }

        return names;
    }

    private Node Find(string name) => _graph.Nodes.FirstOrDefault(n => n.Name == name) ?? throw new ModelException($"The plan speaks of node '{name}', which the model does not have.");
}

/// <summary>Names of a stored weight.</summary>
internal sealed record WeightNames(string Codes, string Scale, string Zero, Granularity Granularity, bool IsFloat);
