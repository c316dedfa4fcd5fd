using Microsoft.ML.OnnxRuntime;

namespace Halftone.Samples.Train;

/// <summary>Measures a model file in ONNX Runtime.</summary>
internal static class OnnxAccuracy
{
    private const int BatchSize = 250;

    /// <summary>The share of images whose largest logit is at their label.</summary>
    public static double Measure(byte[] model, ImageSet set, int threads, CancellationToken cancel = default)
    {
        using SessionOptions options = new() { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
        using InferenceSession session = new(model, options);
        using RunOptions run = new();
        int right = 0;
        foreach ((float[] images, long[] labels) in Batches.InOrder(set, BatchSize))
        {
            cancel.ThrowIfCancellationRequested();
            using OrtValue input = OrtValue.CreateTensorValueFromMemory(images, [labels.Length, 1, FashionMnist.Size, FashionMnist.Size]);
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, [NetworkSpec.Input], [input], [NetworkSpec.Output]);
            ReadOnlySpan<float> logits = outputs[0].GetTensorDataAsSpan<float>();
            for (int i = 0; i < labels.Length; i++)
            {
                right += ArgMax(logits.Slice(i * FashionMnist.Classes, FashionMnist.Classes)) == labels[i] ? 1 : 0;
            }
        }

        return right / (double)set.Count;
    }

    private static int ArgMax(ReadOnlySpan<float> values)
    {
        int best = 0;
        for (int i = 1; i < values.Length; i++)
        {
            best = values[i] > values[best] ? i : best;
        }

        return best;
    }
}
