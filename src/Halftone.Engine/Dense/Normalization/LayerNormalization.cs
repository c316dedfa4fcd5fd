using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Normalization;

/// <summary>LayerNormalization, RMSNormalization and com.microsoft's SkipLayerNormalization of floats. Moments are kept in 64-bit floats.</summary>
internal static unsafe class LayerNormalization
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
        [("LayerNormalization", Ready), ("RMSNormalization", ReadyRms), ("com.microsoft.SkipLayerNormalization", ReadySkip)];

    private static DensePlan Ready(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        int axis = request.Axis(request.Node.Int("axis", -1), x.Rank);
        request.Require(request.Node.Int("stash_type", 1) == 1, "its stash_type is not float.");
        Affine scale = Affine.Of(request, 1, x, axis);
        Affine bias = request.Has(2) ? Affine.Of(request, 2, x, axis) : Affine.None;
        int[] moments = [.. x.Dims.Select((d, i) => i < axis ? d : 1)];
        bool[] wanted = [true, request.Node.Output(1).Length > 0, request.Node.Output(2).Length > 0];
        int outputsUsed = wanted[2] ? 3 : wanted[1] ? 2 : 1;
        TensorType moment = request.Output(ElementType.Float, moments);
        TensorType[] outputs = [request.Output(ElementType.Float, x.Dims.AsSpan()), moment, moment];
        Lines lines = Lines.From(x, axis);
        float epsilon = request.Node.Float("epsilon", 1e-5f);
        return Plan([.. outputs.Take(outputsUsed)], lines, (inputs, outputs, line) =>
        {
            float* from = (float*)inputs[0] + ((long)line * lines.Length);
            (double mean, double inverse) = Moments(from, lines.Length, epsilon, central: true);
            Normalize(inputs, from, (float*)outputs[0] + ((long)line * lines.Length), lines.Length, (float)mean, (float)inverse, scale, bias, line);
            Keep(outputs, wanted, 1, line, mean);
            Keep(outputs, wanted, 2, line, inverse);
        });
    }

    private static DensePlan ReadyRms(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        int axis = request.Axis(request.Node.Int("axis", -1), x.Rank);
        request.Require(request.Node.Int("stash_type", 1) == 1, "its stash_type is not float.");
        Affine scale = Affine.Of(request, 1, x, axis);
        Lines lines = Lines.From(x, axis);
        float epsilon = request.Node.Float("epsilon", 1e-5f);
        return Plan([request.Output(ElementType.Float, x.Dims.AsSpan())], lines, (inputs, outputs, line) =>
        {
            float* from = (float*)inputs[0] + ((long)line * lines.Length);
            (_, double inverse) = Moments(from, lines.Length, epsilon, central: false);
            Normalize(inputs, from, (float*)outputs[0] + ((long)line * lines.Length), lines.Length, 0, (float)inverse, scale, Affine.None, line);
        });
    }

    /// <summary>Inputs: x, skip, gamma, beta, bias; outputs: the normalized sum, and as the fourth the sum.</summary>
    private static DensePlan ReadySkip(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        request.Require(x.Rank is 2 or 3, $"its input is {x}; 2 or 3 axes are needed.");
        int length = x.Dims[^1];
        int lineCount = Requirements.Product(x.Dims.AsSpan()[..^1]);
        TensorType skip = request.Floats(1);
        bool fits = skip.Rank is 2 or 3 && skip.Rank <= x.Rank && skip.Dims.AsSpan()[^2..].SequenceEqual(x.Dims.AsSpan()[^2..]) && (skip.Rank == 2 || skip.Dims[0] == 1 || skip.Dims[0] == x.Dims[0]);
        request.Require(fits, $"its skip {skip} does not broadcast to {x}.");
        int skipLines = Requirements.Product(skip.Dims.AsSpan()[..^1]);
        request.Shaped(2, ElementType.Float, length);
        Affine beta = request.Has(3) ? Affine.Whole(request.Shaped(3, ElementType.Float, length), 3) : Affine.None;
        Affine gamma = Affine.Whole(request.Input(2), 2);
        bool biased = request.Has(4) && request.Shaped(4, ElementType.Float, length).Rank == 1;
        request.Require(request.Node.Output(1).Length == 0 && request.Node.Output(2).Length == 0, "its mean and deviation are not computed.");
        bool sums = request.Node.Output(3).Length > 0;
        float epsilon = request.Node.Float("epsilon", 1e-12f);
        TensorType type = request.Output(ElementType.Float, x.Dims.AsSpan());
        TensorType none = request.Output(ElementType.Float, [0]);
        return Plan(sums ? [type, none, none, type] : [type], new Lines(lineCount, length, 1), (inputs, outputs, line) =>
        {
            float* y = (float*)outputs[0] + ((long)line * length);
            float* a = (float*)inputs[0] + ((long)line * length);
            float* b = (float*)inputs[1] + ((long)(line % skipLines) * length);
            for (int i = 0; i < length; i++)
            {
                y[i] = a[i] + b[i] + (biased ? ((float*)inputs[4])[i] : 0);
            }

            if (sums && outputs[3] is not null)
            {
                new ReadOnlySpan<float>(y, length).CopyTo(new Span<float>((float*)outputs[3] + ((long)line * length), length));
            }

            (double mean, double inverse) = Moments(y, length, epsilon, central: true);
            Normalize(inputs, y, y, length, (float)mean, (float)inverse, gamma, beta, line);
        });
    }

    private delegate void Line(byte** inputs, byte** outputs, int line);

    private static DensePlan Plan(TensorType[] outputs, Lines lines, Line compute) => new(
        [.. outputs],
        (inputs, outputs, _, part, parts) =>
        {
            (int begin, int end) = Parts.Units(lines.Length == 0 ? 0 : lines.Count, part, parts);
            for (int line = begin; line < end; line++)
            {
                compute(inputs, outputs, line);
            }
        })
    {
        MostParts = Parts.MostUnits(lines.Count),
    };

    /// <summary>Mean, and one over the deviation; without a mean, one over the root of the mean square.</summary>
    internal static (double Mean, double Inverse) Moments(float* x, int length, double epsilon, bool central)
    {
        double mean = 0;
        for (int i = 0; central && i < length; i++)
        {
            mean += x[i];
        }

        mean /= length;
        double squares = 0;
        for (int i = 0; i < length; i++)
        {
            squares += (x[i] - mean) * (x[i] - mean);
        }

        return (mean, 1 / Math.Sqrt((squares / length) + epsilon));
    }

    private static void Normalize(byte** inputs, float* x, float* y, int length, float mean, float inverse, Affine scale, Affine bias, int line)
    {
        float* s = scale.At(inputs, line, length);
        float* b = bias.At(inputs, line, length);
        for (int i = 0; i < length; i++)
        {
            float value = (x[i] - mean) * inverse * s[scale.Index(i)];
            y[i] = b is null ? value : value + b[bias.Index(i)];
        }
    }

    private static void Keep(byte** outputs, bool[] wanted, int output, int line, double value)
    {
        if (wanted[output] && outputs[output] is not null)
        {
            ((float*)outputs[output])[line] = (float)value;
        }
    }
}
