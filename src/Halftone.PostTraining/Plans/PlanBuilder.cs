using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Recipes;
using Halftone.Ranges;
using Halftone.Statistics;
using Halftone.Weights;

namespace Halftone.PostTraining.Plans;

/// <summary>Fills a placement with parameters: ranges of edges from statistics, codes of weights from the weight method.</summary>
public sealed class PlanBuilder
{
    private readonly Graph _graph;
    private readonly Target _target;
    private readonly Recipe _recipe;
    private readonly Placement _placement;
    private readonly Dictionary<(string Tensor, WeightTarget Target), QuantizedTensor> _cache = [];

    /// <summary>For a graph, what is to be quantized in it, and how.</summary>
    public PlanBuilder(Graph graph, Target target, Recipe recipe, Placement placement)
    {
        (_graph, _target, _recipe, _placement) = (graph, target, recipe, placement);
        ActivationGrid = Activations(target, recipe);
    }

    /// <summary>Codes of activations.</summary>
    public QuantizationGrid ActivationGrid { get; }

    /// <summary>Codes of weights.</summary>
    public IntegerGrid WeightCodes => Codes(
        new IntegerGrid(_recipe.Weights.Bits ?? _target.WeightCodes.Bits, _recipe.Weights.Signed ?? _target.WeightCodes.Signed),
        _recipe.Weights.Narrow ?? _target.WeightCodes.Min > _target.WeightCodes.TypeMin,
        _recipe.Weights.ReduceRange);

    /// <summary>What is known of the inputs of layers, for weight methods that ask for it.</summary>
    public IReadOnlyDictionary<InputSite, LayerStatistics> Layers { get; set; } = ImmutableDictionary<InputSite, LayerStatistics>.Empty;

    /// <summary>The weight method of the recipe.</summary>
    public IWeightMethod WeightMethod => WeightMethods.All.Find(_recipe.Weights.Method).FromOptions(_recipe.Weights.Options ?? RecipeCheck.Empty);

    /// <summary>The plan with edges from statistics.</summary>
    /// <param name="statistics">Of every head of <see cref="Placement.Edges"/>.</param>
    /// <param name="method">Chooses ranges.</param>
    /// <param name="cancel">Stops it.</param>
    public QuantizationPlan Build(IReadOnlyDictionary<string, TensorStatistics> statistics, IRangeMethod method, CancellationToken cancel = default) =>
        Build(statistics, _ => method, cancel);

    /// <summary>The plan with edges from statistics, each by a method of its own.</summary>
    /// <param name="statistics">Of every head of <see cref="Placement.Edges"/>.</param>
    /// <param name="method">Chooses the range of a head.</param>
    /// <param name="cancel">Stops it.</param>
    public QuantizationPlan Build(IReadOnlyDictionary<string, TensorStatistics> statistics, Func<string, IRangeMethod> method, CancellationToken cancel = default)
    {
        var edges = ImmutableDictionary.CreateBuilder<string, ActivationQuantizer>();
        foreach ((string edge, string head) in _placement.Edges)
        {
            if (!edges.TryGetValue(head, out ActivationQuantizer? grid))
            {
                grid = Edge(head, statistics[head], method(head));
                edges[head] = grid;
            }

            edges[edge] = grid;
        }

        QuantizationPlan plan = Frame() with
        {
            Edges = edges.ToImmutable(),
            Readers = _placement.Readers,
            QuantizedOutputs = _placement.QuantizedOutputs,
        };
        return plan with { Weights = Weights(plan, cancel) };
    }

    /// <summary>The plan of weights alone.</summary>
    public QuantizationPlan BuildWeights(bool dynamic, CancellationToken cancel = default)
    {
        QuantizationPlan plan = Frame();
        plan = plan with { Weights = Weights(plan, cancel) };
        return dynamic ? plan with { DynamicNodes = [.. plan.Weights.Keys.Select(s => s.Node)] } : plan;
    }

    private static QuantizationGrid Activations(Target target, Recipe recipe)
    {
        ActivationRecipe a = recipe.Activations;
        bool signed = a.Signed ?? target.ActivationCodes.Signed;
        bool symmetric = a.Symmetric ?? target.SymmetricActivations;
        return new(Codes(new IntegerGrid(a.Bits ?? target.ActivationCodes.Bits, signed), symmetric && signed, a.ReduceRange), symmetric);
    }

    private static IntegerGrid Codes(IntegerGrid type, bool narrow, bool reduced) => reduced ? type.Reduced : narrow ? type.Narrow : type;

    private QuantizationPlan Frame() => QuantizationPlan.Empty with
    {
        KeptFloat = _placement.KeptFloat,
        Bias = _recipe.QuantizeBias ?? _target.Bias is BiasForm.Int32 ? BiasForm.Int32 : BiasForm.Float,
    };

    private AffineGrid Edge(string edge, TensorStatistics statistics, IRangeMethod method)
    {
        if (statistics.Count == 0 && statistics.NonFinite > 0)
        {
            throw new ModelException($"The value '{edge}' is never finite on the calibration samples: the model does not fit them.");
        }

        ClipRange range = method.Estimate(statistics, ActivationGrid);
        AffineParameters parameters = AffineParameters.FromRange(
            range.Min, range.Max, ActivationGrid.Codes, ActivationGrid.Symmetric, _recipe.Activations.SmallestScale ?? _target.SmallestScale);
        return new AffineGrid(WithinClip(edge, parameters), ActivationGrid.Codes);
    }

    // a Clip is absorbed only where no code stands for a value outside it, and the float scale may have been rounded up
    private AffineParameters WithinClip(string edge, AffineParameters parameters)
    {
        if (_graph.Producer(edge) is not { } clip || !clip.Is("Clip") || _graph.Constant(clip.Input(2)) is not { } bound)
        {
            return parameters;
        }

        float highest = bound.ToFloats()[0];
        IntegerGrid codes = ActivationGrid.Codes;
        while (parameters.Dequantize(codes.TypeMax) > highest && parameters.Dequantize(codes.TypeMax) < highest * 1.0001f)
        {
            parameters = parameters with { Scale = MathF.BitDecrement(parameters.Scale) };
        }

        return parameters;
    }

    private ImmutableDictionary<InputSite, QuantizedTensor> Weights(QuantizationPlan plan, CancellationToken cancel)
    {
        IWeightMethod method = WeightMethod;
        var weights = ImmutableDictionary.CreateBuilder<InputSite, QuantizedTensor>();
        foreach (InputSite site in _placement.Weights)
        {
            cancel.ThrowIfCancellationRequested();
            Node node = Find(site.Node);
            string name = node.Input(site.Input);
            WeightView view = WeightViews.Of(node, _graph.Constant(name)!);
            var target = new WeightTarget(WeightCodes, _recipe.Weights.Symmetric, GranularityOf(node, view));
            if (!_cache.TryGetValue((name, target), out QuantizedTensor? made))
            {
                made = method.Quantize(view, target, Layers.GetValueOrDefault(site, LayerStatistics.None), cancel);
                _cache.Add((name, target), made);
            }

            weights[site] = made is AffineTensor affine ? Safe(plan, node, view, affine) : made;
        }

        if (_recipe.Weights.Granularity is RecipeGranularity.Network)
        {
            ShareScale(weights);
        }

        foreach (InputSite site in _placement.Operands)
        {
            weights[site] = Operand(_graph.Constant(Find(site.Node).Input(site.Input))!);
        }

        return weights.ToImmutable();
    }

    private Granularity GranularityOf(Node node, WeightView view)
    {
        bool channels = _target.ChannelWeights.Contains(node.Op) || _recipe.Mode is not RecipeMode.Static;
        bool oneAxis = view.Kind is not WeightKind.ConvTranspose || view.Groups == 1;
        RecipeGranularity wanted = _recipe.Weights.Granularity ?? (channels ? RecipeGranularity.Channel : RecipeGranularity.Tensor);
        return wanted switch
        {
            RecipeGranularity.Block => Granularity.Block(view.InputAxis, _recipe.Weights.BlockSize),
            RecipeGranularity.Channel when channels && oneAxis && (view.Kind is not WeightKind.MatMul || view.Shape.Length == 2) => Granularity.Channel(view.OutputAxis),
            RecipeGranularity.Network => Granularity.Network,
            _ => Granularity.Tensor,
        };
    }

    // scales large enough that the bias fits 32 bits (tools.md N9) and, where kernels add pairs in 16 bits, that these cannot overflow
    private AffineTensor Safe(QuantizationPlan plan, Node node, WeightView view, AffineTensor weight)
    {
        if (weight.ZeroPoints.Any(z => z != 0) || plan.Edges.GetValueOrDefault(node.Input(0)) is not AffineGrid input)
        {
            return weight;
        }

        var floors = new double[weight.Scales.Length];
        if (plan.Bias is BiasForm.Int32 && node.Input(2).Length > 0 && _graph.Constant(node.Input(2)) is { Type: ElementType.Float } bias)
        {
            float[] values = bias.ToFloats();
            for (int c = 0; c < values.Length; c++)
            {
                int g = floors.Length == 1 ? 0 : Math.Min(c, floors.Length - 1);
                floors[g] = Math.Max(floors[g], BiasCodes.SmallestWeightScale(values[c], input.Scale));
            }
        }

        AffineTensor safe = ScaleFloors.Apply(view.Values.Span, weight, floors);
        return _target.SaturatesPairs && !input.Codes.Signed && input.Codes.Max > 127 && weight.Grid is { Bits: 8, Signed: true }
            ? PairSafety.Apply(node, view, safe)
            : safe;
    }

    private void ShareScale(ImmutableDictionary<InputSite, QuantizedTensor>.Builder weights)
    {
        if (weights.Values.Any(w => w is not AffineTensor a || a.ZeroPoints.Any(z => z != 0)))
        {
            throw new ArgumentException("'weights.granularity' is 'network', which needs symmetric integer weights.");
        }

        float scale = weights.Values.Max(w => ((AffineTensor)w).Scales[0]);
        foreach (InputSite site in weights.Keys.ToArray())
        {
            Node node = Find(site.Node);
            weights[site] = ScaleFloors.WithScales(_graph.Constant(node.Input(site.Input))!.ToFloats(), (AffineTensor)weights[site], [scale]);
        }
    }

    private AffineTensor Operand(Tensor constant)
    {
        float[] values = constant.ToFloats();
        AffineParameters parameters = values.Length == 0 ? new(1, 0) : ActivationGrid.Parameters(new ClipRange(values.Min(), values.Max()));
        int[] codes = [.. values.Select(v => parameters.Quantize(v, ActivationGrid.Codes))];
        return new AffineTensor([.. constant.Dims.Select(d => (int)d)], Granularity.Tensor, ActivationGrid.Codes, codes, [parameters.Scale], [parameters.ZeroPoint]);
    }

    private Node Find(string name) => _graph.Nodes.First(n => n.Name == name);

}
