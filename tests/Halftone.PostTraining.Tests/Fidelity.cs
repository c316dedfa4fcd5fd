using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.PostTraining.Tests;

/// <summary>What ONNX Runtime says of two models.</summary>
internal static class Fidelity
{
    /// <summary>Output SQNR in dB of a model against another, the worst output's.</summary>
    public static double Sqnr(Model reference, Model other, IDataSet data, bool optimize = true) => Of(reference, other, data, optimize).Min(f => f.SqnrDecibels);

    /// <summary>Every output compared, over all samples, one at a time.</summary>
    public static ImmutableArray<OutputFidelity> Of(Model reference, Model other, IDataSet data, bool optimize = true)
    {
        using OrtSession first = OrtSession.Load(reference, new OrtOptions { Threads = 1 });
        using OrtSession second = OrtSession.Load(other, new OrtOptions { Threads = 1, Optimize = optimize });
        var comparison = new OutputComparison();
        foreach (Batch batch in Batches.Of(data, null, 1, new SkippedFiles()))
        {
            comparison.Add(first.Run(batch.Inputs), second.Run(batch.Inputs));
        }

        return comparison.Results();
    }

    /// <summary>Outputs of one sample.</summary>
    public static IReadOnlyDictionary<string, Tensor> Run(Model model, IReadOnlyDictionary<string, Tensor> inputs, bool optimize = false)
    {
        using OrtSession session = OrtSession.Load(model, new OrtOptions { Threads = 1, Optimize = optimize });
        return session.Run(inputs);
    }
}
