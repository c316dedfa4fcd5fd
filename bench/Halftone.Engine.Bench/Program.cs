using Halftone.Engine.Bench;
using Halftone.Engine.Bench.Harness;
using Halftone.Engine.Bench.Layers;
using Halftone.Engine.Bench.Networks;
using Halftone.Engine.Bench.Peers;
using Halftone.Onnx;

// The engine beside ONNX Runtime and oneDNN, all alternating in short bursts; exits with 1 where a bar is missed.
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

// the engine's session goes here
EngineUnderTest? engine = null;

var table = new ResultTable();
var models = new BenchModels(Path.Combine(Repository(), "artifacts", "bench-models"), options.Seed);
foreach (int threads in options.Threads)
{
    var bursts = new BurstOptions { Threads = threads, Rounds = options.Rounds };
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

if (options.Markdown is { } file)
{
    WholeFile.WriteText(file, table.ToMarkdown());
}

return table.Failed ? 1 : 0;

void RunNetworks(BurstOptions bursts)
{
    var bench = new NetworkBench(models, engine, table);
    foreach (Network network in Network.All.Where(n => options.Wants(n.Title)))
    {
        Console.WriteLine($"{network.Title}: {ModelReport.Of(network, Model.Load(models.PathOf(network, "u8s8")), images: 32)}");
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
