namespace Halftone.Engine.Kernels.Pointwise;

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
            float near = mode.Nearest(Original(i), Scale);
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

    private float Original(int output) => Scale == 1 ? output : Coordinates.Original(output, Output, Input, Scale);
}
