using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Pooling;

/// <summary>How Resize finds and weighs the elements that an output is made of.</summary>
internal sealed record ResizeOptions
{
    /// <summary>nearest, linear or cubic.</summary>
    public required string Mode { get; init; }

    /// <summary>coordinate_transformation_mode.</summary>
    public ResizeCoordinates Coordinates { get; init; } = ResizeCoordinates.Asymmetric;

    /// <summary>nearest_mode.</summary>
    public ResizeNearestMode Nearest { get; init; } = ResizeNearestMode.Simple;

    public float CubicA { get; init; } = -0.75f;

    public bool ExcludeOutside { get; init; }

    public float Extrapolation { get; init; }

    /// <summary>Whether elements outside the region of interest become <see cref="Extrapolation"/>.</summary>
    public bool Crops => Coordinates is ResizeCoordinates.TfCropAndResize;

    /// <summary>Elements along an axis that an output is made of.</summary>
    public int Taps => Mode switch { "nearest" => 1, "linear" => 2, _ => 4 };

    /// <summary>The attributes of Resize from opset 11 on.</summary>
    public static ResizeOptions Of(DenseRequest request)
    {
        Node node = request.Node;
        request.Require(node.Int("antialias", 0) == 0, "antialias is not computed.");
        return new ResizeOptions
        {
            Mode = ModeOf(request),
            Coordinates = CoordinatesOf(request),
            Nearest = NearestOf(request),
            CubicA = node.Float("cubic_coeff_a", -0.75f),
            ExcludeOutside = node.Int("exclude_outside", 0) != 0,
            Extrapolation = node.Float("extrapolation_value", 0),
        };
    }

    /// <summary>The mode, checked.</summary>
    public static string ModeOf(DenseRequest request)
    {
        string mode = request.Node.Text("mode", "nearest");
        request.Require(mode is "nearest" or "linear" or "cubic", $"mode '{mode}' is unknown.");
        return mode;
    }

    private static ResizeCoordinates CoordinatesOf(DenseRequest request) => request.Node.Text("coordinate_transformation_mode", "half_pixel") switch
    {
        "half_pixel" => ResizeCoordinates.HalfPixel,
        "half_pixel_symmetric" => ResizeCoordinates.HalfPixelSymmetric,
        "pytorch_half_pixel" => ResizeCoordinates.PytorchHalfPixel,
        "align_corners" => ResizeCoordinates.AlignCorners,
        "asymmetric" => ResizeCoordinates.Asymmetric,
        "tf_half_pixel_for_nn" => ResizeCoordinates.TfHalfPixelForNn,
        "tf_crop_and_resize" => ResizeCoordinates.TfCropAndResize,
        var other => throw request.Refusal($"coordinate_transformation_mode '{other}' is unknown."),
    };

    private static ResizeNearestMode NearestOf(DenseRequest request) => request.Node.Text("nearest_mode", "round_prefer_floor") switch
    {
        "round_prefer_floor" => ResizeNearestMode.RoundPreferFloor,
        "round_prefer_ceil" => ResizeNearestMode.RoundPreferCeil,
        "floor" => ResizeNearestMode.Floor,
        "ceil" => ResizeNearestMode.Ceil,
        var other => throw request.Refusal($"nearest_mode '{other}' is unknown."),
    };
}
