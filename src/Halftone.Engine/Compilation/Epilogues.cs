using Halftone.Engine.Kernels;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>How sums end, in the arithmetic the caller asked for.</summary>
internal static class Epilogues
{
    /// <summary>Sums to codes.</summary>
    /// <param name="node">Named where a scale is refused.</param>
    /// <param name="form">The arithmetic.</param>
    /// <param name="input">Scale of the input.</param>
    /// <param name="weight">Scale of a channel's weights.</param>
    /// <param name="channels">Number of channels.</param>
    /// <param name="output">The codes.</param>
    /// <exception cref="ModelException">The arithmetic cannot hold a scale.</exception>
    public static Epilogue ToCodes(Node node, Requantization form, float input, Func<int, float> weight, int channels, OutputCodes output)
    {
        if (form == Requantization.Float)
        {
            // in floats and in this order, as ONNX Runtime computes it
            float[] scales = [.. Enumerable.Range(0, channels).Select(c => input * weight(c) / output.Range.Scale)];
            return new FloatRequantize(scales, output.Range.ZeroPoint, output.Least, output.Most);
        }

        try
        {
            (int Multiplier, int Exponent)[] scales = [.. Enumerable.Range(0, channels).Select(c => FixedScale(form, input, weight(c), output.Range.Scale))];
            return new FixedPointRequantize(
                Form(form), [.. scales.Select(s => s.Multiplier)], [.. scales.Select(s => s.Exponent)], output.Range.ZeroPoint, output.Least, output.Most);
        }
        catch (ArgumentException error)
        {
            throw new ModelException($"Node '{node.Name}' ({node.Op}) cannot be requantized as asked: {error.Message}", error);
        }
    }

    /// <summary>The epilogue of some of the channels.</summary>
    public static Epilogue Part(Epilogue epilogue, int first, int count) => epilogue switch
    {
        FloatRequantize f => f with { Scale = f.Scale[first..(first + count)] },
        FixedPointRequantize f => f with { Multiplier = f.Multiplier[first..(first + count)], Exponent = f.Exponent[first..(first + count)] },
        _ => epilogue,
    };

    private static FixedPointForm Form(Requantization form) => form switch
    {
        Requantization.DoubleRounding => FixedPointForm.DoubleRounding,
        Requantization.SingleRounding => FixedPointForm.SingleRounding,
        _ => FixedPointForm.Q31,
    };

    // TensorFlow Lite multiplies scales in 64 bits, QNNPACK in 32
    private static (int Multiplier, int Exponent) FixedScale(Requantization form, float input, float weight, float output) =>
        form == Requantization.Q31 ? FixedPoint.FromQ31Scale(input * weight / output) : FixedPoint.FromScale((double)input * weight / output);
}
