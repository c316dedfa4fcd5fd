using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Halftone.Statistics;

/// <summary>Count, extremes, mean and sum of squared differences from the mean, which two of them combine into (Chan, Golub, LeVeque 1983).</summary>
/// <remarks>Sums are in double precision, over parts that fit the first-level cache and are read twice: once for the mean, once for the squares.</remarks>
internal struct Moments
{
    private const int Part = 4096;

    public long Count;
    public long NonFinite;
    public long Zeros;
    public double Min;
    public double Max;
    public double Mean;
    public double Squares;
    public double Absolute;

    public static Moments Empty => new() { Min = double.PositiveInfinity, Max = double.NegativeInfinity };

    public readonly double Variance => Count == 0 ? 0 : Squares / Count;

    public static Moments Of(ReadOnlySpan<float> values)
    {
        Moments all = Empty;
        for (int at = 0; at < values.Length; at += Part)
        {
            ReadOnlySpan<float> part = values[at..Math.Min(at + Part, values.Length)];
            Moments one = OfFinite(part);

            // the sum of absolute values of finite floats is finite in double precision
            all.Add(double.IsFinite(one.Absolute) ? one : OfSome(part));
        }

        return all;
    }

    public void Add(in Moments other)
    {
        NonFinite += other.NonFinite;
        if (other.Count == 0)
        {
            return;
        }

        long count = Count + other.Count;
        double difference = other.Mean - Mean;
        Mean += difference * other.Count / count;
        Squares += other.Squares + (difference * difference * ((double)Count * other.Count / count));
        Absolute += other.Absolute;
        Min = Math.Min(Min, other.Min);
        Max = Math.Max(Max, other.Max);
        Zeros += other.Zeros;
        Count = count;
    }

    private static Moments OfSome(ReadOnlySpan<float> values)
    {
        float[] kept = ArrayPool<float>.Shared.Rent(values.Length);
        int count = 0;
        foreach (float value in values)
        {
            if (float.IsFinite(value))
            {
                kept[count++] = value;
            }
        }

        Moments moments = count == 0 ? Empty : OfFinite(kept.AsSpan(0, count));
        moments.NonFinite = values.Length - count;
        ArrayPool<float>.Shared.Return(kept);
        return moments;
    }

    // the first batches are large, too: these loops are not left to be compiled well only after many calls
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Moments OfFinite(ReadOnlySpan<float> values)
    {
        var min = new Vector<float>(float.PositiveInfinity);
        var max = new Vector<float>(float.NegativeInfinity);
        Vector<double> sum = Vector<double>.Zero;
        Vector<double> absolute = Vector<double>.Zero;
        Vector<int> zeros = Vector<int>.Zero;
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var x = new Vector<float>(values[i..]);
            min = Vector.MinNative(min, x);
            max = Vector.MaxNative(max, x);
            zeros -= Vector.Equals(x, Vector<float>.Zero);
            Vector.Widen(x, out Vector<double> low, out Vector<double> high);
            sum += low + high;
            absolute += Vector.Abs(low) + Vector.Abs(high);
        }

        var moments = new Moments
        {
            Count = values.Length,
            Min = double.PositiveInfinity,
            Max = double.NegativeInfinity,
            Absolute = Vector.Sum(absolute),
            Zeros = Vector.Sum(zeros),
        };
        double total = Vector.Sum(sum);
        for (int lane = 0; lane < Vector<float>.Count; lane++)
        {
            moments.Min = Math.Min(moments.Min, min[lane]);
            moments.Max = Math.Max(moments.Max, max[lane]);
        }

        for (; i < values.Length; i++)
        {
            double x = values[i];
            moments.Min = Math.Min(moments.Min, x);
            moments.Max = Math.Max(moments.Max, x);
            moments.Absolute += Math.Abs(x);
            moments.Zeros += x == 0 ? 1 : 0;
            total += x;
        }

        // of equal values the sum may round; the mean must still be that value, and the variance 0
        moments.Mean = Math.Clamp(total / values.Length, moments.Min, Math.Max(moments.Min, moments.Max));
        moments.Squares = SquaresAround(values, moments.Mean);
        return moments;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double SquaresAround(ReadOnlySpan<float> values, double mean)
    {
        var centre = new Vector<double>(mean);
        Vector<double> sum = Vector<double>.Zero;
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[i..]), out Vector<double> low, out Vector<double> high);
            low -= centre;
            high -= centre;
            sum += (low * low) + (high * high);
        }

        double total = Vector.Sum(sum);
        for (; i < values.Length; i++)
        {
            total += (values[i] - mean) * (values[i] - mean);
        }

        return total;
    }
}
