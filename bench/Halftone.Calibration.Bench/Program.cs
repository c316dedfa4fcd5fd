using System.Diagnostics;
using System.Globalization;
using Halftone;
using Halftone.Data;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.OnnxRuntime;
using Halftone.PostTraining;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Ranges;
using Halftone.Statistics;

// What a calibration costs beside ONNX Runtime running the same batches, on as many threads, with the same values as outputs; and what all range methods
// together cost beside min/max alone. Each in turn, several times; the median of the ratios of a round is what counts.
//   dotnet run -c Release --project bench/Halftone.Calibration.Bench -- [rounds] [threads]
const int BatchSize = 16;
int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 7;
int threads = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
string root = Repository();
MachineDescription machine = Machine.Describe();
Console.WriteLine($"{machine.Processor}, ONNX Runtime {machine.OnnxRuntime}, {threads} threads, {rounds} rounds");
Console.WriteLine($"{"model",-18} {"edges",5} {"values",12} {"ORT ms",9} {"calibration ms",15} {"times ORT",10} {"min/max ms",11} {"all ranges ms",14} {"times min/max",14}");
bool good = true;
foreach (string name in (string[])["fashion_resnet", "fashion_mobilenet"])
{
    Model model = Model.Load(Path.Combine(root, "samples", name + ".onnx"));
    IDataSet data = DataSets.Open(
        Path.Combine(root, "samples", "fashion-mnist", "calib-images-idx3-ubyte.gz"),
        model.Graph.Inputs,
        new DataOptions { Preprocessing = Preprocessing.Parse(Path.Combine(root, "samples", "preprocessing.json")) });

    // what the standard recipe calibrates: the values it quantizes, of the model after its passes
    Recipe recipe = Recipe.Find("ort-int8");
    Target target = TargetList.Find(recipe.Target);
    Preparation prepared = Preparation.Of(model, recipe, target, Batches.Of(data, null, 1, new SkippedFiles()).First().Inputs);
    IReadOnlyDictionary<string, ObservedValue> values = prepared.Values;
    model = prepared.Model;
    string[] edges = [.. Placement.Decide(model.Graph, target, recipe, values).Observed.Where(e => model.Graph.Producer(e) is not null)];
    var options = new CalibrationOptions { Samples = data.Count, BatchSize = BatchSize, Threads = threads };
    IReadOnlyDictionary<string, TensorStatistics> statistics = new Dictionary<string, TensorStatistics>();
    List<(double Ort, double Calibration, double MinMax, double All)> measured = [];
    for (int round = -1; round < rounds; round++)
    {
        double ort = Time(() => RunBatches(model, edges, data, threads));
        double calibration = Time(() => statistics = Calibrator.Run(model, edges, values, data, options).Statistics);
        double minMax = calibration + Time(() => Estimate(statistics, [new MinMax()], threads));
        double all = calibration + Time(() => Estimate(statistics, [.. RangeMethods.All.All.Select(m => m.Default)], threads));
        if (round >= 0)
        {
            measured.Add((ort, calibration, minMax, all)); // the round before compiled the code
        }
    }

    double beside = Median(measured.Select(m => m.Calibration / m.Ort));
    double ranges = Median(measured.Select(m => m.All / m.MinMax));
    long count = edges.Sum(e => values[e].ByteLength / sizeof(float)) * data.Count;
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name,-18} {edges.Length,5} {count,12} {Median(measured.Select(m => m.Ort)),9:F0} {Median(measured.Select(m => m.Calibration)),15:F0} {beside,10:F2} {Median(measured.Select(m => m.MinMax)),11:F0} {Median(measured.Select(m => m.All)),14:F0} {ranges,14:F2}"));
    foreach (MethodEntry<IRangeMethod> entry in RangeMethods.All.All)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {entry.Info.Id,-20} {Median(Enumerable.Range(0, rounds).Select(_ => Time(() => Estimate(statistics, [entry.Default], threads)))),9:F1} ms"));
    }

    good &= beside <= 2.5 && ranges <= 2;
}

Console.WriteLine(good ? "Within 2.5 times ONNX Runtime and twice min/max." : "Beyond 2.5 times ONNX Runtime or twice min/max.");
return good ? 0 : 1;

// loaded and run on the same batches, dealt to as many threads, outputs made and dropped
static void RunBatches(Model model, string[] edges, IDataSet data, int threads)
{
    using OrtSession session = OrtSession.Load(TensorTap.Expose(model, edges), new OrtOptions { Threads = 1 });
    using IEnumerator<Batch> source = Batches.Of(data, null, BatchSize, new SkippedFiles()).GetEnumerator();
    Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ =>
    {
        while (Next() is { } batch)
        {
            session.RunOnly(batch.Inputs);
        }
    });

    Batch? Next()
    {
        lock (source)
        {
            return source.MoveNext() ? source.Current : null;
        }
    }
}

// as the planner does it: several edges at once
static void Estimate(IReadOnlyDictionary<string, TensorStatistics> statistics, IReadOnlyList<IRangeMethod> methods, int threads)
{
    var grid = new QuantizationGrid(IntegerGrid.UInt8, Symmetric: false);
    Parallel.ForEach(statistics.Values, new ParallelOptions { MaxDegreeOfParallelism = threads }, one =>
    {
        foreach (IRangeMethod method in methods)
        {
            _ = method.Estimate(one, grid);
        }
    });
}

static double Time(Action work)
{
    long start = Stopwatch.GetTimestamp();
    work();
    return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}

static double Median(IEnumerable<double> values)
{
    double[] sorted = [.. values.Order()];
    return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
}

static string Repository()
{
    DirectoryInfo? at = new(AppContext.BaseDirectory);
    while (at is not null && !File.Exists(Path.Combine(at.FullName, "Halftone.slnx")))
    {
        at = at.Parent;
    }

    return at?.FullName ?? throw new DirectoryNotFoundException($"No Halftone.slnx above {AppContext.BaseDirectory}.");
}
