using System.Numerics.Tensors;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Equalization;

/// <summary>Least and greatest value and mean magnitude of each channel of values, from a few samples.</summary>
internal static class LearnedRanges
{
    private const int Samples = 64; // extremes settle soon, and a scale need not be exact

    /// <summary>By value.</summary>
    public static Dictionary<string, ChannelRanges> Of(
        Model model, IReadOnlyCollection<ChannelAxis> axes, IReadOnlyDictionary<string, ObservedValue> observed, IDataSet data, CalibrationOptions options, CancellationToken cancel)
    {
        Dictionary<string, Gathered> gathered = axes.DistinctBy(a => a.Value).ToDictionary(a => a.Value, a => new Gathered(a.Axis));
        CalibrationOptions few = options with { Samples = Math.Min(Samples, options.Samples), Progress = null };
        ValueTap.Visit(model, gathered.Keys, observed, data, few, (name, dims, values, _) => gathered[name].Add(dims, values), cancel);
        return gathered.ToDictionary(g => g.Key, g => g.Value.Ranges);
    }

    private sealed class Gathered(int axis)
    {
        private float[] _min = [];
        private float[] _max = [];
        private double[] _sum = [];
        private long _count;

        public ChannelRanges Ranges => new(_min, _max, [.. _sum.Select(s => (float)(s / Math.Max(1, _count)))]);

        public void Add(ReadOnlySpan<long> dims, ReadOnlySpan<float> values)
        {
            int at = axis < 0 ? axis + dims.Length : axis;
            int channels = (int)dims[at];
            int inner = 1;
            foreach (long length in dims[(at + 1)..])
            {
                inner *= (int)length;
            }

            if (_sum.Length == 0)
            {
                (_min, _max, _sum) = (new float[channels], new float[channels], new double[channels]);
                Array.Fill(_min, float.PositiveInfinity);
                Array.Fill(_max, float.NegativeInfinity);
            }

            for (int row = 0; inner > 0 && row < values.Length / inner; row++)
            {
                ReadOnlySpan<float> run = values.Slice(row * inner, inner);
                int c = row % channels;
                _min[c] = Math.Min(_min[c], TensorPrimitives.Min(run));
                _max[c] = Math.Max(_max[c], TensorPrimitives.Max(run));
                _sum[c] += TensorPrimitives.SumOfMagnitudes(run);
            }

            _count += channels == 0 ? 0 : values.Length / channels;
        }
    }
}
