using Halftone.Engine.Bench.Harness;
using Halftone.Engine.Bench.Layers;
using Halftone.Engine.Bench.Networks;
using Halftone.Engine.Bench.Peers;
using Halftone.Onnx;

namespace Halftone.Engine.Bench;

/// <summary>Single layers: the engine beside ONNX Runtime and oneDNN, on the same codes.</summary>
internal sealed class LayerBench(EngineUnderTest? engine, ResultTable table)
{
    private const int Seed = 5;
    private const int DeepFrom = 256; // products of at least this depth are held against the peak

    // rows, columns, depth: convolutions of ResNet-18, ResNet-50 and MobileNetV2 as products, and squares
    private static readonly ProductShape[] s_products =
    [
        new(784, 128, 1152), new(196, 256, 2304), new(49, 512, 4608), new(3136, 64, 576), new(196, 1024, 256), new(49, 2048, 512),
        new(196, 96, 576), new(49, 320, 960), new(49, 1280, 320), new(1024, 1024, 1024), new(1, 1024, 1024), new(1, 2048, 2048), new(1, 4096, 4096),
    ];

    /// <summary>Every distinct convolution of the networks, and the matrices of their last layers.</summary>
    public static IEnumerable<ILayer> OfNetworks(BenchModels models)
    {
        List<ConvShape> convolutions = [];
        List<ProductShape> products = [];
        foreach (Network network in Network.All)
        {
            Model model = Model.Load(models.PathOf(network, "f32"));
            convolutions.AddRange(ConvShape.Of(model, BenchModels.FreshImages(network, 1).Read(0).Inputs));
            Tensor last = model.Graph.Constant(model.Graph.Nodes.Single(n => n.Is("Gemm")).Input(1))!;
            products.Add(new ProductShape(1, (int)last.Dims[0], (int)last.Dims[1]));
        }

        return [.. convolutions.Distinct().Select(s => new ConvLayer(s, Seed)), .. products.Distinct().Select(s => new ProductLayer(s, Seed))];
    }

    /// <summary>Matrix products of depth 256 and more.</summary>
    public static IEnumerable<ILayer> DeepProducts() => s_products.Where(p => p.Depth >= DeepFrom).Select(s => new ProductLayer(s, Seed));

    /// <summary>oneDNN against sums made one by one, on shapes small enough for that; the benchmark would mean nothing if it computed something else.</summary>
    /// <exception cref="InvalidOperationException">It does.</exception>
    public static void CheckOneDnn()
    {
        ILayer[] layers =
        [
            new ConvLayer(new(9, 7, 3, 16, 7, 2, 3, 1), Seed), new ConvLayer(new(9, 7, 32, 20, 3, 1, 1, 1), Seed), new ConvLayer(new(9, 7, 32, 32, 3, 2, 1, 32), Seed),
            new ConvLayer(new(9, 7, 16, 40, 1, 2, 0, 1), Seed), new ProductLayer(new(5, 24, 33), Seed),
        ];
        foreach (ILayer layer in layers)
        {
            using OneDnn peer = Of(layer, threads: 1);
            if (Agreement.OfCodes(peer.Output().Bytes, layer.Expected()) is { } error)
            {
                throw new InvalidOperationException($"oneDNN computes {layer.Name} differently: {error}.");
            }
        }
    }

    /// <summary>Times a layer.</summary>
    public void Run(ILayer layer, BurstOptions options)
    {
        int threads = options.Threads;
        Model model = layer.ToModel();
        Dictionary<string, Tensor> inputs = new() { ["x"] = layer.Input };
        using OrtPeer ort = new("ORT", model, inputs, threads);
        using OneDnn? oneDnn = OneDnnNative.IsPresent ? Of(layer, threads) : null;
        using ICheckedPeer? ours = engine?.Load(new EngineRequest(model, inputs, threads));

        var times = Comparison.Of([.. ((IPeer?[])[ort, oneDnn, ours]).OfType<IPeer>()], options);
        bool depthwise = layer is ConvLayer { Shape.Depthwise: true };
        var place = new Place(depthwise ? "Depthwise layers alone" : layer is ConvLayer ? "Convolutions" : "Matrix products", layer.Name, threads, layer.MultiplyAdds);
        table.Add(place, times, new Contest("engine / ORT", ours, ort) { Bar = depthwise ? Bars.Depthwise : null, Error = Error(ours, ort) });
        table.Add(place, times, oneDnn is null
            ? new Contest("oneDNN / ORT", null, ort) { Missing = "oneDNN not installed (Debian: libdnnl2)" }
            : new Contest("engine / oneDNN", ours, oneDnn) { Bar = Bars.OneDnn, Error = Error(oneDnn, ort) });
        if (layer is ProductLayer { Shape: { Depth: >= DeepFrom, Rows: > 1 } })
        {
            table.AddShare(place, "engine / peak", ours is null ? null : layer.MultiplyAdds / times.Seconds(ours) / engine!.Peak(threads), Bars.Peak);
        }
    }

    private static OneDnn Of(ILayer layer, int threads) =>
        layer is ConvLayer convolution ? OneDnn.Convolution(convolution, threads) : OneDnn.Product((ProductLayer)layer, threads);

    private static string? Error(ICheckedPeer? peer, OrtPeer ort) => peer is null ? null : Agreement.OfCodes(peer.Output().Bytes, ort.Output().Bytes);
}
