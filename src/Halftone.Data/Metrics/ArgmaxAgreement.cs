using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>Share of places where both models put the same class first, in %.</summary>
/// <remarks>A place is a row along the last axis: a sample of [1, C], a token of [1, T, V]. Of equal scores the lower class stands first; a row with NaN agrees with nothing.
/// The interval is Wilson's, where each sample is one row.</remarks>
public sealed record ArgmaxAgreement : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("argmax-agreement", "Argmax agreement", "Halftone");

    /// <summary>The output with the scores; null for the only one.</summary>
    public string? Output { get; init; }

    /// <inheritdoc/>
    public string Name => Info.Id;

    /// <inheritdoc/>
    public string Unit => "%";

    /// <inheritdoc/>
    public bool HigherIsBetter => true;

    /// <inheritdoc/>
    public MetricNeed Need => MetricNeed.Reference;

    /// <inheritdoc/>
    public IMeasurement Start() => new Rows(Output);

    private static int First(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int c = 0; c < row.Length; c++)
        {
            if (float.IsNaN(row[c]))
            {
                return -1;
            }

            best = row[c] > row[best] ? c : best;
        }

        return best;
    }

    private sealed class Rows(string? output) : IMeasurement
    {
        private long _agree;
        private long _count;
        private bool _several;

        public double Add(Sample sample, IReadOnlyDictionary<string, Tensor> outputs, IReadOnlyDictionary<string, Tensor>? reference = null)
        {
            (Tensor a, Tensor b) = (Outputs.Pick(outputs, output), Outputs.Pick(Outputs.Reference(reference, Info.Id), output));
            if (!a.Dims.SequenceEqual(b.Dims) || a.Count == 0)
            {
                throw new DataException($"The models give [{string.Join(",", a.Dims)}] and [{string.Join(",", b.Dims)}] on '{sample.Name}', which have no rows to compare.");
            }

            (float[] left, float[] right) = (a.ToFloats(), b.ToFloats());
            int length = a.Dims.Length == 0 ? 1 : (int)a.Dims[^1];
            int rows = left.Length / length;
            long agree = 0;
            for (int row = 0; row < rows; row++)
            {
                int first = First(left.AsSpan(row * length, length));
                agree += first >= 0 && first == First(right.AsSpan(row * length, length)) ? 1 : 0;
            }

            (_agree, _count, _several) = (_agree + agree, _count + rows, _several || rows > 1);
            return (double)agree / rows;
        }

        public Measured Result()
        {
            if (_count == 0)
            {
                throw new InvalidOperationException("The argmax agreement has measured no sample.");
            }

            (double low, double high) = Wilson.Interval(_agree, _count);
            return new Measured(Info.Id, 100.0 * _agree / _count, _count) { Interval = _several ? null : (100 * low, 100 * high) };
        }
    }
}
