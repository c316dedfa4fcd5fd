using Halftone.Onnx;

namespace Halftone.Engine.Bench.Peers;

/// <summary>A session of the engine with inputs and outputs at hand.</summary>
internal sealed class EnginePeer : ICheckedPeer
{
    private readonly EngineSession _session;
    private readonly EngineInput[] _inputs;
    private readonly EngineOutput[] _outputs;
    private readonly byte[][] _memory;
    private readonly Tensor _first;

    public EnginePeer(EngineRequest request)
    {
        _session = EngineSession.Load(request.Model, new EngineOptions { Threads = request.Threads, Tier = request.IntrinsicsOnly ? EngineTiers.All.First(t => t.IsSupported && t.Name != "avx512vnni").Name : null });
        IReadOnlyDictionary<string, Tensor> outputs = _session.Run(request.Inputs);
        _inputs = [.. _session.Inputs.Select(i => new EngineInput(request.Inputs[i.Name]))];
        _first = outputs[_session.Outputs[0].Name];
        _memory = [.. _session.Outputs.Select(o => new byte[outputs[o.Name].ByteLength])];
        _outputs = [.. _memory.Select(m => new EngineOutput(m))];
    }

    public string Name => "engine";

    public void Run() => _session.Run(_inputs, _outputs);

    /// <summary>Microseconds of each step, the median of some runs.</summary>
    public IReadOnlyList<(string Step, double Microseconds)> Profile(int runs) => _session.Profile(_inputs, _outputs, runs);

    public Tensor Output() => new(_first.Type, _first.Dims.AsSpan(), _memory[0].ToArray());

    public void Dispose() => _session.Dispose();
}
