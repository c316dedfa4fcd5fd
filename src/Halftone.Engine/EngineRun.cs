using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Onnx;

namespace Halftone.Engine;

/// <summary>A run of a session with its inputs and memory for its outputs fixed, so that each call computes and allocates nothing.</summary>
/// <remarks>Made by <see cref="EngineSession.Bind"/>. One thread at a time.</remarks>
public sealed class EngineRun : IBoundRun
{
    private readonly EngineSession _session;
    private readonly EngineInput[] _inputs;
    private readonly ImmutableArray<PlanValue> _values;
    private readonly byte[][] _memory;
    private readonly EngineOutput[] _outputs;
    private readonly CancellationToken _cancel;

    internal EngineRun(EngineSession session, EngineInput[] inputs, ImmutableArray<PlanValue> outputs, CancellationToken cancel)
    {
        (_session, _inputs, _values, _cancel) = (session, inputs, outputs, cancel);
        _memory = [.. outputs.Select(o => new byte[o.Type.Bytes])];
        _outputs = [.. _memory.Select(m => new EngineOutput(m))];
    }

    /// <inheritdoc/>
    public void Run()
    {
        _cancel.ThrowIfCancellationRequested();
        _session.Run(_inputs, _outputs);
    }

    /// <summary>Times every step, run after run, in the caller's thread alone.</summary>
    /// <param name="runs">Runs, 1 or more; each step's median counts.</param>
    /// <returns>For each step what it does and microseconds.</returns>
    public IReadOnlyList<(string Step, double Microseconds)> Profile(int runs) => _session.Profile(_inputs, _outputs, runs);

    /// <summary>Copies the outputs of the latest run.</summary>
    public IReadOnlyDictionary<string, Tensor> Outputs() => Results(null, m => m.ToArray());

    /// <summary>The outputs of the latest run where they lie, for runs that are over.</summary>
    /// <param name="names">Those wanted; null for all.</param>
    internal IReadOnlyDictionary<string, Tensor> Taken(IReadOnlyList<string>? names) => Results(names, m => m);

    private Dictionary<string, Tensor> Results(IReadOnlyList<string>? names, Func<byte[], byte[]> bytes) =>
        _values.Zip(_memory).Where(o => names is null || names.Contains(o.First.Name))
            .ToDictionary(o => o.First.Name, o => new Tensor(o.First.Type.Element, [.. o.First.Type.Dims.Select(d => (long)d)], bytes(o.Second)));

    /// <inheritdoc/>
    public void Dispose()
    {
        // nothing to let go: the memory is managed
    }
}
