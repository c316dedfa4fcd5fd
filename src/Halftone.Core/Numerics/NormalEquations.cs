using System.Numerics.Tensors;

namespace Halftone.Numerics;

/// <summary>Small least-squares problems by their normal equations.</summary>
public static class NormalEquations
{
    /// <summary>The x with (M + ridge I) x = b, M symmetric positive semidefinite; the ridge grows from that given until the matrix is definite.</summary>
    /// <param name="matrix">M, [n, n].</param>
    /// <param name="right">b, [n].</param>
    /// <param name="ridge">The first ridge, as a share of the mean of the diagonal; where that mean is 0, so is x.</param>
    public static double[] Solve(ReadOnlySpan<double> matrix, ReadOnlySpan<double> right, double ridge = 0)
    {
        int n = right.Length;
        double mean = 0;
        for (int i = 0; i < n; i++)
        {
            mean += matrix[(i * n) + i] / n;
        }

        if (!(mean > 0) || !double.IsFinite(mean))
        {
            return new double[n];
        }

        var factor = new double[n * n];
        for (double share = ridge; ; share = Math.Max(share * 10, 1e-14))
        {
            matrix.CopyTo(factor);
            for (int i = 0; i < n; i++)
            {
                factor[(i * n) + i] += share * mean;
            }

            if (Cholesky.Factor(factor, n))
            {
                break;
            }
        }

        // M = L L^T: x = L^-T (L^-1 b)
        double[] inverse = Cholesky.InvertLower(factor, n);
        var x = new double[n];
        for (int i = 0; i < n; i++)
        {
            ReadOnlySpan<double> row = inverse.AsSpan(i * n, n);
            TensorPrimitives.MultiplyAdd(row, TensorPrimitives.Dot(row, right), x, x);
        }

        return x;
    }
}
