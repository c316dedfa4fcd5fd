using System.Numerics.Tensors;
using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>One output of a layer under <see cref="Gptq"/>; rows share nothing they write, so they may go in parallel.</summary>
internal sealed class GptqRow
{
    private readonly WeightTarget _target;
    private readonly AffineParameters[] _parameters;
    private readonly int[] _codes;
    private readonly int[] _elements;
    private readonly int[] _groups;
    private readonly double[] _weights;
    private readonly bool _ownsScales;
    private readonly int _blockInPlace;

    /// <summary>The row of an output; codes and the parameters of its own groups are changed in place.</summary>
    public GptqRow(WeightView weight, WeightMatrix matrix, int output, WeightTarget target, AffineParameters[] parameters, int[] codes)
    {
        (_target, _parameters, _codes) = (target, parameters, codes);
        Granularity granularity = target.Granularity;
        _elements = [.. Enumerable.Range(0, matrix.Columns).Select(i => matrix.Element(output, i))];
        _groups = Array.ConvertAll(_elements, e => granularity.GroupOf(e, weight.Shape.AsSpan()));
        _weights = Array.ConvertAll(_elements, e => (double)weight.Values.Span[e]);
        bool blocks = granularity.Kind is GranularityKind.Block && granularity.Axis == weight.InputAxis;
        _ownsScales = blocks || (granularity.Kind is GranularityKind.Channel && granularity.Axis == weight.OutputAxis);
        _blockInPlace = blocks && matrix.Columns == weight.Shape[weight.InputAxis] ? granularity.BlockSize : 0;
    }

    /// <summary>Rounds and refines; where that errs more than the codes as they were, these stay.</summary>
    /// <param name="h">[d, d].</param>
    /// <param name="u">The upper factor of the inverse of damped H, [d, d].</param>
    /// <param name="scales">Chooses the scale of a block.</param>
    /// <param name="refinements">Rounds of refinement.</param>
    public void Solve(ReadOnlySpan<double> h, ReadOnlySpan<double> u, OptimalMse scales, int refinements)
    {
        int[] codes = Array.ConvertAll(_elements, e => _codes[e]);
        AffineParameters[] parameters = Array.ConvertAll(_groups, g => _parameters[g]);
        double before = SquaredError(h);
        Round(u, scales);
        Refine(h, refinements);
        if (SquaredError(h) > before)
        {
            for (int i = 0; i < codes.Length; i++)
            {
                _codes[_elements[i]] = codes[i];
                if (_ownsScales)
                {
                    _parameters[_groups[i]] = parameters[i];
                }
            }
        }
    }

    private double SquaredError(ReadOnlySpan<double> h)
    {
        int d = _weights.Length;
        double[] e = [.. Enumerable.Range(0, d).Select(Error)];
        double sum = 0;
        for (int i = 0; i < d; i++)
        {
            sum += e[i] * TensorPrimitives.Dot(h.Slice(i * d, d), (ReadOnlySpan<double>)e);
        }

        return sum;
    }

    // the paper's algorithm
    private void Round(ReadOnlySpan<double> u, OptimalMse scales)
    {
        int d = _weights.Length;
        double[] w = [.. _weights];
        for (int i = 0; i < d; i++)
        {
            if (_blockInPlace > 0 && i % _blockInPlace == 0)
            {
                float[] now = Array.ConvertAll(w[i..Math.Min(i + _blockInPlace, d)], v => (float)v);
                _parameters[_groups[i]] = scales.Best(now, now.Min(), now.Max(), _target, CancellationToken.None);
            }

            AffineParameters parameters = _parameters[_groups[i]];
            int code = parameters.Quantize((float)w[i], _target.Codes);
            _codes[_elements[i]] = code;
            double error = (w[i] - parameters.Dequantize(code)) / u[(i * d) + i];
            Span<double> rest = w.AsSpan(i + 1);
            TensorPrimitives.MultiplyAdd(u.Slice((i * d) + i + 1, d - i - 1), -error, rest, rest);
        }
    }

    // lowers e H e^T, e = weight - value, code by code and scale by scale
    private void Refine(ReadOnlySpan<double> h, int rounds)
    {
        int d = _weights.Length;
        var e = new double[d];
        var he = new double[d];
        for (int i = 0; i < d; i++)
        {
            e[i] = Error(i);
        }

        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < d; i++)
            {
                he[i] = TensorPrimitives.Dot(h.Slice(i * d, d), (ReadOnlySpan<double>)e);
            }

            RefineCodes(h, e, he);
            if (_ownsScales)
            {
                RefineScales(h, e);
            }
        }
    }

    private double Error(int i) => _weights[i] - _parameters[_groups[i]].Dequantize(_codes[_elements[i]]);

    private void RefineCodes(ReadOnlySpan<double> h, double[] e, double[] he)
    {
        int d = e.Length;
        for (int i = 0; i < d; i++)
        {
            double curvature = h[(i * d) + i];
            if (curvature <= 0)
            {
                continue;
            }

            // the error of input i that would be best against the errors of all others is e[i] - he[i] / H[i, i]
            int before = _codes[_elements[i]];
            int code = _parameters[_groups[i]].Quantize((float)(_weights[i] - e[i] + (he[i] / curvature)), _target.Codes);
            if (code == before)
            {
                continue;
            }

            _codes[_elements[i]] = code;
            double change = Error(i) - e[i];
            if (change * ((2 * he[i]) + (change * curvature)) >= 0)
            {
                _codes[_elements[i]] = before;
                continue;
            }

            TensorPrimitives.MultiplyAdd(h.Slice(i * d, d), change, he, he);
            e[i] += change;
        }
    }

    // s + dot(q, H e) / dot(q, H q), q = code - zero point of the group's inputs, is the scale with the least e H e^T
    private void RefineScales(ReadOnlySpan<double> h, double[] e)
    {
        int d = e.Length;
        var hq = new double[d];
        foreach (IGrouping<int, int> group in Enumerable.Range(0, d).GroupBy(i => _groups[i]))
        {
            AffineParameters parameters = _parameters[group.Key];
            Array.Clear(hq);
            foreach (int i in group)
            {
                TensorPrimitives.MultiplyAdd(h.Slice(i * d, d), _codes[_elements[i]] - parameters.ZeroPoint, hq, hq);
            }

            double square = group.Sum(i => hq[i] * (_codes[_elements[i]] - parameters.ZeroPoint));
            double scale = parameters.Scale + (TensorPrimitives.Dot<double>(hq, e) / square);
            if (square <= 0 || !float.IsNormal((float)scale) || scale <= 0)
            {
                continue;
            }

            _parameters[group.Key] = parameters with { Scale = (float)scale };
            foreach (int i in group)
            {
                e[i] = Error(i);
            }
        }
    }
}
