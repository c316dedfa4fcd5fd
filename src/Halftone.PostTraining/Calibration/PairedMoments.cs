using System.Numerics.Tensors;

namespace Halftone.PostTraining.Calibration;

/// <summary>First and second moments of what a layer reads in the quantized network, x~, and of that with what it reads in the float network, x.</summary>
/// <remarks>For each group of channels over rows of d inputs: E[x~ x~^T], E[x x~^T], E[x~], E[x]. Rows beyond a bound are left out evenly.</remarks>
internal sealed class PairedMoments(LayerWindow window, int samples, int mostRows)
{
    private readonly double[] _square = new double[window.Groups * window.Inputs * window.Inputs];
    private readonly double[] _cross = new double[window.Groups * window.Inputs * window.Inputs];
    private readonly double[] _student = new double[window.Groups * window.Inputs];
    private readonly double[] _teacher = new double[window.Groups * window.Inputs];
    private long _rows;

    /// <summary>E[x~ x~^T], [groups, d, d].</summary>
    public double[] Square => Array.ConvertAll(_square, s => s / _rows);

    /// <summary>E[x x~^T], [groups, d, d]: rows by x, columns by x~.</summary>
    public double[] Cross => Array.ConvertAll(_cross, s => s / _rows);

    /// <summary>E[x~], [groups, d].</summary>
    public double[] StudentMean => Array.ConvertAll(_student, s => s / _rows);

    /// <summary>E[x], [groups, d].</summary>
    public double[] TeacherMean => Array.ConvertAll(_teacher, s => s / _rows);

    /// <summary>Adds a batch of the layer's input in both networks.</summary>
    public void Add(ReadOnlySpan<long> dims, ReadOnlySpan<float> teacher, ReadOnlySpan<float> student, int samplesOfBatch, int threads, CancellationToken cancel)
    {
        int d = window.Inputs;
        int places = window.Places(dims);
        int rows = Math.Min(places, Math.Max(1, (int)((long)mostRows * samplesOfBatch / samples)));
        (double[] x, double[] y) = (new double[rows * d], new double[rows * d]);
        for (int group = 0; group < window.Groups; group++)
        {
            for (int r = 0; r < rows; r++)
            {
                int place = (int)((long)r * places / rows);
                window.Read(teacher, dims, place, group, x.AsSpan(r * d, d));
                window.Read(student, dims, place, group, y.AsSpan(r * d, d));
            }

            (int matrix, int vector) = (group * d * d, group * d);
            Parallel.For(0, d, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, i =>
            {
                Span<double> square = _square.AsSpan(matrix + (i * d), d);
                Span<double> cross = _cross.AsSpan(matrix + (i * d), d);
                for (int r = 0; r < rows; r++)
                {
                    ReadOnlySpan<double> row = y.AsSpan(r * d, d);
                    TensorPrimitives.MultiplyAdd(row, row[i], square, square);
                    TensorPrimitives.MultiplyAdd(row, x[(r * d) + i], cross, cross);
                    _student[vector + i] += row[i];
                    _teacher[vector + i] += x[(r * d) + i];
                }
            });
        }

        _rows += rows;
    }
}
