using System.Buffers;
using Halftone.Onnx;
using Microsoft.ML.OnnxRuntime;
using Tensor = Halftone.Onnx.Tensor;

namespace Halftone.OnnxRuntime;

/// <summary>A run of a session with its inputs and outputs bound to memory, so that each call computes and does nothing else: for timing.</summary>
/// <remarks>Made by <see cref="OrtSession.Bind"/>, which runs it once. Dispose it before the session; one thread at a time.</remarks>
public sealed class BoundRun : IBoundRun
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();
    private readonly Dictionary<string, OrtValue> _outputs = [];
    private readonly List<OrtValue> _inputs = [];
    private readonly List<MemoryHandle> _pins = [];
    private readonly IReadOnlyDictionary<string, Tensor> _fed; // a mapped tensor is pinned by nothing but its own life
    private readonly string _name;
    private readonly CancellationToken _cancel;
    private readonly CancellationTokenRegistration _stop;

    internal BoundRun(InferenceSession session, string name, IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyDictionary<string, Tensor> outputs, CancellationToken cancel)
    {
        (_session, _name, _fed, _cancel) = (session, name, inputs, cancel);
        _binding = session.CreateIoBinding();
        foreach ((string input, Tensor value) in inputs)
        {
            _inputs.Add(OrtSession.Pinned(input, value, _pins));
            _binding.BindInput(input, _inputs[^1]);
        }

        foreach ((string output, Tensor value) in outputs)
        {
            _outputs[output] = OrtValue.CreateAllocatedTensorValue(
                OrtAllocator.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)value.Type, [.. value.Dims]);
            _binding.BindOutput(output, _outputs[output]);
        }

        // sequences and maps have no memory to bind; ONNX Runtime makes them anew in each run
        foreach (string other in session.OutputNames.Where(o => !outputs.ContainsKey(o)))
        {
            _binding.BindOutputToDevice(other, OrtMemoryInfo.DefaultInstance);
        }

        _stop = cancel.UnsafeRegister(static o => ((RunOptions)o!).Terminate = true, _options);
        try
        {
            Run();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Run()
    {
        try
        {
            _session.RunWithBinding(_options, _binding);
        }
        catch (OnnxRuntimeException error)
        {
            _cancel.ThrowIfCancellationRequested();
            throw new ModelException($"ONNX Runtime failed while running '{_name}': {OrtSession.Reason(error)}", error);
        }
    }

    /// <summary>Copies the outputs of the latest run.</summary>
    public IReadOnlyDictionary<string, Tensor> Outputs() => _outputs.ToDictionary(o => o.Key, o => OrtSession.Copy(o.Key, o.Value));

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Dispose(); // first, and it waits: nothing may touch freed options
        _binding.Dispose();
        _options.Dispose();
        foreach (OrtValue value in _inputs.Concat(_outputs.Values))
        {
            value.Dispose();
        }

        _pins.ForEach(p => p.Dispose());
        GC.KeepAlive(_fed);
    }
}
