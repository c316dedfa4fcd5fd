using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.PostTraining.Calibration;

/// <summary>Sees a value of the float model for one batch; the spans are gone when it returns.</summary>
/// <param name="name">The value.</param>
/// <param name="dims">Its lengths.</param>
/// <param name="values">Row-major.</param>
/// <param name="samples">Samples in the batch.</param>
internal delegate void ValueVisitor(string name, ReadOnlySpan<long> dims, ReadOnlySpan<float> values, int samples);

/// <summary>Runs a model over samples and shows inner values as they come, within the memory that a calibration may take.</summary>
internal static class ValueTap
{
    /// <summary>Shows each value once a batch, batches in order.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="names">Float values; inputs of the graph are allowed.</param>
    /// <param name="observed">Their lengths for one sample.</param>
    /// <param name="data">Samples.</param>
    /// <param name="options">How many samples, the batch and the memory.</param>
    /// <param name="visit">Sees a value.</param>
    /// <param name="cancel">Stops at once.</param>
    /// <exception cref="DataException">No sample could be read.</exception>
    public static void Visit(
        Model model, IEnumerable<string> names, IReadOnlyDictionary<string, ObservedValue> observed, IDataSet data, CalibrationOptions options, ValueVisitor visit, CancellationToken cancel)
    {
        int[] indices = Batches.Evenly(data.Count, options.Samples);
        (int batchSize, List<string[]> groups) = Calibrator.Fit([.. names.Distinct()], observed, options.Memory, options.BatchSize);
        foreach (string[] group in groups)
        {
            string[] inner = [.. group.Where(n => model.Graph.Producer(n) is not null)];
            string[] outer = [.. group.Except(inner)];

            // one thread: the order of a runtime's sums may depend on their number
            using OrtSession session = OrtSession.Load(TensorTap.Expose(model, inner), new OrtOptions { Threads = 1 });
            var state = new CarriedState(data);
            int done = 0;
            foreach (Batch batch in Batches.Of(data, indices, batchSize, new SkippedFiles(), cancel))
            {
                IReadOnlyDictionary<string, Tensor> inputs = state.Inputs(batch);
                foreach (string name in outer)
                {
                    visit(name, inputs[name].Dims.AsSpan(), inputs[name].As<float>(), batch.Samples.Length);
                }

                Run(session, state, batch, inner, visit, cancel);
                done += batch.Samples.Length;
                options.Progress?.Report((done, indices.Length));
            }

            if (done == 0)
            {
                throw new DataException($"None of the {indices.Length} calibration samples of {data.Description} could be read.");
            }
        }
    }

    private static void Run(OrtSession session, CarriedState state, Batch batch, string[] inner, ValueVisitor visit, CancellationToken cancel)
    {
        if (!state.Any)
        {
            if (inner.Length > 0)
            {
                session.Run(batch.Inputs, inner, (name, dims, values) => visit(name, dims, values, batch.Samples.Length), cancel);
            }

            return;
        }

        foreach ((string name, Tensor value) in state.Run(session, batch, inner, cancel).Where(r => inner.Contains(r.Key)))
        {
            visit(name, value.Dims.AsSpan(), value.As<float>(), batch.Samples.Length);
        }
    }
}
