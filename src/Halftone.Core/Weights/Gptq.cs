using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Rounds the inputs of each output one after another, and lets those still to come make up for the error, so that the layer's output errs least.</summary>
/// <remarks>
/// <para>argmin over codes of (w - q) H (w - q)^T, one row w of d inputs at a time, H = E[x x^T]. With (H + damping)^-1 = U^T U, U upper triangular, for
/// i = 0..d-1: q_i = nearest(w_i); e = (w_i - q_i) / U[i, i]; w_j -= e U[i, j] for j > i. The scale of a block of inputs is chosen when its first input's turn
/// comes, from the weights as they are then.</para>
/// <para>From: Frantar et al. 2022, GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers, arXiv:2210.17323, section 3, algorithm 1.
/// Chosen here: scales with the least squared error (<see cref="OptimalMse"/>); the float network's inputs for every layer; then <see cref="Refinements"/>
/// rounds over the row in which each code moves to where the same error is least, the others as they are (Behdin et al. 2023, QuantEase, arXiv:2309.01885),
/// and each scale that is the row's own becomes the least-squares one. No round raises the error,
/// and a row that nothing helped keeps the codes of <see cref="OptimalMse"/>, so that no output errs more than with it.</para>
/// <para>Without statistics H is the identity, nothing can make up for anything, and this is <see cref="OptimalMse"/>. The same for any number of threads.
/// Cost: d^3 + outputs * d^2 a layer; three times d^2 doubles of memory.</para>
/// </remarks>
public sealed record Gptq : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("gptq", "GPTQ", "Frantar et al. 2022, arXiv:2210.17323");

    /// <summary>Added to the diagonal of H, as a share of its mean; 0.01 in the paper.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative, zero or not finite.</exception>
    public double Damping
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(value), false, nameof(value));
            field = value;
        }
    } = 0.01;

    /// <summary>Rounds after the paper's algorithm; 0 leaves its result as it is.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int Refinements
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    } = 3;

    /// <inheritdoc/>
    public LayerStatisticsNeeds Needs => LayerStatisticsNeeds.SecondMoment;

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        OptimalMse scales = new();
        var start = (AffineTensor)scales.Quantize(weight, target, LayerStatistics.None, cancel);
        if (LayerMoments.Of(weight, statistics) is null)
        {
            return start;
        }

        WeightMatrix matrix = weight.Matrix!.Value;
        double[] moments = statistics.SecondMoment!;
        int d = matrix.Columns;
        int[] codes = start.Codes();
        AffineParameters[] parameters = [.. start.Scales.Zip(start.ZeroPoints, (scale, zero) => new AffineParameters(scale, zero))];
        int outputs = matrix.Rows / weight.Groups;
        for (int group = 0; group < weight.Groups; group++)
        {
            ReadOnlyMemory<double> moment = moments.AsMemory(group * d * d, d * d);
            double[] u = UpperOfInverse(moment.Span, d);
            int first = group * outputs;
            Parallel.For(first, first + outputs, new ParallelOptions { CancellationToken = cancel }, output =>
                new GptqRow(weight, matrix, output, target, parameters, codes).Solve(moment.Span, u, scales, Refinements));
        }

        return AffineWeights.Tensor(weight, target, parameters, codes);
    }

    // H^-1 = U^T U: with the order of rows and columns turned round, the lower factor of H is the turned U^-1. Inputs that are always zero say nothing: their weights round to the nearest
    private double[] UpperOfInverse(ReadOnlySpan<double> moment, int d)
    {
        double[] turned = moment.ToArray();
        Array.Reverse(turned);
        double[] u = Cholesky.InvertLower(Cholesky.FactorDamped(turned, d, Damping), d);
        Array.Reverse(u);
        return u;
    }
}
