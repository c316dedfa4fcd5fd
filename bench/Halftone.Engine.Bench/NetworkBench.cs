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
        (string, string, int) place = (Section, network.Title, threads);
        table.AddRatio(place, "engine / ORT, u8s8", times, ours, ort, Bars.OrtUnsigned(network, threads), error: Error(ours, ort));
        table.AddRatio(place, "engine / ORT, s8s8", times, signed, ortSigned, Bars.OrtSigned, error: Error(signed, ortSigned));
        table.AddRatio(place, "engine u8s8 / ORT float", times, ours, ortFloat, threads == 1 ? Bars.OrtFloat : null);
        if (threads == 1)
        {
            table.AddRatio(place, "engine on intrinsics / ORT, u8s8", times, intrinsics, ort, Bars.Intrinsics(network), error: Error(intrinsics, ort));
        }

        table.AddRatio(place, "ORT u8s8 / ORT float", times, ort, ortFloat, bar: null);
        table.AddRatio(place, "ORT s8s8 / ORT float", times, ortSigned, ortFloat, bar: null);
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
