using System.Globalization;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>Compares a tensor with what a model's input declares.</summary>
internal static class InputShape
{
    /// <summary>Declared lengths for messages: float [?,3,224,224].</summary>
    public static string Text(ValueInfo input) =>
        $"{input.Type.OnnxName()} [{(input.Dims is null ? "unknown" : string.Join(",", input.Dims.Select(d => d?.ToString(CultureInfo.InvariantCulture) ?? "?")))}]";

    /// <summary>Whether lengths fit the declared ones from an axis on.</summary>
    public static bool Fits(ValueInfo input, ReadOnlySpan<long> dims, int from = 0)
    {
        if (input.Dims is null)
        {
            return true;
        }

        if (input.Dims.Count != dims.Length)
        {
            return false;
        }

        for (int axis = from; axis < dims.Length; axis++)
        {
            if (input.Dims[axis] is long declared && declared != dims[axis])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What does not fit, in one sentence that names input, expected and actual; null if all does.</summary>
    public static string? Misfit(ValueInfo input, Tensor tensor, string name)
    {
        string actual = $"'{name}' gives {tensor.Type.OnnxName()} [{string.Join(",", tensor.Dims)}]";
        if (tensor.Type != input.Type && input.Type != ElementType.Undefined)
        {
            return $"The input '{input.Name}' takes {Text(input)}, but {actual}: another element type.";
        }

        if (Fits(input, tensor.Dims.AsSpan()))
        {
            return null;
        }

        string hint = input.Dims!.Count != tensor.Dims.Length ? "another number of axes."
            : SwapsLayout(input, tensor.Dims.AsSpan()) ? "the channels stand on the other side; set the layout of the preprocessing to nchw or nhwc, as the model takes it."
            : "other lengths.";
        return $"The input '{input.Name}' takes {Text(input)}, but {actual}: {hint}";
    }

    /// <summary>Whether lengths would fit with the channels moved from last to second, or back.</summary>
    public static bool SwapsLayout(ValueInfo input, ReadOnlySpan<long> dims) =>
        dims.Length == 4 && (Fits(input, [dims[0], dims[3], dims[1], dims[2]], from: 1) || Fits(input, [dims[0], dims[2], dims[3], dims[1]], from: 1));

    /// <summary>Whether samples may be stacked along this input's first axis.</summary>
    public static bool Stacks(ValueInfo input) => input.Dims is null || (input.Dims.Count > 0 && input.Dims[0] is null);

    /// <summary>Zeros of an input's declared lengths, free ones being 1.</summary>
    public static Tensor Zeros(ValueInfo input)
    {
        long[] dims = [.. (input.Dims ?? throw new DataException($"The state input '{input.Name}' declares no lengths; give its first value in the data.")).Select(d => d ?? 1)];
        long bytes = input.Type.ByteCount(dims.Aggregate(1L, (a, b) => checked(a * b)));
        return bytes <= StoredBytes.MostInMemory
            ? new Tensor(input.Type, dims, new byte[bytes])
            : throw new DataException($"The state input '{input.Name}' {Text(input)} would take {bytes} bytes.");
    }
}
