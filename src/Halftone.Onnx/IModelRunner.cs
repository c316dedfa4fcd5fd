namespace Halftone.Onnx;

/// <summary>A model made ready to run on named tensors, by whichever runtime.</summary>
public interface IModelRunner : IDisposable
{
    /// <summary>Runs the model and copies its outputs.</summary>
    /// <param name="inputs">A value for every input, by name.</param>
    /// <param name="outputs">The outputs wanted; null for all.</param>
    /// <param name="cancel">Stops the run as soon as the runtime can.</param>
    /// <exception cref="ModelException">An input is missing, unknown or unfit, or a node fails; the message names it.</exception>
    IReadOnlyDictionary<string, Tensor> Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string>? outputs = null, CancellationToken cancel = default);

    /// <summary>Fixes inputs, and memory for all outputs, so that runs cost as little as they can: for timing.</summary>
    /// <param name="inputs">A value for every input, by name.</param>
    /// <param name="cancel">Stops the run that is going on; none can be started afterwards.</param>
    /// <exception cref="ModelException">An input is missing, unknown or unfit, or a node fails; the message names it.</exception>
    IBoundRun Bind(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel = default);
}

/// <summary>A run with its inputs and outputs bound to memory. Dispose it before what made it; one thread at a time.</summary>
public interface IBoundRun : IDisposable
{
    /// <summary>Runs the model.</summary>
    /// <exception cref="ModelException">A node fails; the message names it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    void Run();
}
