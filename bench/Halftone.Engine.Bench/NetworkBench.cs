using System.Diagnostics;
using Halftone.Engine.Bench.Harness;
using Halftone.Engine.Bench.Layers;
using Halftone.Engine.Bench.Networks;
using Halftone.Engine.Bench.Peers;
using Halftone.Onnx;

namespace Halftone.Engine.Bench;

/// <summary>Whole networks, one image a run: the engine beside ONNX Runtime on the float model and the quantized forms.</summary>
internal sealed class NetworkBench(BenchModels models, EngineUnderTest? engine, ResultTable table)
{
    private const string Section = "Networks";
    private const int AllocationRuns = 100;

    /// <summary>Times a network.</summary>
    public void Run(Network network, BurstOptions options)
    {
        int threads = options.Threads;
        IReadOnlyDictionary<string, Tensor> image = BenchModels.FreshImages(network, 1).Read(0).Inputs;
        Dictionary<string, Model> forms = BenchModels.Forms.ToDictionary(f => f, f => Model.Load(models.PathOf(network, f)));
        using OrtPeer ortFloat = new("ORT float", forms["f32"], image, threads);
        using OrtPeer ort = new("ORT u8s8", forms["u8s8"], image, threads);
        using OrtPeer ortSigned = new("ORT s8s8", forms["s8s8"], image, threads);
        using OrtPeer ortPacked = new("ORT u8s4", forms["u8s4"], image, threads);
        using ICheckedPeer? ours = engine?.Load(new EngineRequest(forms["u8s8"], image, threads));
        using ICheckedPeer? signed = engine?.Load(new EngineRequest(forms["s8s8"], image, threads));
        using ICheckedPeer? packed = engine?.Load(new EngineRequest(forms["u8s4"], image, threads));
        using ICheckedPeer? intrinsics = threads == 1 ? engine?.Load(new EngineRequest(forms["u8s8"], image, threads, IntrinsicsOnly: true)) : null;

        var times = Comparison.Of([.. ((IPeer?[])[ortFloat, ort, ortSigned, ortPacked, ours, signed, packed, intrinsics]).OfType<IPeer>()], options);
        var place = new Place(Section, network.Title, threads);
        table.Add(place, times, new Contest("engine / ORT, u8s8", ours, ort) { Bar = Bars.OrtUnsigned(network, threads), Error = Error(ours, ort) });
        table.Add(place, times, new Contest("engine / ORT, s8s8", signed, ortSigned) { Bar = Bars.OrtSigned, Error = Error(signed, ortSigned) });
        table.Add(place, times, new Contest("engine u8s8 / ORT float", ours, ortFloat) { Bar = threads == 1 ? Bars.OrtFloat : null });
        if (threads == 1)
        {
            table.Add(place, times, new Contest("engine on intrinsics / ORT, u8s8", intrinsics, ort) { Bar = Bars.Intrinsics(network), Error = Error(intrinsics, ort) });
        }

        table.Add(place, times, new Contest("engine / ORT, u8s4", packed, ortPacked)); // ONNX Runtime multiplies these as floats, so codes of random networks drift apart
        if (ours is not null)
        {
            table.Add(place, times, new Contest("engine u8s4 / engine u8s8", packed, ours));
        }

        table.Add(place, times, new Contest("ORT u8s8 / ORT float", ort, ortFloat));
        table.Add(place, times, new Contest("ORT s8s8 / ORT float", ortSigned, ortFloat));
        table.AddLimit(place, "managed allocation of a run", ours is null ? null : Allocated(ours), Bars.AllocatedBytes, "bytes");
        if (network.Id == "r18")
        {
            table.AddLimit(place, "second load", engine is null ? null : SecondLoad(network, image, threads), Bars.LoadMilliseconds, "ms");
        }

        if (threads == 1 && ours is EnginePeer profiled)
        {
            Depthwise(network, profiled, image, options);
        }
    }

    /// <summary>Depthwise layers where networks have them, between layers that leave them their input as they want it: each engine's own profile of one thread.</summary>
    private void Depthwise(Network network, EnginePeer ours, IReadOnlyDictionary<string, Tensor> image, BurstOptions options)
    {
        const int Runs = 20;
        string path = models.PathOf(network, "u8s8");
        Model model = Model.Load(models.PathOf(network, "f32"));
        (string Node, ConvShape Shape)[] layers = [.. ConvShape.NodesOf(model, image).Where(l => l.Shape.Depthwise)];
        if (layers.Length == 0)
        {
            return;
        }

        var load = new ForeignLoad();
        List<(string Node, double Microseconds)> mine = [], theirs = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            theirs.AddRange(OrtProfile.Of(path, image, Runs).SelectMany(n => n.Value.Select(t => (n.Key, t))));
            mine.AddRange(ours.Profile(Runs).Select(s => (s.Step.Split(' ', 2)[^1], s.Microseconds)));
        }

        bool busy = load.Exceeds(options.MostForeign);
        ILookup<string, double> mineOf = mine.ToLookup(m => m.Node, m => m.Microseconds), theirsOf = theirs.ToLookup(t => t.Node, t => t.Microseconds);
        foreach (IGrouping<ConvShape, string> shape in layers.GroupBy(l => l.Shape, l => l.Node))
        {
            var place = new Place("Depthwise layers inside their network", shape.Key.Name, 1, shape.Key.MultiplyAdds);
            table.AddTimes(place, "engine / ORT, profiled", 1e-6 * shape.Average(n => Median(mineOf[n])), 1e-6 * shape.Average(n => Median(theirsOf[n])), Bars.Depthwise, busy);
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ToArray() is { Length: > 0 } sorted
        ? sorted[sorted.Length / 2] : throw new InvalidOperationException("A depthwise layer has no node or step of its own in a profile.");

    private static string? Error(ICheckedPeer? ours, OrtPeer theirs) => ours is null ? null : Agreement.OfFloats(ours.Output(), theirs.Output());

    // of all threads
    private static double Allocated(ICheckedPeer peer)
    {
        peer.Run();
        long before = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < AllocationRuns; i++)
        {
            peer.Run();
        }

        return (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / AllocationRuns;
    }

    // from the file to a session that is ready, in a process that has done it before
    private double SecondLoad(Network network, IReadOnlyDictionary<string, Tensor> image, int threads)
    {
        string path = models.PathOf(network, "u8s8");
        engine!.Load(new EngineRequest(Model.Load(path), image, threads)).Dispose();
        long start = Stopwatch.GetTimestamp();
        using ICheckedPeer peer = engine.Load(new EngineRequest(Model.Load(path), image, threads));
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
