using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Normalization;

/// <summary>LRN, LpNormalization and MeanVarianceNormalization of floats.</summary>
internal static unsafe class LocalNormalization
{
    private const double MeanVarianceEpsilon = 1e-9; // of ONNX's definition

    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
        [("LRN", ReadyLrn), ("LpNormalization", ReadyLp), ("MeanVarianceNormalization", ReadyMeanVariance)];

    private static DensePlan ReadyLrn(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        request.Require(x.Rank >= 2, $"its input is {x}; 2 axes or more are needed.");
        long size = request.Node.Int("size", 0);
        request.Require(size is >= 1 and < 1 << 20, "its size must be 1 or more.");
        (float alpha, float beta, float bias) = (request.Node.Float("alpha", 0.0001f), request.Node.Float("beta", 0.75f), request.Node.Float("bias", 1));
        int channels = x.Dims[1];
        int plane = Requirements.Product(x.Dims.AsSpan()[2..]);
        int planes = request.Count([x.Dims[0], channels]);
        return Plan(request, x, planes, (inputs, outputs, p) =>
        {
            int c = p % channels;
            int first = (int)Math.Max(0, c - ((size - 1) / 2));
            int last = (int)Math.Min(channels - 1, c + (size / 2));
            float* image = (float*)inputs[0] + ((long)(p - c) * plane);
            float* from = (float*)inputs[0] + ((long)p * plane);
            float* to = (float*)outputs[0] + ((long)p * plane);
            for (int i = 0; i < plane; i++)
            {
                float sum = 0;
                for (int other = first; other <= last; other++)
                {
                    float value = image[((long)other * plane) + i];
                    sum += value * value;
                }

                to[i] = from[i] / MathF.Pow(bias + (alpha / size * sum), beta);
            }
        });
    }

    private static DensePlan ReadyLp(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        long p = request.Node.Int("p", 2);
        request.Require(p is 1 or 2, "p must be 1 or 2.");
        Lines lines = Lines.Along(request, x, request.Node.Int("axis", -1));
        return Plan(request, x, lines.Length == 0 ? 0 : lines.Count, (inputs, outputs, line) =>
        {
            float* from = (float*)inputs[0] + lines.Start(line);
            float* to = (float*)outputs[0] + lines.Start(line);
            double sum = 0;
            for (int i = 0; i < lines.Length; i++)
            {
                double value = from[(long)i * lines.Inner];
                sum += p == 1 ? Math.Abs(value) : value * value;
            }

            float norm = (float)(p == 1 ? sum : Math.Sqrt(sum));
            for (int i = 0; i < lines.Length; i++)
            {
                // a line of zeros stays one
                to[(long)i * lines.Inner] = norm == 0 ? 0 : from[(long)i * lines.Inner] / norm;
            }
        });
    }

    private static DensePlan ReadyMeanVariance(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        bool[] reduced = new bool[x.Rank];
        foreach (long axis in request.Node.Ints("axes") ?? [0, 2, 3])
        {
            reduced[request.Axis(axis, x.Rank)] = true;
        }

        int[] kept = Offsets(x, reduced, false);
        int[] inside = Offsets(x, reduced, true);
        return Plan(request, x, inside.Length == 0 ? 0 : kept.Length, (inputs, outputs, group) =>
        {
            float* from = (float*)inputs[0] + kept[group];
            float* to = (float*)outputs[0] + kept[group];
            double sum = 0;
            double squares = 0;
            foreach (int i in inside)
            {
                sum += from[i];
            }

            double mean = sum / inside.Length;
            foreach (int i in inside)
            {
                squares += (from[i] - mean) * (from[i] - mean);
            }

            double deviation = Math.Sqrt(squares / inside.Length) + MeanVarianceEpsilon;
            foreach (int i in inside)
            {
                to[i] = (float)((from[i] - mean) / deviation);
            }
        });
    }

    /// <summary>Offsets of all indices of some axes.</summary>
    private static int[] Offsets(TensorType x, bool[] reduced, bool of)
    {
        int[] offsets = [0];
        int stride = 1;
        for (int axis = x.Rank - 1; axis >= 0; axis--)
        {
            if (reduced[axis] == of)
            {
                int step = stride;
                offsets = [.. Enumerable.Range(0, x.Dims[axis]).SelectMany(i => offsets.Select(o => o + (i * step)))];
            }

            stride *= x.Dims[axis];
        }

        return offsets;
    }

    private delegate void Unit(byte** inputs, byte** outputs, int unit);

    private static DensePlan Plan(DenseRequest request, TensorType x, int units, Unit compute) => new(
        [request.Output(ElementType.Float, x.Dims.AsSpan())],
        (inputs, outputs, _, part, parts) =>
        {
            (int begin, int end) = Parts.Units(units, part, parts);
            for (int unit = begin; unit < end; unit++)
            {
                compute(inputs, outputs, unit);
            }
        })
    {
        MostParts = Parts.MostUnits(units),
    };
}
