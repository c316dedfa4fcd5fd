using System.Numerics.Tensors;

namespace Halftone.Numerics;

/// <summary>Cholesky factorization of symmetric positive definite matrices, row-major, in place.</summary>
public static class Cholesky
{
    /// <summary>A = L L^T: the lower triangle becomes L, the upper one zeros.</summary>
    /// <param name="matrix">[n, n]; its lower triangle is read.</param>
    /// <param name="n">Rows.</param>
    /// <returns>False where the matrix is not positive definite; it is then half done.</returns>
    public static bool Factor(Span<double> matrix, int n)
    {
        for (int i = 0; i < n; i++)
        {
            Span<double> row = matrix.Slice(i * n, n);
            for (int j = 0; j <= i; j++)
            {
                double rest = row[j] - TensorPrimitives.Dot<double>(row[..j], matrix.Slice(j * n, j));
                if (j < i)
                {
                    row[j] = rest / matrix[(j * n) + j];
                }
                else if (rest > 0 && double.IsFinite(rest))
                {
                    row[i] = Math.Sqrt(rest);
                }
                else
                {
                    return false;
                }
            }

            row[(i + 1)..].Clear();
        }

        return true;
    }

    /// <summary>The L of A + r I = L L^T, with r a share of the mean of A's diagonal that grows tenfold until the matrix is positive definite; A has no negative eigenvalues but by rounding.</summary>
    /// <param name="matrix">A, [n, n]; its lower triangle is read.</param>
    /// <param name="n">Rows.</param>
    /// <param name="share">The first share; 0 for none. Of a matrix of zeros the sum is the identity.</param>
    /// <exception cref="ArgumentException">The diagonal is not finite.</exception>
    public static double[] FactorDamped(ReadOnlySpan<double> matrix, int n, double share)
    {
        double mean = 0;
        for (int i = 0; i < n; i++)
        {
            mean += matrix[(i * n) + i] / n;
        }

        if (!double.IsFinite(mean))
        {
            throw new ArgumentException("The diagonal of the matrix is not finite.", nameof(matrix));
        }

        var factor = new double[n * n];
        for (double r = mean > 0 ? share * mean : 1; ; r = Math.Max(10 * r, 1e-14 * mean))
        {
            matrix.CopyTo(factor);
            for (int i = 0; i < n; i++)
            {
                factor[(i * n) + i] += r;
            }

            if (Factor(factor, n))
            {
                return factor;
            }
        }
    }

    /// <summary>x of L L^T x = b, in place of b.</summary>
    /// <param name="lower">[n, n], made by <see cref="Factor"/>.</param>
    /// <param name="vector">b, then x; [n].</param>
    /// <param name="n">Rows.</param>
    public static void Solve(ReadOnlySpan<double> lower, Span<double> vector, int n)
    {
        for (int i = 0; i < n; i++)
        {
            vector[i] = (vector[i] - TensorPrimitives.Dot<double>(lower.Slice(i * n, i), vector[..i])) / lower[(i * n) + i];
        }

        for (int i = n - 1; i >= 0; i--)
        {
            vector[i] /= lower[(i * n) + i];
            TensorPrimitives.MultiplyAdd(lower.Slice(i * n, i), -vector[i], vector[..i], vector[..i]);
        }
    }

    /// <summary>The inverse of a lower triangle, row-major; what is above the diagonal stays zero.</summary>
    /// <param name="lower">[n, n], with a diagonal without zeros.</param>
    /// <param name="n">Rows.</param>
    public static double[] InvertLower(ReadOnlySpan<double> lower, int n)
    {
        // row i of the inverse: (e_i - sum over k < i of L[i, k] row k) / L[i, i]
        var inverse = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            Span<double> row = inverse.AsSpan(i * n, i + 1);
            row[i] = 1;
            for (int k = 0; k < i; k++)
            {
                Span<double> above = inverse.AsSpan(k * n, k + 1);
                TensorPrimitives.MultiplyAdd(above, -lower[(i * n) + k], row[..(k + 1)], row[..(k + 1)]);
            }

            TensorPrimitives.Divide(row, lower[(i * n) + i], row);
        }

        return inverse;
    }
}
