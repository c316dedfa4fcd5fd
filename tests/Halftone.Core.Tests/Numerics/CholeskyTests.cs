using Halftone.Numerics;

namespace Halftone.Core.Tests.Numerics;

public sealed class CholeskyTests
{
    [Fact]
    public void Factor_times_its_transpose_is_the_matrix_and_the_inverse_times_the_factor_is_one() =>
        Gen.Int[1, 20].SelectMany(n => Gen.Double[-1, 1].Array[n * n].Select(a => (a, n))).Sample((a, n) =>
        {
            // A A^T + 1 is positive definite
            double[] matrix = Product(a, n, (i, k) => a[(i * n) + k], (k, j) => a[(j * n) + k]);
            for (int i = 0; i < n; i++)
            {
                matrix[(i * n) + i] += 1;
            }

            double[] l = [.. matrix];
            Assert.True(Cholesky.Factor(l, n));
            double[] inverse = Cholesky.InvertLower(l, n);
            double[] one = Product(a, n, (i, k) => inverse[(i * n) + k], (k, j) => l[(k * n) + j]);
            double[] back = Product(a, n, (i, k) => l[(i * n) + k], (k, j) => l[(j * n) + k]);
            for (int i = 0; i < n * n; i++)
            {
                Assert.Equal(matrix[i], back[i], 1e-9);
                Assert.Equal(i % (n + 1) == 0 ? 1 : 0, one[i], 1e-9);
            }
        });

    [Fact]
    public void A_matrix_that_is_not_positive_definite_is_said_to_be_so()
    {
        Assert.False(Cholesky.Factor([1, 2, 2, 1], 2));
        Assert.False(Cholesky.Factor([0], 1));
        Assert.False(Cholesky.Factor([double.NaN], 1));
    }

    private static double[] Product(double[] like, int n, Func<int, int, double> a, Func<int, int, double> b) =>
        [.. like.Select((_, at) => Enumerable.Range(0, n).Sum(k => a(at / n, k) * b(k, at % n)))];
}
