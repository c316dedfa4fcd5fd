using System.Numerics.Tensors;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Equalization;

/// <summary>max|x| of each channel of values, from a few samples.</summary>
internal static class ChannelMaxima
{
    private const int Samples = 64; // maxima settle soon, and a scale need not be exact

    /// <summary>By value; channels are on axis 1.</summary>
    public static Dictionary<string, float[]> Of(Model model, IReadOnlyCollection<string> values, IDataSet data, CancellationToken cancel)
    {
        Dictionary<string, float[]> maxima = [];
        int samples = Math.Min(Samples, data.Count);
        int[] indices = [.. Enumerable.Range(0, samples).Select(i => (int)((long)i * data.Count / samples))];
        using OrtSession session = OrtSession.Load(TensorTap.Expose(model, values), new OrtOptions { Threads = 1 });
        var state = new CarriedState(data);
        foreach (Batch batch in Batches.Of(data, indices, 8, new SkippedFiles(), cancel))
        {
            foreach ((string name, Onnx.Tensor value) in state.Run(session, batch, [.. values], cancel).Where(v => values.Contains(v.Key)))
            {
                int channels = (int)value.Dims[1];
                int inner = (int)value.Dims.Skip(2).Aggregate(1L, (a, b) => a * b);
                float[] greatest = maxima.TryGetValue(name, out float[]? seen) ? seen : maxima[name] = new float[channels];
                ReadOnlySpan<float> all = value.As<float>();
                for (int row = 0; inner > 0 && row < all.Length / inner; row++)
                {
                    greatest[row % channels] = Math.Max(greatest[row % channels], Math.Abs(TensorPrimitives.MaxMagnitude(all.Slice(row * inner, inner))));
                }
            }
        }

        return maxima;
    }
}
