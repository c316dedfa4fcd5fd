namespace Halftone.Engine.Dense.Pooling;

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

    /// <summary>half_pixel_symmetric</summary>
    HalfPixelSymmetric,

    /// <summary>tf_half_pixel_for_nn</summary>
    TfHalfPixelForNn,

    /// <summary>tf_crop_and_resize</summary>
    TfCropAndResize,
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

    /// <summary>That of Upsample and Resize 10, which have no such attribute: upwards when shrinking, else downwards.</summary>
    Simple,
}

/// <summary>Resize's coordinates, in the 32-bit arithmetic of ONNX Runtime.</summary>
internal static class ResizeMapping
{
    /// <summary>ONNX Runtime takes what is no farther from the middle of two pixels for the middle.</summary>
    private const float Middle = 1e-6f;

    /// <summary>Where an output pixel lies among those of the input; it may lie outside.</summary>
    /// <param name="coordinates">The mapping.</param>
    /// <param name="output">Which output pixel.</param>
    /// <param name="outputs">How many; scale times inputs need be no integer.</param>
    /// <param name="inputs">How many input pixels.</param>
    /// <param name="scale">Outputs per input.</param>
    /// <param name="start">Where the region of interest begins, and</param>
    /// <param name="end">where it ends, as parts of the input.</param>
    public static float Original(this ResizeCoordinates coordinates, int output, float outputs, int inputs, float scale, float start = 0, float end = 1) => coordinates switch
    {
        ResizeCoordinates.HalfPixel => ((output + 0.5f) / scale) - 0.5f,
        ResizeCoordinates.PytorchHalfPixel => outputs > 1 ? ((output + 0.5f) / scale) - 0.5f : 0,
        ResizeCoordinates.Asymmetric => output / scale,
        ResizeCoordinates.AlignCorners => outputs == 1 ? 0 : (float)output * (inputs - 1) / (outputs - 1),
        ResizeCoordinates.HalfPixelSymmetric => (float)((inputs / 2f * (1 - (MathF.Floor(outputs) / (scale * inputs)))) + ((output + 0.5) / scale) - 0.5),
        ResizeCoordinates.TfHalfPixelForNn => (output + 0.5f) / scale,
        _ => outputs > 1 ? (start * (inputs - 1)) + (output * (end - start) * (inputs - 1) / (outputs - 1)) : 0.5f * (start + end) * (inputs - 1),
    };

    /// <summary>The pixel nearest to a coordinate; it may lie outside.</summary>
    public static float Nearest(this ResizeNearestMode mode, float at, float scale) => mode switch
    {
        ResizeNearestMode.Floor => MathF.Floor(at),
        ResizeNearestMode.Ceil => MathF.Ceiling(at),
        ResizeNearestMode.Simple => scale < 1 ? MathF.Ceiling(at) : MathF.Floor(at),
        _ when MathF.Abs(at - MathF.Floor(at) - 0.5f) > Middle => MathF.Round(at),
        ResizeNearestMode.RoundPreferFloor => MathF.Floor(at),
        _ => MathF.Ceiling(at),
    };
}
