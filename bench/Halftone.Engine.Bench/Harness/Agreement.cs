using System.Globalization;
using System.Numerics.Tensors;
using Tensor = Halftone.Onnx.Tensor;

namespace Halftone.Engine.Bench.Harness;

/// <summary>Says what is wrong with a peer's results; null where nothing is.</summary>
internal static class Agreement
{
    // ONNX Runtime keeps some convolutions of a network in float and rounds elsewhere than the engine does; a wrong kernel is far beyond
    private const double MostRelativeError = 0.1;

    /// <summary>Codes must be the same, one by one.</summary>
    public static string? OfCodes(ReadOnlySpan<byte> found, ReadOnlySpan<byte> expected)
    {
        if (found.Length != expected.Length)
        {
            return $"{found.Length} codes instead of {expected.Length}";
        }

        int wrong = 0;
        for (int i = 0; i < found.Length; i++)
        {
            wrong += found[i] == expected[i] ? 0 : 1;
        }

        return wrong == 0 ? null : $"{wrong} of {found.Length} codes differ";
    }

    /// <summary>Floats must be near.</summary>
    public static string? OfFloats(Tensor found, Tensor expected)
    {
        float[] difference = found.ToFloats();
        float[] wanted = expected.ToFloats();
        if (difference.Length != wanted.Length)
        {
            return $"{difference.Length} values instead of {wanted.Length}";
        }

        TensorPrimitives.Subtract(difference, wanted, difference);
        double error = TensorPrimitives.Norm<float>(difference) / TensorPrimitives.Norm<float>(wanted);
        return error <= MostRelativeError ? null : string.Create(CultureInfo.InvariantCulture, $"relative error {error:G3}");
    }
}
