using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Correction;

/// <summary>Shows one value of the float model and of the network as far as it is quantized (the student), side by side on the same samples.</summary>
internal static class StudentTap
{
    /// <summary>Sees one value of both for a batch; the spans are gone when it returns.</summary>
    /// <param name="dims">Its lengths.</param>
    /// <param name="teacher">The float model's values.</param>
    /// <param name="student">The student's.</param>
    /// <param name="samples">Samples in the batch.</param>
    public delegate void PairVisitor(ReadOnlySpan<long> dims, ReadOnlySpan<float> teacher, ReadOnlySpan<float> student, int samples);

    /// <summary>Shows what a node reads as its first input.</summary>
    public static void Inputs(ICalibrationRun run, QuantizationPlan plan, Node node, int samples, PairVisitor visit, CancellationToken cancel) =>
        Visit(run, QdqExport.Apply(run.Model, plan), node.Name, n => n.Input(0), samples, visit, cancel);

    /// <summary>Shows what a node gives.</summary>
    public static void Outputs(ICalibrationRun run, Model student, Node node, int samples, PairVisitor visit, CancellationToken cancel) =>
        Visit(run, student, node.Name, n => n.Outputs[0], samples, visit, cancel);

    private static void Visit(ICalibrationRun run, Model student, string node, Func<Node, string> value, int samples, PairVisitor visit, CancellationToken cancel)
    {
        using var teacherValue = new Tap(run.Model, value(run.Model.Graph.Nodes.First(n => n.Name == node)));
        using var studentValue = new Tap(student, value(student.Graph.Nodes.First(n => n.Name == node)));
        foreach (Batch batch in run.Samples(samples, cancel))
        {
            Tensor taught = teacherValue.Of(batch, cancel);
            Tensor learned = studentValue.Of(batch, cancel);
            visit(taught.Dims.AsSpan(), taught.As<float>(), learned.As<float>(), batch.Samples.Length);
        }
    }

    // one thread: the order of a runtime's sums may depend on their number
    private sealed class Tap(Model model, string name) : IDisposable
    {
        private readonly OrtSession? _session = model.Graph.Producer(name) is null ? null : OrtSession.Load(TensorTap.Isolate(model, [name]), new OrtOptions { Threads = 1 });

        public Tensor Of(Batch batch, CancellationToken cancel) => _session?.Run(batch.Inputs, [name], cancel)[name] ?? batch.Inputs[name];

        public void Dispose() => _session?.Dispose();
    }
}
