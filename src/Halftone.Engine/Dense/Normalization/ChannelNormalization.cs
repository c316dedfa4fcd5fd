using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Normalization;

/// <summary>InstanceNormalization, GroupNormalization and BatchNormalization of floats [N, C, ...]. Moments are kept in 64-bit floats.</summary>
internal static unsafe class ChannelNormalization
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
        [("InstanceNormalization", ReadyInstance), ("GroupNormalization", ReadyGroup), ("BatchNormalization", ReadyBatch)];

    private static DensePlan ReadyInstance(DenseRequest request)
    {
        TensorType x = Image(request);
        request.Shaped(1, ElementType.Float, x.Dims[1]);
        request.Shaped(2, ElementType.Float, x.Dims[1]);
        return Plan(request, x, x.Dims[1], affineByGroup: false);
    }

    private static DensePlan ReadyGroup(DenseRequest request)
    {
        TensorType x = Image(request);
        long groups = request.Node.Int("num_groups", 0);
        request.Require(groups >= 1 && x.Dims[1] % groups == 0, $"{groups} groups do not divide {x.Dims[1]} channels.");
        request.Require(request.Node.Int("stash_type", 1) == 1, "its stash_type is not float.");
        bool byGroup = request.Opset < 21; // scale and bias had one element a group at first
        int count = byGroup ? (int)groups : x.Dims[1];
        request.Shaped(1, ElementType.Float, count);
        request.Shaped(2, ElementType.Float, count);
        return Plan(request, x, (int)groups, byGroup);
    }

    private static DensePlan Plan(DenseRequest request, TensorType x, int groups, bool affineByGroup)
    {
        int plane = Requirements.Product(x.Dims.AsSpan()[2..]);
        int channels = groups == 0 ? 0 : x.Dims[1] / groups;
        int count = channels * plane;
        int units = count == 0 ? 0 : request.Count([x.Dims[0], groups]);
        float epsilon = request.Node.Float("epsilon", 1e-5f);
        return new DensePlan(
            [request.Output(ElementType.Float, x.Dims.AsSpan())],
            (inputs, outputs, _, part, parts) =>
            {
                (int begin, int end) = Parts.Units(units, part, parts);
                for (int unit = begin; unit < end; unit++)
                {
                    float* from = (float*)inputs[0] + ((long)unit * count);
                    float* to = (float*)outputs[0] + ((long)unit * count);
                    (double mean, double inverse) = LayerNormalization.Moments(from, count, epsilon, central: true);
                    for (int i = 0; i < count; i++)
                    {
                        int at = affineByGroup ? unit % groups : (unit % groups * channels) + (i / plane);
                        to[i] = ((from[i] - (float)mean) * (float)inverse * ((float*)inputs[1])[at]) + ((float*)inputs[2])[at];
                    }
                }
            })
        {
            MostParts = Parts.MostUnits(units),
        };
    }

    private static DensePlan ReadyBatch(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        request.Require(x.Rank >= 1, "its input is a scalar.");
        request.Require(request.Node.Int("training_mode", 0) == 0 && request.Node.Outputs.Skip(1).All(o => o.Length == 0), "its training mode is not computed.");
        request.Require(request.Node.Int("spatial", 1) == 1, "statistics of every element are not computed.");
        int channels = x.Rank == 1 ? 1 : x.Dims[1];
        for (int i = 1; i < 5; i++)
        {
            request.Shaped(i, ElementType.Float, channels);
        }

        int plane = x.Rank <= 2 ? 1 : Requirements.Product(x.Dims.AsSpan()[2..]);
        int planes = request.Count([x.Dims[0], channels]);
        float epsilon = request.Node.Float("epsilon", 1e-5f);
        return new DensePlan(
            [request.Output(ElementType.Float, x.Dims.AsSpan())],
            (inputs, outputs, _, part, parts) =>
            {
                (int begin, int end) = Parts.Units(planes, part, parts);
                for (int p = begin; p < end; p++)
                {
                    int c = p % channels;
                    float scale = ((float*)inputs[1])[c] / MathF.Sqrt(((float*)inputs[4])[c] + epsilon);
                    float offset = ((float*)inputs[2])[c] - (((float*)inputs[3])[c] * scale);
                    float* from = (float*)inputs[0] + ((long)p * plane);
                    float* to = (float*)outputs[0] + ((long)p * plane);
                    for (int i = 0; i < plane; i++)
                    {
                        to[i] = (from[i] * scale) + offset;
                    }
                }
            })
        {
            MostParts = Parts.MostUnits(planes),
        };
    }

    private static TensorType Image(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        request.Require(x.Rank >= 2, $"its input is {x}; 2 axes or more are needed.");
        return x;
    }
}
