using System.Numerics.Tensors;

namespace Halftone.Weights;

/// <summary>The rows of a weight and the second moment of what they meet: the squared error of an output whose row errs by e is e H e^T.</summary>
internal sealed class LayerMoments
{
    private readonly WeightView _weight;
    private readonly WeightMatrix _matrix;
    private readonly double[] _moments;

    private LayerMoments(WeightView weight, WeightMatrix matrix, double[] moments) => (_weight, _matrix, _moments) = (weight, matrix, moments);

    /// <summary>Outputs.</summary>
    public int Rows => _matrix.Rows;

    /// <summary>d: inputs of an output.</summary>
    public int Inputs => _matrix.Columns;

    /// <summary>Those of a layer; null where they are not known or the weight is no matrix.</summary>
    /// <exception cref="ArgumentException">The statistics are of another layer.</exception>
    public static LayerMoments? Of(WeightView weight, LayerStatistics statistics)
    {
        if (statistics.SecondMoment is not { } moments || weight.Matrix is not { } matrix)
        {
            return null;
        }

        int d = matrix.Columns;
        return moments.Length == weight.Groups * d * d
            ? new(weight, matrix, moments)
            : throw new ArgumentException($"The second moment has {moments.Length} values; a weight of {weight.Groups} groups with {d} inputs an output has {weight.Groups * d * d}.", nameof(statistics));
    }

    /// <summary>Where an element of a row stands in the weight.</summary>
    public int Element(int row, int column) => _matrix.Element(row, column);

    /// <summary>A row of the weight.</summary>
    public double[] Row(int row) => Row(row, _weight.Values.Span);

    /// <summary>A row of values that stand as the weight's do.</summary>
    public double[] Row(int row, ReadOnlySpan<float> values)
    {
        var result = new double[Inputs];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = values[Element(row, i)];
        }

        return result;
    }

    /// <summary>H v, with the H that a row meets.</summary>
    public double[] Times(int row, double[] v)
    {
        int d = Inputs;
        int group = row / (Rows / _weight.Groups);
        var result = new double[d];
        for (int i = 0; i < d; i++)
        {
            result[i] = TensorPrimitives.Dot<double>(_moments.AsSpan(((group * d) + i) * d, d), v);
        }

        return result;
    }

    /// <summary>The mean of the blocks of width x width on the diagonals of H, over all pieces of the inputs; the width divides the inputs of an output.</summary>
    public double[] Pooled(int width)
    {
        int d = Inputs;
        int all = _weight.Groups * d;
        var pooled = new double[width * width];
        for (int at = 0; at < all; at += width)
        {
            int corner = (at / d * d * d) + (at % d * (d + 1));
            for (int i = 0; i < pooled.Length; i++)
            {
                pooled[i] += _moments[corner + (i / width * d) + (i % width)] * width / all;
            }
        }

        return pooled;
    }

    /// <summary>v H v^T: the mean square of what v makes of the inputs of a row.</summary>
    public double Square(int row, double[] v) => TensorPrimitives.Dot<double>(Times(row, v), v);
}
