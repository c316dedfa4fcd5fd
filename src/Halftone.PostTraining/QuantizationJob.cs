using System.Collections.Immutable;
using System.Diagnostics;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Statistics;
using Halftone.Weights;

namespace Halftone.PostTraining;

/// <summary>One model being quantized: prepared, placed and calibrated once, then solved as often as is asked (quantize once, tune and sensitivity many times).</summary>
public sealed class QuantizationJob : IDisposable
{
    private const int JudgedSamples = 64; // enough to tell range methods apart, few enough to try seven of them

    private readonly HashSet<InputSite> _gathered = [];

    private QuantizationJob(Recipe recipe, Target target, Preparation prepared, Placement placement, IDataSet? data, QuantizerOptions options)
    {
        (Recipe, Target, Prepared, Placement, Data, Options) = (recipe, target, prepared, placement, data, options);
        Builder = new PlanBuilder(prepared.Model.Graph, target, recipe, placement) { Threads = options.Calibration.Threads };
    }

    /// <summary>The recipe.</summary>
    public Recipe Recipe { get; }

    /// <summary>The target.</summary>
    public Target Target { get; }

    /// <summary>The model made ready.</summary>
    public Preparation Prepared { get; }

    /// <summary>What is quantized.</summary>
    public Placement Placement { get; }

    /// <summary>The samples, or null.</summary>
    public IDataSet? Data { get; }

    /// <summary>What else was said.</summary>
    public QuantizerOptions Options { get; }

    /// <summary>Makes plans.</summary>
    public PlanBuilder Builder { get; }

    /// <summary>What the calibration found; null where nothing was calibrated.</summary>
    public CalibrationResult? Calibration { get; private set; }

    /// <summary>How long it took.</summary>
    public TimeSpan CalibrationTime { get; private set; }

    /// <summary>Judges plans by their outputs; null without data.</summary>
    public CalibrationRun? Run { get; private set; }

    /// <summary>What the format of the last model could not hold, one sentence each.</summary>
    public ImmutableArray<string> Notes { get; private set; } = [];

    /// <summary>Nodes whose weights were rounded without knowing their inputs, because what is to be known of these exceeds the memory.</summary>
    public ImmutableArray<string> RoundedAlone { get; private set; } = [];

    /// <summary>Range methods tried by <see cref="Solve"/>, the chosen one first.</summary>
    public ImmutableArray<RangeCandidate> Candidates { get; private set; } = [];

    /// <summary>Prepares, places and calibrates.</summary>
    public static QuantizationJob Start(Model model, Recipe recipe, IDataSet? data, QuantizerOptions options, CancellationToken cancel = default)
    {
        bool dataFree = recipe.Mode is RecipeMode.Static && recipe.Activations.Statistics is RecipeStatistics.BatchNorm;
        if (data is null or { Count: 0 } && recipe.Mode is RecipeMode.Static && !(dataFree && data is null))
        {
            throw new DataException(data is null
                ? $"Recipe '{recipe.Name}' needs calibration samples: give --data. Random numbers would give ranges that fit nothing."
                : $"{data.Description} holds no samples to calibrate with.");
        }

        Target target = options.Target ?? TargetList.Find(recipe.Target);
        options.Tell?.Invoke("preparing the model");
        IReadOnlyDictionary<string, Tensor>? sample = data is not null ? FirstReadable(data, cancel) : dataFree ? DataFree.Zeros(model.Graph) : null;
        Preparation prepared = Preparation.Of(model, recipe, target, sample, options.MinimumOpset, cancel);
        prepared = RecipePasses.Run(prepared, recipe, target, sample, data, options.Calibration, cancel);
        IReadOnlyDictionary<string, ObservedValue> values = sample is null ? Declared(prepared.Model.Graph) : prepared.Values;
        Placement placement = Placement.Decide(prepared.Model.Graph, target, recipe, values);
        var job = new QuantizationJob(recipe, target, prepared, placement, data, options);
        try
        {
            job.Calibrate(cancel);
            return job;
        }
        catch
        {
            job.Dispose();
            throw;
        }
    }

    /// <summary>The same model, data and statistics under another recipe for the same target; calibrated anew only where that recipe quantizes edges this one does not. It lives as long as this job.</summary>
    public QuantizationJob Variant(Recipe recipe, CancellationToken cancel = default)
    {
        Placement placement = Placement.Decide(Prepared.Model.Graph, Target, recipe, Prepared.Values);
        var variant = new QuantizationJob(recipe, Target, Prepared, placement, Data, Options) { Calibration = Calibration, CalibrationTime = CalibrationTime };
        GatherInputs(variant.Builder.WeightMethod, placement, cancel);
        (variant.Builder.Layers, variant.RoundedAlone) = (Builder.Layers, RoundedAlone);
        variant.Run = Run?.For(variant.Builder);
        string[] unseen = [.. placement.Observed.Where(e => Run is null || !Run.Statistics.ContainsKey(e))];
        if (unseen.Length > 0 && Data is not null)
        {
            CalibrationResult more = Calibrator.Run(Prepared.Model, unseen, Prepared.Values, Data, Options.Calibration, cancel);
            Run!.Add(more.Statistics);
        }

        return variant;
    }

    /// <summary>Chooses ranges and weights and makes the model.</summary>
    public (QuantizationPlan Plan, Model Quantized) Solve(CancellationToken cancel = default)
    {
        if (Recipe.Mode is RecipeMode.Float16)
        {
            ConversionResult half = FormatConversion.Convert(Prepared.Model, ModelFormat.Float16, new ConversionOptions(), cancel);
            Notes = half.Notes;
            return (QuantizationPlan.Empty with { KeptFloat = HalfWeights.KeptFloat(Prepared.Model.Graph, half.Model.Graph) }, Stamp(half.Model));
        }

        if (Placement.Nodes.IsEmpty)
        {
            throw new ModelException($"Nothing in the model can be quantized for {Target.Id}: {string.Join("; ", Placement.KeptFloat.Take(3).Select(k => $"'{k.Key}': {k.Value}"))}.");
        }

        QuantizationPlan plan;
        if (Recipe.Mode is RecipeMode.Static)
        {
            Candidates = RangeSelection.Try(Builder, Recipe, Run!, id => Options.Tell?.Invoke($"trying ranges by {id}"), cancel);
            plan = Candidates[0].Plan;
        }
        else
        {
            Options.Tell?.Invoke("quantizing weights");
            plan = Builder.BuildWeights(Recipe.Mode is RecipeMode.Dynamic, cancel);
        }

        plan = Corrected(plan, cancel);
        plan = Recipe.WideNodes.IsEmpty ? plan : WideEdges.Of(this, plan, Recipe.WideNodes);
        return (plan, Lower(plan));
    }

    private QuantizationPlan Corrected(QuantizationPlan plan, CancellationToken cancel)
    {
        using CalibrationRun? alone = Run is null && !Recipe.Corrections.IsEmpty
            ? new CalibrationRun(Prepared.Model, Prepared.Values, ImmutableDictionary<string, TensorStatistics>.Empty, null, 0, Builder) { Moments = DataFree.Moments(Prepared, Recipe, ImmutableDictionary<string, TensorStatistics>.Empty) } : null;
        foreach (MethodStep step in Recipe.Corrections)
        {
            IPlanMethod method = step.From(PlanMethods.All);
            if (method.NeedsSamples && Data is null)
            {
                throw new DataException($"Recipe '{Recipe.Name}' improves the plan by '{step.Id}', which needs samples: give --data.");
            }

            Options.Tell?.Invoke(step.Id);
            plan = method.Improve(Prepared.Model.Graph, plan, Run ?? alone!, cancel);
        }

        return plan;
    }

    /// <summary>The model under a plan, in the recipe's format.</summary>
    public Model Lower(QuantizationPlan plan)
    {
        Model qdq = QdqExport.Apply(Prepared.Model, plan);
        if (Recipe.Format is ModelFormat.Qdq)
        {
            return Stamp(qdq);
        }

        ConversionResult converted = FormatConversion.Convert(qdq, Recipe.Format, new ConversionOptions());
        Notes = converted.Notes;
        return Stamp(converted.Model);
    }

    /// <inheritdoc/>
    public void Dispose() => Run?.Dispose();

    private void Calibrate(CancellationToken cancel)
    {
        bool dataFree = Recipe.Mode is RecipeMode.Static && Recipe.Activations.Statistics is RecipeStatistics.BatchNorm;
        if (Data is null && !dataFree)
        {
            return;
        }

        bool ranges = Recipe.Mode is RecipeMode.Static && !Placement.Edges.IsEmpty;
        string[] inputs = [.. Prepared.Model.Graph.Inputs.Where(i => i.Type is ElementType.Float).Select(i => i.Name)];
        if (ranges && Data is not null)
        {
            Measure(dataFree ? inputs : [.. Placement.Observed], Data, cancel);
        }

        IReadOnlyDictionary<string, TensorStatistics> statistics = Calibration?.Statistics ?? ImmutableDictionary<string, TensorStatistics>.Empty;
        DerivedMoments moments = DataFree.Moments(Prepared, Recipe, statistics);
        if (dataFree && ranges)
        {
            // what does not follow from the network is measured where it can be
            string[] unknown = [.. Placement.Observed.Where(e => moments.Statistics(e) is null)];
            if (unknown.Length > 0 && Data is not null)
            {
                Measure(unknown, Data, cancel);
                Prepared.Passes.Log.Add($"ranges of {string.Join(", ", unknown.Take(3))}{(unknown.Length > 3 ? $" and {unknown.Length - 3} more" : "")} come from samples: they do not follow from batch normalizations");
            }

            statistics = DataFree.Statistics(Prepared, Placement, moments, Calibration?.Statistics);
        }

        GatherInputs(Builder.WeightMethod, Placement, cancel);
        Run = new CalibrationRun(Prepared.Model, Prepared.Values, statistics, Data, JudgedSamples, Builder) { Moments = moments };
    }

    // what a weight method reads of its layers' inputs, each layer's once, whichever variant asks first
    private void GatherInputs(IWeightMethod method, Placement placement, CancellationToken cancel)
    {
        InputSite[] sites = method.Needs is LayerStatisticsNeeds.None || Data is null ? [] : [.. placement.Weights.Where(_gathered.Add)];
        if (sites.Length == 0)
        {
            return;
        }

        Options.Tell?.Invoke("gathering the inputs of layers");
        (IReadOnlyDictionary<InputSite, LayerStatistics> found, ImmutableArray<string> tooLarge) = LayerInputs.SecondMoments(Prepared.Model, sites, Prepared.Values, Data!, Options.Calibration, cancel);
        Builder.Layers = Builder.Layers.Concat(found).ToDictionary();
        RoundedAlone = [.. RoundedAlone, .. tooLarge];
    }

    private void Measure(string[] edges, IDataSet data, CancellationToken cancel)
    {
        Options.Tell?.Invoke("calibrating");
        long start = Stopwatch.GetTimestamp();
        CalibrationResult found = Calibrator.Run(Prepared.Model, edges, Prepared.Values, data, Options.Calibration, cancel);
        Calibration = Calibration is { } before ? found with { Statistics = before.Statistics.Concat(found.Statistics).DistinctBy(e => e.Key).ToDictionary() } : found;
        CalibrationTime += Stopwatch.GetElapsedTime(start);
    }

    private Model Stamp(Model model)
    {
        // the first tag keeps ONNX Runtime's own tools from warning about a missing preprocess step (tools.md M4)
        model.SetMetadata("onnx.quant.pre_process", "onnxruntime.quant");
        model.SetMetadata("halftone.recipe", Recipe.Name);
        model.SetMetadata("halftone.target", Target.Id);
        model.SetMetadata("halftone.version", typeof(QuantizationJob).Assembly.GetName().Version!.ToString(3));
        return model;
    }

    private static IReadOnlyDictionary<string, Tensor> FirstReadable(IDataSet data, CancellationToken cancel)
    {
        var skipped = new SkippedFiles();
        return Batches.Of(data, null, 1, skipped, cancel).FirstOrDefault()?.Inputs
            ?? throw new DataException($"None of the {data.Count} samples of {data.Description} can be read; the first: {skipped.All.FirstOrDefault()?.Reason}.");
    }

    // without a sample, types come from what the model declares, and products of constants are float as their constants are
    private static Dictionary<string, ObservedValue> Declared(Graph graph)
    {
        Dictionary<string, ObservedValue> values = [];
        foreach (ValueInfo input in graph.Inputs)
        {
            values[input.Name] = new(input.Type, []);
        }

        foreach (Node node in graph.Nodes)
        {
            bool integers = node.Op is "Shape" or "Size" or "ArgMax" or "ArgMin" or "NonZero" or "Range";
            foreach (string output in node.Outputs)
            {
                values[output] = new(
                    graph.Declared(output)?.Type is { } type and not ElementType.Undefined ? type
                    : node.Is("Cast") ? (ElementType)node.Int("to", 1)
                    : integers ? ElementType.Int64
                    : node.Is("Gather") && graph.Constant(node.Input(0)) is { } table ? table.Type
                    : values.TryGetValue(node.Input(0), out ObservedValue? first) ? first.Type : ElementType.Float, []);
            }
        }

        return values;
    }
}
