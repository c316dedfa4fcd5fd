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
        bool zero = true;
        for (int i = 0; i < n; i++)
        {
            zero &= !(matrix[(i * n) + i] > 0);
        }

        if (zero)
        {
            return new double[n];
        }

        double[] x = right.ToArray();
        Cholesky.Solve(Cholesky.FactorDamped(matrix, n, ridge), x, n);
        return x;
    }
}
