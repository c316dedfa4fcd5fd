using Halftone.Engine.Bench;
using Halftone.Engine.Bench.Harness;
using Halftone.Engine.Bench.Layers;
using Halftone.Engine.Bench.Networks;
using Halftone.Engine.Bench.Peers;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

// The engine beside ONNX Runtime and oneDNN, all alternating in short bursts; exits with 1 where a bar is not reached. Rounds that
// other programs disturb are repeated for a while; after that nothing is judged. On a busy machine: chrt -r 1 ... --foreign 9.
//   dotnet run -c Release --project bench/Halftone.Engine.Bench -- models --threads 1,2
BenchOptions options;
try
{
    options = BenchOptions.Parse(args);
}
catch (FormatException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}

EngineUnderTest? engine = new(request => new EnginePeer(request), DotProductPeak.Measure);

var table = new ResultTable();
var models = new BenchModels(Path.Combine(Repository(), "artifacts", "bench-models"), options.Seed);
foreach (int threads in options.Threads)
{
    var bursts = new BurstOptions { Threads = threads, Rounds = options.Rounds, MostForeign = options.Foreign };
    if (options.Does("models"))
    {
        RunNetworks(bursts);
    }

    if (options.Does("layers"))
    {
        RunLayers(LayerBench.OfNetworks(models), bursts);
    }

    if (options.Does("gemm"))
    {
        RunLayers(LayerBench.DeepProducts(), bursts);
    }

    if (options.Does("int4"))
    {
        new Int4Bench(engine, table).Run(bursts);
    }
}

if (table.Count == 0)
{
    Console.Error.WriteLine($"No network or layer has '{options.Filter}' in its name.");
    return 2;
}

if (options.Markdown is { } file)
{
    WholeFile.WriteText(file, table.ToMarkdown());
}

Console.WriteLine($"{table.Count} rows, {table.Missed} bars missed, {table.Unjudged} not judged because other processes were busy.");
return table.Missed + table.Unjudged > 0 ? 1 : 0;

void RunNetworks(BurstOptions bursts)
{
    var bench = new NetworkBench(models, engine, table);
    foreach (Network network in Network.All.Where(n => options.Wants(n.Title)))
    {
        foreach (string form in (string[])["u8s8", "s8s8"])
        {
            Model model = Model.Load(models.PathOf(network, form));
            Console.WriteLine($"{network.Title} {form}: {ModelReport.Of(network, model, images: 32)}");
            Console.WriteLine($"  ONNX Runtime: {FusionReport.Of(model).Summary}");
        }

        bench.Run(network, bursts);
    }
}

void RunLayers(IEnumerable<ILayer> layers, BurstOptions bursts)
{
    if (OneDnnNative.IsPresent)
    {
        LayerBench.CheckOneDnn();
    }

    var bench = new LayerBench(engine, table);
    foreach (ILayer layer in layers.Where(l => options.Wants(l.Name)))
    {
        bench.Run(layer, bursts);
    }
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
