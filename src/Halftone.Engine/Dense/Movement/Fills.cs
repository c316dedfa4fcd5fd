using System.Runtime.InteropServices;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Operators whose output is known as soon as lengths are: Constant, ConstantOfShape, Shape, Size and Range.</summary>
internal static class Fills
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Constant", Constant),
        ("ConstantOfShape", ConstantOfShape),
        ("Shape", Shape),
        ("Size", r => Known(r, Tensor.Scalar(r.Input(0).Count))),
        ("Range", Range),
    ];

    private static DensePlan Known(DenseRequest request, Tensor value) =>
        Copies.Known(request.Type(value.Type, value.Dims.AsSpan()), value.Bytes.ToArray());

    private static DensePlan Constant(DenseRequest request)
    {
        Node node = request.Node;
        Tensor? value = node.TensorAttribute("value")
            ?? (node.Has("value_float") ? Tensor.Scalar(node.Float("value_float", 0)) : null)
            ?? (node.Has("value_int") ? Tensor.Scalar(node.Int("value_int", 0)) : null)
            ?? (node.Floats("value_floats") is { } floats ? Tensor.Of(floats, floats.Length) : null)
            ?? (node.Ints("value_ints") is { } ints ? Tensor.Of(ints, ints.Length) : null);
        return Known(request, value ?? throw request.Refusal("its value is no tensor of numbers."));
    }

    private static DensePlan ConstantOfShape(DenseRequest request)
    {
        Tensor value = request.Node.TensorAttribute("value") ?? (request.Node.Has("value") ? throw request.Refusal("its value is no tensor of numbers.") : Tensor.Scalar(0f));
        if (value.Count != 1)
        {
            throw request.Refusal($"its value has {value.Count} elements, not one.");
        }

        TensorType y = request.Type(value.Type, request.Integers(0));
        ReadOnlySpan<byte> one = value.Bytes;
        var bytes = new byte[y.Bytes];
        for (int i = 0; i < bytes.Length; i += one.Length)
        {
            one.CopyTo(bytes.AsSpan(i));
        }

        return Copies.Known(y, bytes);
    }

    private static DensePlan Shape(DenseRequest request)
    {
        TensorType x = request.Input(0);
        int start = Bound(request.Node.Int("start", 0), x.Rank);
        int end = Bound(request.Node.Int("end", x.Rank), x.Rank);
        long[] dims = [.. x.Dims.Select(d => (long)d).Take(end).Skip(start)];
        return Known(request, Tensor.Of(dims, dims.Length));
    }

    private static int Bound(long at, int rank) => (int)Math.Clamp(at < 0 ? at + rank : at, 0, rank);

    private static DensePlan Range(DenseRequest request)
    {
        (Tensor start, Tensor limit, Tensor delta) = (request.Known(0), request.Known(1), request.Known(2));
        if (start.Count != 1 || limit.Count != 1 || delta.Count != 1 || limit.Type != start.Type || delta.Type != start.Type)
        {
            throw request.Refusal("start, limit and delta are not scalars of one type.");
        }

        return start.Type switch
        {
            ElementType.Float => Steps<float>(request, start, limit, delta),
            ElementType.Double => Steps<double>(request, start, limit, delta),
            ElementType.Int16 => Steps<short>(request, start, limit, delta),
            ElementType.Int32 => Steps<int>(request, start, limit, delta),
            ElementType.Int64 => Steps<long>(request, start, limit, delta),
            _ => throw request.Refusal($"it does not count in {start.Type.OnnxName()}."),
        };
    }

    private static DensePlan Steps<T>(DenseRequest request, Tensor start, Tensor limit, Tensor delta)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        (T from, T to, T step) = (start.As<T>()[0], limit.As<T>()[0], delta.As<T>()[0]);
        decimal? exact = T.IsInteger(step) && typeof(T) != typeof(float) && typeof(T) != typeof(double) && !T.IsZero(step)
            ? decimal.Ceiling((decimal.CreateChecked(to) - decimal.CreateChecked(from)) / decimal.CreateChecked(step)) : null;
        double count = exact is { } known ? (double)known : Math.Ceiling((double.CreateChecked(to) - double.CreateChecked(from)) / double.CreateChecked(step));
        TensorType y = request.Type(start.Type, !(count > 0) ? 0 : count > Lengths.MostBytes ? long.MaxValue : (long)count);
        if (double.IsNaN(count) || T.IsZero(step))
        {
            throw request.Refusal($"there is no range from {from} to {to} in steps of {step}.");
        }

        var bytes = new byte[y.Bytes];
        Span<T> values = MemoryMarshal.Cast<byte, T>(bytes.AsSpan());
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = from + (T.CreateTruncating(i) * step);
        }

        return Copies.Known(y, bytes);
    }
}
