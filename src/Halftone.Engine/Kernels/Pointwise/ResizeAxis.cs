namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Where Resize finds an output coordinate in the input, as ONNX spells it.</summary>
internal enum ResizeCoordinates
{
    /// <summary>half_pixel</summary>
    HalfPixel,

    /// <summary>pytorch_half_pixel</summary>
    PytorchHalfPixel,

    /// <summary>asymmetric</summary>
    Asymmetric,

    /// <summary>align_corners</summary>
    AlignCorners,
}

/// <summary>Which pixel Resize takes for the nearest, as ONNX spells it.</summary>
internal enum ResizeNearestMode
{
    /// <summary>round_prefer_floor</summary>
    RoundPreferFloor,

    /// <summary>round_prefer_ceil</summary>
    RoundPreferCeil,

    /// <summary>floor</summary>
    Floor,

    /// <summary>ceil</summary>
    Ceil,
}

/// <summary>Two input pixels an output pixel and their weights, along one axis.</summary>
/// <param name="First">The pixel before.</param>
/// <param name="Second">The pixel after; the same at the end.</param>
/// <param name="FirstWeight">Weight of the first.</param>
/// <param name="SecondWeight">Weight of the second.</param>
internal sealed record LinearAxis(int[] First, int[] Second, float[] FirstWeight, float[] SecondWeight);

/// <summary>Coordinates of Resize along one axis, in the 32-bit arithmetic of ONNX Runtime; made once, when a model is compiled.</summary>
/// <param name="Coordinates">The mapping.</param>
/// <param name="Input">Pixels of the input.</param>
/// <param name="Output">Pixels of the output.</param>
/// <param name="Scale">The scale the model names, or output over input where it names sizes.</param>
internal readonly record struct ResizeAxis(ResizeCoordinates Coordinates, int Input, int Output, float Scale)
{
    /// <summary>The input pixel nearest to each output pixel.</summary>
    public int[] Nearest(ResizeNearestMode mode)
    {
        var pixels = new int[Output];
        for (int i = 0; i < Output; i++)
        {
            float at = Original(i);
            float near = mode switch
            {
                ResizeNearestMode.Floor => MathF.Floor(at),
                ResizeNearestMode.Ceil => MathF.Ceiling(at),
                ResizeNearestMode.RoundPreferFloor => at == (int)at + 0.5f ? MathF.Floor(at) : MathF.Round(at, MidpointRounding.AwayFromZero),
                _ => MathF.Round(at, MidpointRounding.AwayFromZero),
            };
            pixels[i] = Math.Clamp((int)near, 0, Input - 1);
        }

        return pixels;
    }

    /// <summary>The input pixels around each output pixel.</summary>
    public LinearAxis Linear()
    {
        var axis = new LinearAxis(new int[Output], new int[Output], new float[Output], new float[Output]);
        for (int i = 0; i < Output; i++)
        {
            float at = Math.Clamp(Original(i), 0, Input - 1);
            int first = Math.Min((int)at, Input - 1);
            int second = Math.Min(first + 1, Input - 1);
            (axis.First[i], axis.Second[i]) = (first, second);
            (axis.FirstWeight[i], axis.SecondWeight[i]) = first == second ? (0.5f, 0.5f) : (MathF.Abs(at - second), MathF.Abs(at - first));
        }

        return axis;
    }

    private float Original(int output) =>
        Scale == 1 ? output
        : Coordinates switch
        {
            ResizeCoordinates.Asymmetric => output / Scale,
            ResizeCoordinates.AlignCorners => Output == 1 ? 0 : (float)output * (Input - 1) / (Output - 1),
            ResizeCoordinates.PytorchHalfPixel when Output <= 1 => 0,
            _ => ((output + 0.5f) / Scale) - 0.5f,
        };
}
