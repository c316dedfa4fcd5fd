using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.Weights;

namespace Halftone.PostTraining.Correction;

/// <summary>Quantizes the weights anew, layer after layer, each by the recipe's weight method on the inputs that the network quantized so far gives it.</summary>
/// <remarks>
/// <para>With x a layer's input in the float network, x~ in the quantized one, both less their means: the weight that is quantized is the one whose output on x~
/// comes nearest to the float output, W* = W + W (C - H) (H + damping I)^-1, C = E[x x~^T], H = E[x~ x~^T]; the weight method is given H, and the means go into the bias:
/// b += W E[x] - W^ E[x~]. With <see cref="MatchFloat"/> off, W* = W and only H and the biases are the quantized network's.</para>
/// <para>From: Frantar et al. 2022, GPTQ, arXiv:2210.17323, section 4 (inputs of the layers quantized so far); Stock et al. 2020, And the Bit Goes Down, arXiv:1907.05686,
/// section 3.2 (likewise); Li et al. 2025, GPTAQ: Efficient Finetuning-Free Quantization for Asymmetric Calibration, arXiv:2504.02692 (the float output as what is to be met).
/// Chosen here: the closed form of the last by ridge regression towards W, with the means set apart. Weights that are 0 stay 0, as pruning left them. Weights that several nodes read, and those that are no matrix, stay as they are.</para>
/// <para>Runs the network once a layer; 2 d^2 doubles of memory, d the inputs of an output. The plan is kept only if its outputs come nearer to the float model's.</para>
/// </remarks>
public sealed record SequentialQuantization : IPlanMethod, IDescribed
{
    private const int MostRows = 1 << 15;
    private const double Work = 4e9; // multiply-adds a layer and matrix; about a second
    private const int MostInputs = 8192; // three matrices of d^2 doubles then take 1.6 GB

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("sequential-quantization", "Layer after layer on the quantized network's inputs", "Li et al. 2025, GPTAQ, arXiv:2504.02692");

    /// <summary>Samples the moments are taken over.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int Samples
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }

    = 256;

    /// <summary>Added to the diagonal of H, as a share of its mean.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not positive and finite.</exception>
    public double Damping
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(value), false, nameof(value));
            field = value;
        }
    }

    = 0.05;

    /// <summary>Whether weights make up for the errors before them.</summary>
    public bool MatchFloat { get; init; } = true;

    /// <inheritdoc/>
    public QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default)
    {
        QuantizationPlan now = plan;
        foreach (Node node in graph.Nodes.Where(n => plan.Weights.ContainsKey(new(n.Name, 1)) && !plan.DynamicNodes.Contains(n.Name) && graph.Consumers(n.Input(1)).Count == 1).ToArray())
        {
            WeightView weight = WeightViews.Of(node, graph.Constant(node.Input(1))!);
            if (LayerWindow.Of(node, weight) is { Inputs: <= MostInputs } window && weight.Matrix is { } matrix)
            {
                now = Layer(graph, now, node, weight, matrix, window, run, cancel);
            }
        }

        return run.Compare(now, cancel).Sqnr > run.Compare(plan, cancel).Sqnr ? now : plan;
    }

    private QuantizationPlan Layer(
        Graph graph, QuantizationPlan plan, Node node, WeightView weight, WeightMatrix matrix, LayerWindow window, ICalibrationRun run, CancellationToken cancel)
    {
        int d = window.Inputs;
        int mostRows = (int)Math.Min(MostRows, Math.Max(4.0 * d, Work / ((double)d * d)));
        var moments = new PairedMoments(window, Samples, mostRows);
        StudentTap.Inputs(run, plan, node, Samples, (dims, teacher, student, count) => moments.Add(dims, teacher, student, count, run.Threads, cancel), cancel);

        // what the bias takes up is no business of the weights
        bool bias = BiasCorrection.Correctable(graph, node, plan);
        (double[] square, double[] cross, double[] x, double[] y) = (moments.Square, moments.Cross, moments.TeacherMean, moments.StudentMean);
        if (bias)
        {
            Centre(square, y, y, d);
            Centre(cross, x, y, d);
        }

        float[] values = MatchFloat ? Matched(weight, matrix, square, cross, d) : weight.Values.ToArray();
        QuantizedTensor quantized = run.Quantize(plan, new(node.Name, 1), values, new LayerStatistics { SecondMoment = square }, null, cancel);
        plan = plan with { Weights = plan.Weights.SetItem(new(node.Name, 1), quantized) };
        return bias ? plan with { BiasCorrections = plan.BiasCorrections.SetItem(node.Name, Shift(weight, matrix, quantized.Dequantize(), x, y)) } : plan;
    }

    private static void Centre(double[] moment, double[] rows, double[] columns, int d)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            int group = i / d * d;
            for (int j = 0; j < d; j++)
            {
                moment[(i * d) + j] -= rows[i] * columns[group + j];
            }
        }
    }

    // W + W (C - H) (H + damping I)^-1, group by group
    private float[] Matched(WeightView weight, WeightMatrix matrix, double[] square, double[] cross, int d)
    {
        float[] values = weight.Values.ToArray();
        int outputs = matrix.Rows / weight.Groups;
        for (int group = 0; group < weight.Groups; group++)
        {
            ReadOnlySpan<double> h = square.AsSpan(group * d * d, d * d);
            double[] damped = Cholesky.FactorDamped(h, d, Damping);
            int start = group * d * d;
            Parallel.For(0, outputs, o =>
            {
                int row = (group * outputs) + o;
                var change = new double[d];
                for (int i = 0; i < d; i++)
                {
                    double w = weight.Values.Span[matrix.Element(row, i)];
                    for (int j = 0; j < d; j++)
                    {
                        change[j] += w * (cross[start + (i * d) + j] - square[start + (i * d) + j]);
                    }
                }

                Cholesky.Solve(damped, change, d);
                for (int i = 0; i < d; i++)
                {
                    int element = matrix.Element(row, i);
                    values[element] += values[element] == 0 ? 0 : (float)change[i]; // what was pruned stays so
                }
            });
        }

        return values;
    }

    private static ImmutableArray<float> Shift(WeightView weight, WeightMatrix matrix, float[] quantized, double[] x, double[] y)
    {
        int outputs = matrix.Rows / weight.Groups;
        var shift = new float[matrix.Rows];
        for (int row = 0; row < shift.Length; row++)
        {
            int group = row / outputs * matrix.Columns;
            double sum = 0;
            for (int i = 0; i < matrix.Columns; i++)
            {
                int element = matrix.Element(row, i);
                sum += (weight.Values.Span[element] * x[group + i]) - (quantized[element] * y[group + i]);
            }

            shift[row] = (float)sum;
        }

        return [.. shift];
    }
}
