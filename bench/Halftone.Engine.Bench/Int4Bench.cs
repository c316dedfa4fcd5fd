using Halftone.Engine.Bench.Harness;
using Halftone.Engine.Bench.Peers;
using Halftone.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Bench;

/// <summary>A vector by a 4-bit matrix, as a language model does it for every token: blocks of 32 with float scales, MatMulNBits of ONNX Runtime.</summary>
internal sealed class Int4Bench(EngineUnderTest? engine, ResultTable table)
{
    private const int Length = 4096;
    private const int Block = 32;
    private const int Copies = 12; // of 10.5 MB, in rotation: more than the caches hold
    private const string Section = "int4 matrix by vector";

    /// <summary>Times it with weights in the cache and in memory.</summary>
    public void Run(BurstOptions options)
    {
        Model model = Build();
        Dictionary<string, Tensor> inputs = new() { ["x"] = Tensor.Of(Enumerable.Range(0, Length).Select(i => (float)new CounterRandom(3).Normal(i)).ToArray(), 1, Length) };
        Compare("in the cache", 1, Bars.Int4Hot, model, inputs, options);
        Compare($"in memory ({Copies} copies in rotation)", Copies, Bars.Int4Cold, model, inputs, options);
    }

    private void Compare(string where, int copies, Bar bar, Model model, IReadOnlyDictionary<string, Tensor> inputs, BurstOptions options)
    {
        using var ort = new Rotation("ORT", Enumerable.Range(0, copies).Select(_ => new OrtPeer("ORT", model, inputs, options.Threads)));
        using Rotation? ours = engine is null ? null : new Rotation("engine", Enumerable.Range(0, copies).Select(_ => engine.Load(new EngineRequest(model, inputs, options.Threads))));
        var times = Comparison.Of([.. ((IPeer?[])[ort, ours]).OfType<IPeer>()], options);
        table.AddRatio(
            (Section, $"{Length}x{Length}, {where}", options.Threads), "engine / ORT MatMulNBits", times, ours, ort, bar,
            error: ours is null ? null : Agreement.OfFloats(ours.Output(), ort.Output()));
    }

    private static Model Build()
    {
        var random = new CounterRandom(1);
        var codes = new byte[Length * Length / 2];
        for (int i = 0; i < codes.Length; i++)
        {
            codes[i] = (byte)random.Bits(i);
        }

        float[] scales = [.. Enumerable.Range(0, Length * Length / Block).Select(i => (float)(0.001 + (0.01 * new CounterRandom(2).Uniform(i))))];
        Model model = Model.Create(17, [new ValueInfo("x", ElementType.Float, [1, Length])], [new ValueInfo("y", ElementType.Float, [1, Length])]);
        model.SetOpset("com.microsoft", 1);
        model.Graph.SetConstant("codes", Tensor.Of(codes, Length, Length / Block, Block / 2));
        model.Graph.SetConstant("scales", Tensor.Of(scales, Length, Length / Block));

        // accuracy level 4: activations in int8, the fastest that ONNX Runtime has
        model.Graph.Add(new Node("matmul", "MatMulNBits", ["x", "codes", "scales"], ["y"], "com.microsoft")
            .With("K", Length).With("N", Length).With("bits", 4).With("block_size", Block).With("accuracy_level", 4));
        return model;
    }

    /// <summary>Copies of a peer that run in turn, so that each finds its weights driven out of the caches.</summary>
    private sealed class Rotation(string name, IEnumerable<ICheckedPeer> peers) : ICheckedPeer
    {
        private readonly ICheckedPeer[] _peers = [.. peers];
        private int _next;

        public string Name => name;

        public void Run()
        {
            _peers[_next].Run();
            _next = _next + 1 == _peers.Length ? 0 : _next + 1;
        }

        public Tensor Output() => _peers[0].Output();

        public void Dispose() => Array.ForEach(_peers, p => p.Dispose());
    }
}
