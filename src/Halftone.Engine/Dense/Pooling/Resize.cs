using System.Numerics;
using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Pooling;

/// <summary>Resize and Upsample, of floats and codes. Interpolated codes are cut off towards 0 after clamping, as ONNX Runtime does.</summary>
internal static unsafe class Resize
{
    private const int MostAxes = 3; // interpolated ones
    private const int MostTaps = 64;

    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Resize", Ready), ("Upsample", ReadyUpsample)];

    private static DensePlan ReadyUpsample(DenseRequest request)
    {
        float[] scales = request.Node.Floats("scales") ?? Floats(request, 1);
        request.Require(scales.All(s => s >= 1), "scales below 1 shrink.");
        return Plan(request, new ResizeOptions { Mode = ResizeOptions.ModeOf(request) }, scales, null);
    }

    private static DensePlan Ready(DenseRequest request)
    {
        if (request.Opset < 11)
        {
            return Plan(request, new ResizeOptions { Mode = ResizeOptions.ModeOf(request) }, Floats(request, 1), null);
        }

        ResizeOptions options = ResizeOptions.Of(request);
        TensorType x = request.Input(0, ElementType.Float, ElementType.UInt8, ElementType.Int8);
        int[] axes = [.. (request.Node.Ints("axes") ?? [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)]).Select(a => request.Axis(a, x.Rank))];
        request.Require(axes.Distinct().Count() == axes.Length, "its axes repeat.");
        bool byScale = request.Has(2) && request.Input(2).Count > 0;
        request.Require(byScale != (request.Has(3) && request.Input(3).Count > 0), "it needs either scales or sizes.");
        float[] scales = [.. Enumerable.Repeat(1f, x.Rank)];
        int[]? sizes = byScale ? null : [.. x.Dims];
        if (byScale)
        {
            Spread(request, axes, Floats(request, 2), scales, 1);
        }
        else
        {
            Sizes(request, x, axes, scales, sizes!);
        }

        float[] roi = [.. Enumerable.Repeat(0f, x.Rank), .. Enumerable.Repeat(1f, x.Rank)];
        if (options.Crops)
        {
            Spread(request, axes, Floats(request, 1), roi, 2);
        }

        return Plan(request, options, scales, sizes, roi);
    }

    private static void Sizes(DenseRequest request, TensorType x, int[] axes, float[] scales, int[] sizes)
    {
        long[] wanted = request.Known(3).ToInt64s();
        request.Require(wanted.Length == axes.Length && wanted.All(w => w is >= 1 and < int.MaxValue / 2), $"its {wanted.Length} sizes do not fit {axes.Length} axes, or are below 1.");
        string policy = request.Node.Text("keep_aspect_ratio_policy", "stretch");
        request.Require(policy is "stretch" or "not_larger" or "not_smaller", $"keep_aspect_ratio_policy '{policy}' is unknown.");
        float[] ratios = [.. axes.Select((a, i) => (float)wanted[i] / x.Dims[a])];
        request.Require(ratios.All(float.IsFinite), "the image is empty.");
        for (int i = 0; i < axes.Length; i++)
        {
            scales[axes[i]] = policy switch { "not_larger" => ratios.Min(), "not_smaller" => ratios.Max(), _ => ratios[i] };
            double length = policy == "stretch" ? wanted[i] : Math.Floor((scales[axes[i]] * x.Dims[axes[i]]) + 0.5f);
            request.Require(length < int.MaxValue / 2, "a size is too large.");
            sizes[axes[i]] = (int)length;
        }
    }

    private static void Spread(DenseRequest request, int[] axes, float[] given, float[] all, int rows)
    {
        request.Require(given.Length == rows * axes.Length, $"{given.Length} numbers do not fit {axes.Length} axes.");
        for (int i = 0; i < given.Length; i++)
        {
            all[(i / axes.Length * (all.Length / rows)) + axes[i % axes.Length]] = given[i];
        }
    }

    private static float[] Floats(DenseRequest request, int input)
    {
        Tensor known = request.Known(input);
        request.Require(known.Type is ElementType.Float or ElementType.Float16 or ElementType.Double, $"its input {input} holds no floats.");
        return known.ToFloats();
    }

    private static DensePlan Plan(DenseRequest request, ResizeOptions options, float[] scales, int[]? sizes, float[]? roi = null)
    {
        TensorType x = request.Input(0, ElementType.Float, ElementType.UInt8, ElementType.Int8);
        request.Require(scales.Length == x.Rank && x.Rank >= 1, $"its {scales.Length} scales do not fit {x}.");
        request.Require(request.Count(x.Dims.AsSpan()) > 0, "the image is empty.");
        var output = new int[x.Rank];
        for (int i = 0; i < x.Rank; i++)
        {
            float length = sizes is null ? MathF.Floor(scales[i] * x.Dims[i]) : sizes[i];
            request.Require(scales[i] > 0 && length is >= 1 and < int.MaxValue / 4, $"axis {i} of {x} would get the length {length}.");
            output[i] = (int)length;
        }

        TensorType type = request.Output(x.Element, output);
        var axes = new ResizeTaps[x.Rank];
        int stride = 1;
        for (int i = x.Rank - 1; i >= 0; stride *= x.Dims[i--])
        {
            bool same = output[i] == x.Dims[i] && scales[i] == 1 && !options.Crops;
            axes[i] = same ? ResizeTaps.Same(output[i], stride) : ResizeTaps.Of(options, x.Dims[i], output[i], sizes is null ? scales[i] * x.Dims[i] : output[i], stride, scales[i], roi?[i] ?? 0, roi?[i + x.Rank] ?? 1);
        }

        axes = Simplified(options, axes);
        request.Require(axes.Count(a => a.Taps > 1) <= MostAxes, $"more than {MostAxes} axes are interpolated.");
        int rows = Requirements.Product(output.AsSpan()[..^1]);
        DenseKernel kernel = x.Element switch
        {
            ElementType.Float => Kernel<float>(axes, rows, options.Extrapolation),
            ElementType.UInt8 => Kernel<byte>(axes, rows, options.Extrapolation),
            _ => Kernel<sbyte>(axes, rows, options.Extrapolation),
        };
        return new DensePlan([type], kernel) { MostParts = Parts.MostUnits(rows) };
    }

    /// <summary>Cropping makes tables of axes that stay as they are; those need one element each.</summary>
    private static ResizeTaps[] Simplified(ResizeOptions options, ResizeTaps[] axes) =>
        !options.Crops ? axes : [.. axes.Select(a => a.Taps > 1 && Enumerable.Range(0, a.Length).All(o => Alone(a, o)) ? One(a) : a)];

    private static bool Alone(ResizeTaps axis, int output) => axis.Weight.AsSpan(output * axis.Taps, axis.Taps).ToArray().Count(w => w != 0) == 1;

    private static ResizeTaps One(ResizeTaps axis)
    {
        int[] places = [.. Enumerable.Range(0, axis.Length).Select(o => (o * axis.Taps) + Array.FindIndex(axis.Weight[(o * axis.Taps)..((o + 1) * axis.Taps)], w => w != 0))];
        return axis with { Taps = 1, Index = [.. places.Select(p => axis.Index[p])], Weight = [.. places.Select(p => axis.Weight[p])] };
    }

    private static DenseKernel Kernel<T>(ResizeTaps[] axes, int rows, float extrapolation)
        where T : unmanaged, INumber<T> => (inputs, outputs, _, part, parts) =>
    {
        ResizeTaps last = axes[^1];
        int* offsets = stackalloc int[MostTaps];
        float* weights = stackalloc float[MostTaps];
        (int begin, int end) = Parts.Units(rows, part, parts);
        for (int row = begin; row < end; row++)
        {
            int count = Outer(axes, row, offsets, weights);
            T* y = (T*)outputs[0] + ((long)row * last.Length);
            for (int o = 0; o < last.Length; o++)
            {
                y[o] = count == 0 || (last.Outside is { } outside && outside[o]) ? Convert<T>(extrapolation)
                    : count == 1 && last.Taps == 1 ? ((T*)inputs[0])[offsets[0] + last.Index[o]]
                    : Convert<T>(Sum((T*)inputs[0], last, o, count, offsets, weights));
            }
        }
    };

    private static float Sum<T>(T* x, ResizeTaps last, int output, int count, int* offsets, float* weights)
        where T : unmanaged, INumber<T>
    {
        float sum = 0;
        for (int i = 0; i < count; i++)
        {
            float line = 0;
            for (int t = output * last.Taps; t < (output + 1) * last.Taps; t++)
            {
                line += last.Weight[t] * float.CreateTruncating(x[offsets[i] + last.Index[t]]);
            }

            sum += weights[i] * line;
        }

        return sum;
    }

    /// <summary>The lines that a row is made of, all axes but the last; 0 where it lies outside.</summary>
    private static int Outer(ResizeTaps[] axes, int row, int* offsets, float* weights)
    {
        int count = 1;
        offsets[0] = 0;
        weights[0] = 1;
        for (int axis = axes.Length - 2; axis >= 0; axis--)
        {
            ResizeTaps at = axes[axis];
            int output = row % at.Length;
            row /= at.Length;
            if (at.Outside is { } outside && outside[output])
            {
                return 0;
            }

            for (int t = at.Taps - 1; t >= 0; t--)
            {
                for (int i = 0; i < count; i++)
                {
                    offsets[(t * count) + i] = offsets[i] + at.Index[(output * at.Taps) + t];
                    weights[(t * count) + i] = weights[i] * at.Weight[(output * at.Taps) + t];
                }
            }

            count *= at.Taps;
        }

        return count;
    }

    private static T Convert<T>(float value)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? T.CreateTruncating(value) : T.CreateSaturating(value);
}
