using System.Numerics.Tensors;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Equalization;

/// <summary>max|x| of each channel of values, from a few samples.</summary>
internal static class ChannelMaxima
{
    private const int Samples = 64; // maxima settle soon, and a scale need not be exact

    /// <summary>By value; channels are on axis 1.</summary>
    public static Dictionary<string, float[]> Of(
        Model model, IEnumerable<string> names, IReadOnlyDictionary<string, ObservedValue> observed, IDataSet data, CalibrationOptions options, CancellationToken cancel)
    {
        Dictionary<string, float[]> maxima = [];
        var few = options with { Samples = Math.Min(Samples, options.Samples), Progress = null };
        ValueTap.Visit(model, names, observed, data, few, (name, dims, values, _) => Add(maxima, name, dims, values), cancel);
        return maxima;
    }

    private static void Add(Dictionary<string, float[]> maxima, string name, ReadOnlySpan<long> dims, ReadOnlySpan<float> values)
    {
        int channels = (int)dims[1];
        float[] greatest = maxima.TryGetValue(name, out float[]? seen) ? seen : maxima[name] = new float[channels];
        int inner = 1;
        foreach (long length in dims[2..])
        {
            inner *= (int)length;
        }

        for (int row = 0; inner > 0 && row < values.Length / inner; row++)
        {
            float most = Math.Abs(TensorPrimitives.MaxMagnitude(values.Slice(row * inner, inner)));
            greatest[row % channels] = Math.Max(greatest[row % channels], most);
        }
    }
}
