using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Product quantization that errs least in what the layer computes, not in its weights.</summary>
/// <remarks>
/// <para>min over c of sum over vectors v of min_k (v - c_k) G (v - c_k)^T, G = E[x x^T] over the pieces x of the layer's inputs that meet a vector, all pieces in one. With G = L L^T this is k-means of the
/// vectors v L. G is positive definite (1e-6 of its mean diagonal is added), so the codeword of least error is the plain mean of its vectors, and the inputs decide the assignment alone.
/// Without statistics G = I, which is <see cref="ProductQuantization"/>.</para>
/// <para>Codewords: 2^bits for convolutions, 2^<see cref="LinearBits"/> for products of matrices, but at most the largest power of two below a quarter of the vectors. They start at
/// random vectors; empty clusters are parts of the most populated ones.</para>
/// <para>From: Stock et al. 2020, And the Bit Goes Down: Revisiting the Quantization of Neural Networks, arXiv:1907.05686, section 3. Different here: the moment of all samples takes the place of
/// a fresh sample each step; codewords are 32-bit floats, 16 in the paper; the training of codewords between layers and at the end is not part of it.</para>
/// <para>Cost: as <see cref="ProductQuantization"/>.</para>
/// </remarks>
public sealed record BitGoesDown : IWeightMethod, IDescribed
{
    private const double Damping = 1e-6;

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("bit-goes-down", "And the Bit Goes Down", "Stock et al. 2020, arXiv:1907.05686");

    /// <summary>Values in a vector where the kernel has several elements: 9 is a kernel of 3 x 3; 18 are the paper's large blocks.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int KernelWidth
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 9;

    /// <summary>Values in a vector of other weights; 8 for 1 x 1 convolutions are the paper's large blocks.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Width
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 4;

    /// <summary>Bits of an index in products of matrices: 11 for ResNet-18, 10 for ResNet-50 in the paper.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside 1..16.</exception>
    public int LinearBits
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 16);
            field = value;
        }
    } = 11;

    /// <summary>Steps at most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Iterations
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 100;

    /// <summary>Of the start.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public LayerStatisticsNeeds Needs => LayerStatisticsNeeds.SecondMoment;

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        GroupExtremes.RequireFinite(weight.Values.Span);
        bool kernel = weight.Kind is WeightKind.Conv or WeightKind.ConvTranspose && weight.Shape.Skip(2).Any(length => length > 1);
        var vectors = WeightVectors.Of(weight, kernel ? KernelWidth : Width);
        if (vectors.Count == 0)
        {
            return vectors.Tensor([]);
        }

        int most = 1 << (weight.Kind is WeightKind.MatMul ? LinearBits : target.Codes.Bits);
        int count = Math.Min(most, Below(vectors.Count / 4.0));
        int[] start = new CounterRandom(Seed).Subset(count, vectors.Count);
        float[] seen = LayerMoments.Of(weight, statistics) is { } layer ? Seen(vectors, layer.Pooled(vectors.Width)) : vectors.Values;
        return vectors.Tensor(VectorLloyd.Clusters(seen, vectors.Width, start, Iterations, Seed, cancel));
    }

    /// <summary>The largest power of two strictly below a bound; 1 where there is none.</summary>
    private static int Below(double bound)
    {
        int power = 1;
        while (power * 2.0 < bound)
        {
            power *= 2;
        }

        return power;
    }

    /// <summary>v L for each vector v, where G = L L^T.</summary>
    private static float[] Seen(WeightVectors vectors, double[] moment)
    {
        int d = vectors.Width;
        double[] lower = Cholesky.FactorDamped(moment, d, Damping);
        var seen = new float[vectors.Values.Length];
        Parallel.For(0, vectors.Count, v =>
        {
            ReadOnlySpan<float> vector = vectors.Values.AsSpan(v * d, d);
            for (int j = 0; j < d; j++)
            {
                double sum = 0;
                for (int i = j; i < d; i++)
                {
                    sum += vector[i] * lower[(i * d) + j];
                }

                seen[(v * d) + j] = (float)sum;
            }
        });
        return seen;
    }
}
