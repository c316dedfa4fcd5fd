using Halftone.Onnx;

namespace Halftone.Engine.Bench.Peers;

/// <summary>What the engine is asked to load.</summary>
/// <param name="Model">The model.</param>
/// <param name="Inputs">Fed in every run.</param>
/// <param name="Threads">Threads of a run.</param>
/// <param name="IntrinsicsOnly">Whether it must do without kernels assembled at run time.</param>
internal sealed record EngineRequest(Model Model, IReadOnlyDictionary<string, Tensor> Inputs, int Threads, bool IntrinsicsOnly = false);

/// <summary>The engine as the benchmark sees it. Program.cs makes the one there is.</summary>
/// <param name="Load">Loads a model; the runs of the peer must allocate nothing.</param>
/// <param name="Peak">Multiply-adds a second that the processor's 8-bit dot products reach from registers, measured, by number of threads.</param>
internal sealed record EngineUnderTest(Func<EngineRequest, ICheckedPeer> Load, Func<int, double> Peak);
