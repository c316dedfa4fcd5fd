using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>Values for a model's inputs, one at a time: out of files of their own, or made up.</summary>
public static class InputTensors
{
    /// <summary>Reads a tensor for an input: a .npy file, whose elements are brought to the input's type, or a TensorProto file (.pb).</summary>
    /// <exception cref="DataException">It cannot be read, or does not fit the input.</exception>
    public static Tensor Read(ValueInfo input, string path)
    {
        Tensor tensor = Path.GetExtension(path).Equals(".npy", StringComparison.OrdinalIgnoreCase) ? Cast(NpyFile.Read(path), input, path) : OfProto(path);
        return InputShape.Misfit(input, tensor, path) is { } misfit ? throw new DataException(misfit) : tensor;
    }

    /// <summary>Random values of an input's type: floats from 0 to 1, integers of 0 and 1, which every vocabulary, mask and index holds. Lengths that the model leaves free are 1.</summary>
    /// <exception cref="DataException">The input declares no lengths, or a type that is not made up.</exception>
    public static Tensor Random(ValueInfo input, Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (input.Dims is null)
        {
            throw new DataException($"The input '{input.Name}' declares no lengths, so that no values can be made up for it; give them.");
        }

        long[] dims = [.. input.Dims.Select(d => d ?? 1)];
        float[] values = new float[dims.Aggregate(1L, (a, b) => checked(a * b))];
        bool whole = input.Type is not (ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = whole ? random.Next(2) : random.NextSingle();
        }

        return ElementCast.FromFloats(values, input.Type, dims, ElementCast.Rounding.Exact, $"The input '{input.Name}'");
    }

    private static Tensor Cast(Tensor stored, ValueInfo input, string path) =>
        input.Type == ElementType.Undefined ? stored : ElementCast.To(stored, input.Type, $"'{path}'");

    private static Tensor OfProto(string path)
    {
        try
        {
            return TensorFile.Read(path);
        }
        catch (Exception error) when (error is ModelException or IOException)
        {
            throw new DataException(error is ModelException ? error.Message : $"'{path}' cannot be read: {error.Message}", error);
        }
    }
}
