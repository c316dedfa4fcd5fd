using System.Diagnostics;
using Halftone.Engine.Bench.Harness;
using Halftone.Engine.Bench.Networks;
using Halftone.Engine.Bench.Peers;
using Halftone.Onnx;

namespace Halftone.Engine.Bench;

/// <summary>Whole networks, one image a run: the engine beside ONNX Runtime on the float model and both quantized forms.</summary>
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
        using ICheckedPeer? ours = engine?.Load(new EngineRequest(forms["u8s8"], image, threads));
        using ICheckedPeer? signed = engine?.Load(new EngineRequest(forms["s8s8"], image, threads));
        using ICheckedPeer? intrinsics = threads == 1 ? engine?.Load(new EngineRequest(forms["u8s8"], image, threads, IntrinsicsOnly: true)) : null;

        var times = Comparison.Of([.. ((IPeer?[])[ortFloat, ort, ortSigned, ours, signed, intrinsics]).OfType<IPeer>()], options);
        var place = new Place(Section, network.Title, threads);
        table.Add(place, times, new Contest("engine / ORT, u8s8", ours, ort) { Bar = Bars.OrtUnsigned(network, threads), Error = Error(ours, ort) });
        table.Add(place, times, new Contest("engine / ORT, s8s8", signed, ortSigned) { Bar = Bars.OrtSigned, Error = Error(signed, ortSigned) });
        table.Add(place, times, new Contest("engine u8s8 / ORT float", ours, ortFloat) { Bar = threads == 1 ? Bars.OrtFloat : null });
        if (threads == 1)
        {
            table.Add(place, times, new Contest("engine on intrinsics / ORT, u8s8", intrinsics, ort) { Bar = Bars.Intrinsics(network), Error = Error(intrinsics, ort) });
        }

        table.Add(place, times, new Contest("ORT u8s8 / ORT float", ort, ortFloat));
        table.Add(place, times, new Contest("ORT s8s8 / ORT float", ortSigned, ortFloat));
        table.AddLimit(place, "managed allocation of a run", ours is null ? null : Allocated(ours), Bars.AllocatedBytes, "bytes");
        if (network.Id == "r18")
        {
            table.AddLimit(place, "second load", engine is null ? null : SecondLoad(network, image, threads), Bars.LoadMilliseconds, "ms");
        }
    }

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
