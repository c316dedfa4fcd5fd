using System.Collections.Immutable;
using System.Numerics.Tensors;
using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Scales that fit the outputs of a layer, its codes kept: argmin over s of E_x (w x - sum_g s_g q_g x)^2, which is least squares: (q_g H q_h^T) s = q_g H w^T, H = E[x x^T].</summary>
/// <remarks>An output channel that shares no scale is solved alone, one scale or several; a scale that all channels share is sum_o q_o H w_o^T / sum_o q_o H q_o^T.
/// Scales that would not err less, or not be positive, stay as they are (Choukroun et al. 2019, arXiv:1902.06822, section 3.3).</remarks>
internal static class OutputScales
{
    /// <summary>The terms with their new scales; as they are where the inputs are not known or the weight is no matrix.</summary>
    public static ImmutableArray<AffineTensor> Fit(WeightView weight, ImmutableArray<AffineTensor> terms, LayerStatistics statistics)
    {
        if (LayerMoments.Of(weight, statistics) is not { } layer)
        {
            return terms;
        }

        float[][] scales = [.. terms.Select(t => t.Scales.ToArray())];
        bool own = terms.All(t => OutputChannels.OwnGroups(t.Granularity, weight));
        if (own)
        {
            Parallel.For(0, layer.Rows, row => FitRows(layer, terms, scales, [row]));
        }
        else if (terms.All(t => t.Scales.Length == 1))
        {
            FitRows(layer, terms, scales, [.. Enumerable.Range(0, layer.Rows)]);
        }

        return [.. terms.Select((t, i) => new AffineTensor(t.Shape, t.Granularity, t.Grid, t.Codes(), [.. scales[i]], t.ZeroPoints, t.Offsets, t.Bits, t.HalfCodes))];
    }

    private static void FitRows(LayerMoments layer, ImmutableArray<AffineTensor> terms, float[][] scales, int[] rows)
    {
        int d = layer.Inputs;
        (int Term, int Group)[] unknown = [.. rows.SelectMany(r => Enumerable.Range(0, d).SelectMany(i => terms.Select((t, n) => (n, t.Granularity.GroupOf(layer.Element(r, i), t.Shape.AsSpan()))))).Distinct().Order()];
        int count = unknown.Length;
        var matrix = new double[count * count];
        var right = new double[count];
        foreach (int row in rows)
        {
            double[] w = layer.Row(row);
            double[][] q = [.. unknown.Select(u => Codes(layer, terms[u.Term], u.Group, row))];
            for (int a = 0; a < count; a++)
            {
                double[] hq = layer.Times(row, q[a]);
                right[a] += TensorPrimitives.Dot<double>(hq, w);
                for (int b = 0; b < count; b++)
                {
                    matrix[(a * count) + b] += TensorPrimitives.Dot<double>(hq, q[b]);
                }
            }
        }

        double[] old = [.. unknown.Select(u => (double)scales[u.Term][u.Group])];
        double[] rounded = [.. NormalEquations.Solve(matrix, right, 1e-12).Select((s, a) => matrix[(a * count) + a] > 0 ? (double)(float)s : old[a])];
        if (rounded.All(s => s > 0 && float.IsNormal((float)s)) && Error(rounded) < Error(old))
        {
            for (int a = 0; a < count; a++)
            {
                scales[unknown[a].Term][unknown[a].Group] = (float)rounded[a];
            }
        }

        // less the part without scales
        double Error(double[] s) => s.Select((x, a) => x * (TensorPrimitives.Dot<double>(matrix.AsSpan(a * count, count), s) - (2 * right[a]))).Sum();
    }

    private static double[] Codes(LayerMoments layer, AffineTensor term, int group, int row)
    {
        var codes = new double[layer.Inputs];
        for (int i = 0; i < codes.Length; i++)
        {
            int element = layer.Element(row, i);
            codes[i] = term.Granularity.GroupOf(element, term.Shape.AsSpan()) == group ? term.Code(element) - term.ZeroPoints[group] : 0;
        }

        return codes;
    }
}
