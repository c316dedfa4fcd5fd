using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.PostTraining.Calibration;

/// <summary>Runs a model whose outputs are inputs of its next run (recurrent models): the state goes from sample to sample, and starts anew with a sequence.</summary>
/// <param name="data">Says which output goes to which input; most data sets link none.</param>
public sealed class CarriedState(IDataSet data)
{
    private readonly Dictionary<string, Tensor> _state = [];

    /// <summary>Whether there is any state; then batches must run one after another.</summary>
    public bool Any => !data.StateLinks.IsEmpty;

    /// <summary>The batch's inputs, with the state of the run before.</summary>
    public IReadOnlyDictionary<string, Tensor> Inputs(Batch batch)
    {
        if (!Any || batch.Samples[0].StartsSequence)
        {
            _state.Clear();
            return batch.Inputs;
        }

        var inputs = batch.Inputs.ToDictionary();
        foreach ((string input, Tensor value) in _state)
        {
            inputs[input] = value;
        }

        return inputs;
    }

    /// <summary>Runs a batch and keeps the state for the next.</summary>
    public IReadOnlyDictionary<string, Tensor> Run(IModelRunner session, Batch batch, IReadOnlyList<string>? outputs, CancellationToken cancel)
    {
        string[]? wanted = outputs is null || !Any ? outputs?.ToArray() : [.. outputs.Union(data.StateLinks.Keys)];
        IReadOnlyDictionary<string, Tensor> results = session.Run(Inputs(batch), wanted, cancel);
        foreach ((string output, string input) in data.StateLinks)
        {
            _state[input] = results[output];
        }

        return results;
    }
}
