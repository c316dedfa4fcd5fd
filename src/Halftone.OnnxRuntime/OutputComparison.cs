using System.Collections.Immutable;
using System.Numerics.Tensors;
using Halftone.Onnx;
using Tensor = Halftone.Onnx.Tensor;

namespace Halftone.OnnxRuntime;

/// <summary>How near one output of a quantized model is to the float model's, over all samples seen.</summary>
/// <param name="Name">The output.</param>
/// <param name="Values">Values compared.</param>
/// <param name="SqnrDecibels">10 log10(sum r^2 / sum (r - q)^2): infinite where all are equal, minus infinite where q is not finite though r is.</param>
/// <param name="Cosine">sum r q / sqrt(sum r^2 sum q^2); 1 where both are all zeros, 0 where one is.</param>
/// <param name="LargestDifference">Largest |r - q|.</param>
/// <param name="LargestReference">Largest |r|.</param>
/// <param name="Rows">Rows whose largest entry was compared: one for each place of the other axes.</param>
/// <param name="ArgmaxAgreement">Share of rows whose largest entry stands at the same place; null without a class axis.</param>
/// <param name="ReferenceNotFinite">NaN and infinite values of the float model; these places are not compared.</param>
/// <param name="NotFinite">NaN and infinite values of the quantized model where the float model is finite.</param>
/// <param name="Constant">Whether every value of the quantized output is the same, while those of the float output differ.</param>
/// <param name="SameForAllSamples">Whether the quantized output is the same for every sample, while the float output is not.</param>
public sealed record OutputFidelity(
    string Name,
    long Values,
    double SqnrDecibels,
    double Cosine,
    double LargestDifference,
    double LargestReference,
    long Rows,
    double? ArgmaxAgreement,
    long ReferenceNotFinite,
    long NotFinite,
    bool Constant,
    bool SameForAllSamples);

/// <summary>Compares the outputs of two models sample by sample, in memory that does not grow with their number.</summary>
/// <remarks>
/// The class axis is, lengths of 1 at the end left out, the last of up to three axes, and the second of more ([N, C, H, W]); it needs a length of 2 or more.
/// The first axis, where there is a second, numbers the samples.
/// </remarks>
public sealed class OutputComparison
{
    private readonly List<string> _order = [];
    private readonly Dictionary<string, Sums> _sums = [];

    /// <summary>Adds one run: every float output that both have.</summary>
    /// <exception cref="ModelException">The quantized model lacks an output, or its lengths differ.</exception>
    public void Add(IReadOnlyDictionary<string, Tensor> reference, IReadOnlyDictionary<string, Tensor> quantized)
    {
        foreach ((string name, Tensor value) in reference.Where(r => r.Value.Type == ElementType.Float))
        {
            Tensor other = quantized.GetValueOrDefault(name) ?? throw new ModelException($"The quantized model has no output '{name}'.");
            if (!other.Dims.SequenceEqual(value.Dims))
            {
                throw new ModelException($"Output '{name}' is [{string.Join(",", value.Dims)}] in float and [{string.Join(",", other.Dims)}] quantized.");
            }

            Add(name, value.Dims.AsSpan(), value.As<float>(), other.Type == ElementType.Float ? other.As<float>() : other.ToFloats());
        }
    }

    /// <summary>Adds one output of one run.</summary>
    /// <param name="name">The output.</param>
    /// <param name="dims">Its lengths; they may change from run to run.</param>
    /// <param name="reference">The float model's values.</param>
    /// <param name="quantized">The quantized model's; as many.</param>
    /// <exception cref="ArgumentException">The numbers of values do not fit.</exception>
    public void Add(string name, ReadOnlySpan<long> dims, ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        if (reference.Length != quantized.Length || TensorPrimitives.Product(dims) != reference.Length)
        {
            throw new ArgumentException($"Output '{name}' of lengths [{string.Join(",", dims.ToArray())}] was given {reference.Length} and {quantized.Length} values.");
        }

        if (!_sums.TryGetValue(name, out Sums? sums))
        {
            _order.Add(name);
            _sums[name] = sums = new Sums();
        }

        sums.AddValues(reference, quantized);
        sums.AddRows(dims, reference, quantized);
        sums.AddSamples(dims, reference, quantized);
    }

    /// <summary>What has come together so far, in the order in which the outputs were first seen.</summary>
    public ImmutableArray<OutputFidelity> Results() => [.. _order.Select(n => _sums[n].Result(n))];

    private sealed class Sums
    {
        private readonly Variation _reference = new();
        private readonly Variation _quantized = new();
        private double _signal;
        private double _noise;
        private double _other;
        private double _product;
        private double _largest;
        private double _largestReference;
        private long _values;
        private long _rows;
        private long _agreeing;
        private long _referenceNotFinite;
        private long _notFinite;

        public void AddValues(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
        {
            for (int i = 0; i < reference.Length; i++)
            {
                double r = reference[i];
                double q = quantized[i];
                if (!double.IsFinite(r))
                {
                    _referenceNotFinite++;
                }
                else if (!double.IsFinite(q))
                {
                    _notFinite++;
                }
                else
                {
                    _values++;
                    _signal += r * r;
                    _other += q * q;
                    _product += r * q;
                    _noise += (r - q) * (r - q);
                    _largest = Math.Max(_largest, Math.Abs(r - q));
                    _largestReference = Math.Max(_largestReference, Math.Abs(r));
                }
            }
        }

        public void AddRows(ReadOnlySpan<long> dims, ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
        {
            (int classes, int stride) = ClassAxis(dims);
            if (classes < 2)
            {
                return;
            }

            for (int block = 0; block < reference.Length; block += classes * stride)
            {
                for (int i = block; i < block + stride; i++)
                {
                    _rows++;
                    _agreeing += Largest(reference[i..], classes, stride) == Largest(quantized[i..], classes, stride) ? 1 : 0;
                }
            }
        }

        public void AddSamples(ReadOnlySpan<long> dims, ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
        {
            int length = dims.Length > 1 && dims[0] > 0 ? reference.Length / (int)dims[0] : reference.Length;
            for (int at = 0; at < reference.Length; at += length)
            {
                _reference.Add(reference.Slice(at, length));
                _quantized.Add(quantized.Slice(at, length));
            }
        }

        public OutputFidelity Result(string name) => new(
            name,
            _values,
            _notFinite > 0 ? double.NegativeInfinity : _noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(_signal / _noise),
            _signal == 0 && _other == 0 ? 1 : _signal == 0 || _other == 0 ? 0 : _product / (Math.Sqrt(_signal) * Math.Sqrt(_other)),
            _largest,
            _largestReference,
            _rows,
            _rows == 0 ? null : (double)_agreeing / _rows,
            _referenceNotFinite,
            _notFinite,
            _quantized.OneValue && !_reference.OneValue,
            _quantized.OneSample && !_reference.OneSample);

        private static (int Classes, int Stride) ClassAxis(ReadOnlySpan<long> dims)
        {
            int rank = dims.Length;
            while (rank > 0 && dims[rank - 1] == 1)
            {
                rank--;
            }

            if (rank == 0)
            {
                return (1, 1);
            }

            int axis = rank <= 3 ? rank - 1 : 1;
            return ((int)dims[axis], (int)TensorPrimitives.Product<long>([1, .. dims[(axis + 1)..]]));
        }

        /// <summary>Place of the first largest entry; -1 with a NaN in the row, so that a broken row never agrees with a sound one.</summary>
        private static int Largest(ReadOnlySpan<float> row, int classes, int stride)
        {
            int best = 0;
            for (int c = 0; c < classes; c++)
            {
                float value = row[c * stride];
                if (float.IsNaN(value))
                {
                    return -1;
                }

                best = value > row[best * stride] ? c : best;
            }

            return best;
        }
    }

    /// <summary>Whether values vary at all, and whether they do from sample to sample.</summary>
    private sealed class Variation
    {
        private float[]? _first;

        public bool OneValue { get; private set; } = true;

        public bool OneSample { get; private set; } = true;

        public void Add(ReadOnlySpan<float> sample)
        {
            _first ??= sample.ToArray();
            OneValue = OneValue && (sample.IsEmpty || _first.Length == 0 || sample.IndexOfAnyExcept(_first[0]) < 0);
            OneSample = OneSample && sample.SequenceEqual(_first);
        }
    }
}
