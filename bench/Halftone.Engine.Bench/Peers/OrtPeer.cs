using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Bench.Peers;

/// <summary>ONNX Runtime, with inputs and outputs bound.</summary>
internal sealed class OrtPeer : ICheckedPeer
{
    private readonly OrtSession _session;
    private readonly BoundRun _run;
    private readonly string _output;

    public OrtPeer(string name, Model model, IReadOnlyDictionary<string, Tensor> inputs, int threads)
    {
        Name = name;
        _session = OrtSession.Load(model, new OrtOptions { Threads = threads });
        _output = _session.Outputs[0].Name;
        _run = _session.Bind(inputs);
    }

    public string Name { get; }

    public void Run() => _run.Run();

    public Tensor Output() => _run.Outputs()[_output];

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }
}
