using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>A weight cut into vectors of neighbouring inputs of an output, output after output.</summary>
/// <remarks>The inputs of an output are its input channels times the kernel, kernel innermost. A vector never spans two outputs or two groups: where the inputs of an output are no multiple
/// of the wanted width, the width is their largest divisor below it, in the worst case 1.</remarks>
/// <param name="Shape">Of the weight.</param>
/// <param name="Order">Its axes, outputs before inputs.</param>
/// <param name="Width">Values in a vector.</param>
/// <param name="PerOutput">Vectors of an output.</param>
/// <param name="Values">[vectors, Width], row-major.</param>
internal sealed record WeightVectors(ImmutableArray<int> Shape, ImmutableArray<int> Order, int Width, int PerOutput, float[] Values)
{
    public int Count => Values.Length / Width;

    public static WeightVectors Of(WeightView weight, int width)
    {
        // batches, output, input, kernel
        int[] axes = [.. Enumerable.Range(0, weight.Shape.Length)];
        int first = Math.Min(weight.OutputAxis, weight.InputAxis);
        ImmutableArray<int> order = [.. axes[..first].Append(weight.OutputAxis).Append(weight.InputAxis).Concat(axes[first..]).Distinct()];
        int inputs = order.Skip(order.IndexOf(weight.OutputAxis) + 1).Aggregate(1, (product, axis) => product * weight.Shape[axis]);
        inputs = Math.Max(1, weight.Kind is WeightKind.ConvTranspose ? inputs / weight.Groups : inputs);
        width = Enumerable.Range(1, Math.Min(width, inputs)).Last(w => inputs % w == 0);

        var axisOrder = new AxisOrder(weight.Shape, order);
        var values = new float[weight.Values.Length];
        ReadOnlySpan<float> all = weight.Values.Span;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = all[axisOrder.Element(i)];
        }

        return new(weight.Shape, order, width, inputs / width, values);
    }

    /// <summary>The vectors at one place of each output, as a tensor of their own.</summary>
    public WeightVectors At(int place)
    {
        int outputs = Count / PerOutput;
        float[] values = [.. Enumerable.Range(0, outputs).SelectMany(o => Values.AsSpan(((o * PerOutput) + place) * Width, Width).ToArray())];
        return new([outputs, Width], AxisOrder.Identity(2), Width, 1, values);
    }

    /// <summary>One codebook of up to that many codewords, by k-means.</summary>
    public CodebookTensor Clustered(int most, int iterations, int seed, CancellationToken cancel)
    {
        if (Width > 1)
        {
            int[] start = VectorLloyd.SpreadStart(Values, Width, most, seed, cancel);
            return Tensor(VectorLloyd.Clusters(Values, Width, start, iterations, seed, cancel));
        }

        float[] sorted = [.. Values];
        sorted.AsSpan().Sort();
        float[] codewords = ScalarLloyd.Codewords(sorted, most, LloydStart.Linear, iterations, seed, cancel);
        double[] thresholds = codewords.Length == 0 ? [] : NearestLevel.Thresholds(codewords);
        int[] indices = Array.ConvertAll(Values, v => NearestLevel.Index(thresholds, v));
        return new(Shape, 1, Math.Max(1, codewords.Length), codewords.Length == 0 ? [0] : [.. codewords], indices, order: Order);
    }

    /// <summary>One codebook, the codeword of each cluster its mean; clusters without members take no room.</summary>
    public CodebookTensor Tensor(int[] clusters)
    {
        var renamed = new int[clusters.DefaultIfEmpty().Max() + 1];
        int size = 0;
        foreach (int used in clusters.Distinct().Order())
        {
            renamed[used] = size++;
        }

        int[] indices = Array.ConvertAll(clusters, c => renamed[c]);
        size = Math.Max(1, size);
        return new(Shape, Width, size, [.. VectorLloyd.Means(Values, Width, indices, size)], indices, order: Order);
    }
}
