using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using Halftone.Activations;
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
    private readonly IActivationMethod? _activations; // null: grids by range
    private readonly Dictionary<(string Tensor, WeightTarget Target), QuantizedTensor> _cache = [];

    /// <summary>For a graph, what is to be quantized in it, and how.</summary>
    public PlanBuilder(Graph graph, Target target, Recipe recipe, Placement placement)
    {
        (_graph, _target, _recipe, _placement) = (graph, target, recipe, placement);
        ActivationGrid = Activations(target, recipe, null);
        _activations = recipe.Activations.Method == "affine" ? null : ActivationMethods.All.Find(recipe.Activations.Method).FromOptions(recipe.Activations.Options ?? RecipeCheck.Empty);
    }

    /// <summary>Ranges estimated at once; the plan does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Codes of activations.</summary>
    public QuantizationGrid ActivationGrid { get; }

    /// <summary>Codes of the activations of a head.</summary>
    public QuantizationGrid GridOf(string head) => _placement.EdgeBits.TryGetValue(head, out int bits) ? Activations(_target, _recipe, bits) : ActivationGrid;

    /// <summary>Codes of weights.</summary>
    public IntegerGrid WeightCodes => WeightCodesOf(_target, _recipe, null);

    /// <summary>How a weight will be quantized, or null where the site holds none.</summary>
    internal static WeightTarget? TargetOf(Graph graph, Target target, Recipe recipe, InputSite site, int? bits = null)
    {
        Node? node = graph.Nodes.FirstOrDefault(n => n.Name == site.Node);
        return node is null || graph.Constant(node.Input(site.Input)) is not { } weight
            ? null
            : new WeightTarget(WeightCodesOf(target, recipe, bits), recipe.Weights.Symmetric, GranularityOf(target, recipe, node, WeightViews.Axes(node, weight.Dims.Length), weight.Dims.Length));
    }

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

    /// <summary>The values whose ranges are chosen; others share theirs.</summary>
    public IEnumerable<string> Heads => _placement.Edges.Values.Distinct();

    /// <summary>The plan with edges from statistics, each by a method of its own.</summary>
    /// <param name="statistics">Of every head of <see cref="Placement.Edges"/>.</param>
    /// <param name="method">Chooses the range of a head.</param>
    /// <param name="cancel">Stops it.</param>
    public QuantizationPlan Build(IReadOnlyDictionary<string, TensorStatistics> statistics, Func<string, IRangeMethod> method, CancellationToken cancel = default)
    {
        string[] heads = [.. _placement.Covers.Keys];
        var quantizers = new ActivationQuantizer[heads.Length];
        Each(heads.Length, i => quantizers[i] = Edge(heads[i], statistics, method), cancel);
        var found = heads.Zip(quantizers).ToDictionary(h => h.First, h => h.Second);

        QuantizationPlan plan = Frame() with
        {
            Edges = _placement.Edges.ToImmutableDictionary(e => e.Key, e => found[e.Value]),
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
        return dynamic ? plan with { DynamicNodes = [.. plan.Weights.Keys.Select(s => s.Node).Where(n => DynamicExport.Fits(Find(n)))] } : plan;
    }

    /// <summary>Other values for a weight that one node alone reads, quantized as the recipe says.</summary>
    /// <param name="plan">The plan it is for.</param>
    /// <param name="site">Where it is read.</param>
    /// <param name="values">The values, as many as the weight has.</param>
    /// <param name="statistics">What is known of the layer's inputs; null for <see cref="Layers"/>.</param>
    /// <param name="method">Another weight method than the recipe's; null for that.</param>
    /// <param name="cancel">Stops it.</param>
    public QuantizedTensor Quantize(QuantizationPlan plan, InputSite site, float[] values, LayerStatistics? statistics, IWeightMethod? method, CancellationToken cancel = default)
    {
        Site at = Look(site);
        WeightView view = WeightViews.Of(at.Node, _graph.Constant(at.Tensor)!) with { Values = values };
        return Safe(plan, [at.Node], view, (method ?? WeightMethod).Quantize(view, at.Target, statistics ?? Layers.GetValueOrDefault(site, LayerStatistics.None), cancel));
    }

    // ranges are pure functions of statistics; the first error is thrown as it is
    private void Each(int count, Action<int> work, CancellationToken cancel)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Threads, CancellationToken = cancel }, work);
        }
        catch (AggregateException errors)
        {
            ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
        }
    }

    private static QuantizationGrid Activations(Target target, Recipe recipe, int? bits)
    {
        ActivationRecipe a = recipe.Activations;
        bool signed = a.Signed ?? target.ActivationCodes.Signed;
        bool symmetric = a.Symmetric ?? target.SymmetricActivations;
        return new(Codes(new IntegerGrid(bits ?? a.Bits ?? target.ActivationCodes.Bits, signed), symmetric && signed, a.ReduceRange), symmetric);
    }

    private static IntegerGrid Codes(IntegerGrid type, bool narrow, bool reduced) => reduced ? type.Reduced : narrow ? type.Narrow : type;

    private QuantizationPlan Frame() => QuantizationPlan.Empty with
    {
        KeptFloat = _placement.KeptFloat,
        Bias = _recipe.QuantizeBias ?? _target.Bias is BiasForm.Int32 ? BiasForm.Int32 : BiasForm.Float,
    };

    private ActivationQuantizer Edge(string head, IReadOnlyDictionary<string, TensorStatistics> statistics, Func<string, IRangeMethod> method)
    {
        QuantizationGrid grid = GridOf(head);
        if (_graph.Producer(head) is { } producer && _target.FixedOutputs.TryGetValue(producer.Op, out AffineParameters fixedOutput) && grid.Codes == _target.ActivationCodes)
        {
            return new AffineGrid(fixedOutput, grid.Codes);
        }

        if (_activations is not null)
        {
            RequireFinite(head, statistics[head]);
            return _activations.Choose(statistics[head], grid.Codes.Bits);
        }

        ClipRange range = Range(head, statistics[head], method(head), grid);
        foreach (string other in _placement.Covers[head].Skip(1))
        {
            ClipRange one = Range(other, statistics[other], method(head), grid);
            range = new ClipRange(Math.Min(range.Min, one.Min), Math.Max(range.Max, one.Max));
        }

        AffineParameters parameters = AffineParameters.FromRange(
            range.Min, range.Max, grid.Codes, grid.Symmetric, _recipe.Activations.SmallestScale ?? _target.SmallestScale);
        return new AffineGrid(WithinClip(head, parameters, grid.Codes), grid.Codes);
    }

    private static ClipRange Range(string edge, TensorStatistics statistics, IRangeMethod method, QuantizationGrid grid)
    {
        RequireFinite(edge, statistics);
        return method.Estimate(statistics, grid);
    }

    private static void RequireFinite(string edge, TensorStatistics statistics)
    {
        if (statistics.Count == 0 && statistics.NonFinite > 0)
        {
            throw new ModelException($"The value '{edge}' is never finite on the calibration samples: the model does not fit them, or its preprocessing is another.");
        }
    }

    // a Clip is absorbed only where no code stands for a value outside it: zero points and scales are rounded, so an end may lie half a step beyond
    private AffineParameters WithinClip(string edge, AffineParameters parameters, IntegerGrid codes)
    {
        if (_graph.Producer(edge) is not { } clip || !clip.Is("Clip"))
        {
            return parameters;
        }

        foreach ((int place, int end) in (ReadOnlySpan<(int, int)>)[(1, codes.TypeMin), (2, codes.TypeMax)])
        {
            if (_graph.Constant(clip.Input(place)) is not { Count: 1 } bound || end == parameters.ZeroPoint)
            {
                continue;
            }

            float limit = bound.ToFloats()[0] / (end - parameters.ZeroPoint);
            if (limit > 0 && parameters.Scale > limit && parameters.Scale * (codes.Levels - 2) <= limit * (codes.Levels - 1))
            {
                parameters = parameters with { Scale = limit };
                while (Math.Abs(parameters.Dequantize(end)) > Math.Abs(bound.ToFloats()[0]))
                {
                    parameters = parameters with { Scale = MathF.BitDecrement(parameters.Scale) };
                }
            }
        }

        return parameters;
    }

    private ImmutableDictionary<InputSite, QuantizedTensor> Weights(QuantizationPlan plan, CancellationToken cancel)
    {
        IWeightMethod method = WeightMethod;
        var weights = ImmutableDictionary.CreateBuilder<InputSite, QuantizedTensor>();
        foreach (IGrouping<(string Tensor, WeightTarget Target), Site> tied in _placement.Weights.Select(Look).GroupBy(s => (s.Tensor, s.Target)))
        {
            cancel.ThrowIfCancellationRequested();
            Site lead = tied.OrderByDescending(s => Layers.ContainsKey(s.Place)).First(); // a table's rows meet no inputs, the product tied to it does
            WeightView view = WeightViews.Of(lead.Node, _graph.Constant(tied.Key.Tensor)!);
            if (!_cache.TryGetValue(tied.Key, out QuantizedTensor? made))
            {
                made = method.Quantize(view, tied.Key.Target, Layers.GetValueOrDefault(lead.Place, LayerStatistics.None), cancel);
                _cache.Add(tied.Key, made);
            }

            // a weight that several nodes read is stored once, so its scales must do for all of them
            QuantizedTensor safe = Safe(plan, [.. tied.Select(s => s.Node)], view, made);
            foreach (Site site in tied)
            {
                weights[site.Place] = safe;
            }
        }

        if (_recipe.Weights.Granularity is RecipeGranularity.Network)
        {
            ShareScale(weights);
        }

        foreach (InputSite site in _placement.Operands)
        {
            Node node = Find(site.Node);
            weights[site] = Operand(_graph.Constant(node.Input(site.Input))!, node.Is("Concat") && _target.ConcatSharesScale ? plan.Edges.GetValueOrDefault(node.Outputs[0]) as AffineGrid : null);
        }

        return weights.ToImmutable();
    }

    private static Granularity GranularityOf(Target target, Recipe recipe, Node node, WeightAxes axes, int rank)
    {
        bool channels = target.ChannelWeights.Contains(node.Op) || recipe.Mode is not RecipeMode.Static;
        bool oneAxis = axes.Kind is not WeightKind.ConvTranspose || axes.Groups == 1;
        RecipeGranularity wanted = recipe.Weights.Granularity ?? (channels ? RecipeGranularity.Channel : RecipeGranularity.Tensor);
        return wanted switch
        {
            RecipeGranularity.Block => Granularity.Block(axes.Input, recipe.Weights.BlockSize),
            RecipeGranularity.Channel when channels && oneAxis && (axes.Kind is not WeightKind.MatMul || rank == 2) => Granularity.Channel(axes.Output),
            RecipeGranularity.Network => Granularity.Network,
            _ => Granularity.Tensor,
        };
    }

    private static IntegerGrid WeightCodesOf(Target target, Recipe recipe, int? bits) => Codes(
        new IntegerGrid(bits ?? recipe.Weights.Bits ?? target.WeightCodes.Bits, recipe.Weights.Signed ?? target.WeightCodes.Signed),
        recipe.Weights.Narrow ?? target.WeightCodes.Min > target.WeightCodes.TypeMin,
        recipe.Weights.ReduceRange);

    // scales large enough that the biases fit 32 bits (tools.md N9) and, where kernels add pairs in 16 bits, that these cannot overflow
    private QuantizedTensor Safe(QuantizationPlan plan, ImmutableArray<Node> readers, WeightView view, QuantizedTensor made)
    {
        if (made is not AffineTensor { HalfCodes: false, Offsets.IsEmpty: true } weight || weight.ZeroPoints.Any(z => z != 0) || weight.Bits.Any(b => b != weight.Grid.Bits))
        {
            return made;
        }

        var floors = new double[weight.Scales.Length];
        foreach (Node node in readers)
        {
            RaiseForBias(plan, node, floors);
        }

        AffineTensor safe = ScaleFloors.Apply(view.Values.Span, weight, floors);
        return _target.SaturatesPairs && weight.Grid is { Bits: 8, Signed: true } && weight.Granularity.Kind is not GranularityKind.Block
            ? PairSafety.Apply([.. readers.Where(n => plan.Edges.GetValueOrDefault(n.Input(0)) is AffineGrid { Codes: { Signed: false, Max: > 127 } })], view, safe)
            : safe;
    }

    private void RaiseForBias(QuantizationPlan plan, Node node, double[] floors)
    {
        if (plan.Bias is not BiasForm.Int32 || plan.Edges.GetValueOrDefault(node.Input(0)) is not AffineGrid input || _graph.Constant(node.Input(2)) is not { Type: ElementType.Float } bias)
        {
            return;
        }

        float[] values = bias.ToFloats();
        for (int g = 0; g < floors.Length; g++)
        {
            // one scale for all channels, one bias for all channels, or one each
            IEnumerable<float> own = floors.Length == 1 || values.Length != floors.Length ? values : [values[g]];
            floors[g] = own.Select(b => BiasCodes.SmallestWeightScale(b, input.Scale)).Append(floors[g]).Max();
        }
    }

    private void ShareScale(ImmutableDictionary<InputSite, QuantizedTensor>.Builder weights)
    {
        if (weights.Values.Any(w => w is not AffineTensor a || a.ZeroPoints.Any(z => z != 0)))
        {
            throw new ArgumentException("'weights.granularity' is 'network', which needs symmetric integer weights.");
        }

        float scale = weights.Values.Max(w => ((AffineTensor)w).Scales[0]);
        Dictionary<QuantizedTensor, AffineTensor> shared = new(ReferenceEqualityComparer.Instance);
        foreach (InputSite site in weights.Keys.ToArray())
        {
            if (!shared.TryGetValue(weights[site], out AffineTensor? one))
            {
                one = ScaleFloors.WithScales(_graph.Constant(Find(site.Node).Input(site.Input))!.ToFloats(), (AffineTensor)weights[site], [scale]);
                shared.Add(weights[site], one);
            }

            weights[site] = one;
        }
    }

    private AffineTensor Operand(Tensor constant, AffineGrid? shared)
    {
        float[] values = constant.ToFloats();
        AffineParameters parameters = shared is not null ? new(shared.Scale, shared.ZeroPoint) : values.Length == 0 ? new(1, 0) : ActivationGrid.Parameters(new ClipRange(values.Min(), values.Max()));
        int[] codes = [.. values.Select(v => parameters.Quantize(v, ActivationGrid.Codes))];
        return new AffineTensor([.. constant.Dims.Select(d => (int)d)], Granularity.Tensor, ActivationGrid.Codes, codes, [parameters.Scale], [parameters.ZeroPoint]);
    }

    private Site Look(InputSite place)
    {
        Node node = Find(place.Node);
        return new Site(place, node, node.Input(place.Input), TargetOf(_graph, _target, _recipe, place, _placement.WeightBits.TryGetValue(place.Node, out int bits) ? bits : null)!);
    }

    private Node Find(string name) => _graph.Nodes.First(n => n.Name == name);

    /// <summary>A weight where a node reads it.</summary>
    private readonly record struct Site(InputSite Place, Node Node, string Tensor, WeightTarget Target);
}
