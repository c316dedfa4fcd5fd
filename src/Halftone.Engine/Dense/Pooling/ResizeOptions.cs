using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Pooling;

/// <summary>How Resize finds and weighs the elements that an output is made of.</summary>
internal sealed record ResizeOptions
{
    /// <summary>nearest, linear or cubic.</summary>
    public required string Mode { get; init; }

    /// <summary>coordinate_transformation_mode.</summary>
    public string Coordinates { get; init; } = "asymmetric";

    /// <summary>nearest_mode; "simple" is that of Upsample and Resize 10: upwards when shrinking, else downwards.</summary>
    public string Nearest { get; init; } = "simple";

    public float CubicA { get; init; } = -0.75f;

    public bool ExcludeOutside { get; init; }

    public float Extrapolation { get; init; }

    /// <summary>Whether elements outside the region of interest become <see cref="Extrapolation"/>.</summary>
    public bool Crops => Coordinates == "tf_crop_and_resize";

    /// <summary>Elements along an axis that an output is made of.</summary>
    public int Taps => Mode switch { "nearest" => 1, "linear" => 2, _ => 4 };

    /// <summary>The attributes of Resize from opset 11 on.</summary>
    public static ResizeOptions Of(DenseRequest request)
    {
        Node node = request.Node;
        request.Require(node.Int("antialias", 0) == 0, "antialias is not computed.");
        ResizeOptions options = new()
        {
            Mode = ModeOf(request),
            Coordinates = node.Text("coordinate_transformation_mode", "half_pixel"),
            Nearest = node.Text("nearest_mode", "round_prefer_floor"),
            CubicA = node.Float("cubic_coeff_a", -0.75f),
            ExcludeOutside = node.Int("exclude_outside", 0) != 0,
            Extrapolation = node.Float("extrapolation_value", 0),
        };
        bool coordinates = options.Coordinates is "half_pixel" or "half_pixel_symmetric" or "pytorch_half_pixel" or "align_corners" or "asymmetric" or "tf_half_pixel_for_nn" or "tf_crop_and_resize";
        request.Require(coordinates, $"coordinate_transformation_mode '{options.Coordinates}' is unknown.");
        request.Require(options.Nearest is "round_prefer_floor" or "round_prefer_ceil" or "floor" or "ceil", $"nearest_mode '{options.Nearest}' is unknown.");
        return options;
    }

    /// <summary>The mode, checked.</summary>
    public static string ModeOf(DenseRequest request)
    {
        string mode = request.Node.Text("mode", "nearest");
        request.Require(mode is "nearest" or "linear" or "cubic", $"mode '{mode}' is unknown.");
        return mode;
    }

    /// <summary>Where an output lies among the inputs, in 32-bit floats as ONNX Runtime computes it.</summary>
    /// <param name="output">Which output.</param>
    /// <param name="outputs">How many; where scales are given scale times inputs, which need be no integer, as in ONNX's reference (ONNX Runtime cuts it off).</param>
    /// <param name="inputs">How many inputs.</param>
    /// <param name="scale">Outputs per input.</param>
    /// <param name="start">Where the region of interest begins, and</param>
    /// <param name="end">where it ends, as parts of the inputs.</param>
    public float Coordinate(int output, float outputs, int inputs, float scale, float start, float end) => Coordinates switch
    {
        "half_pixel" => ((output + 0.5f) / scale) - 0.5f,
        "half_pixel_symmetric" => (inputs / 2f * (1 - (MathF.Floor(outputs) / (scale * inputs)))) + ((output + 0.5f) / scale) - 0.5f,
        "pytorch_half_pixel" => outputs > 1 ? ((output + 0.5f) / scale) - 0.5f : 0,
        "align_corners" => outputs == 1 ? 0 : (float)output * (inputs - 1) / (outputs - 1),
        "tf_half_pixel_for_nn" => (output + 0.5f) / scale,
        "tf_crop_and_resize" => outputs > 1 ? (start * (inputs - 1)) + (output * (end - start) * (inputs - 1) / (outputs - 1)) : 0.5f * (start + end) * (inputs - 1),
        _ => output / scale,
    };

    /// <summary>The nearest input of a coordinate; it may lie outside.</summary>
    public float Round(float at, float scale) => Nearest switch
    {
        "simple" => scale < 1 ? MathF.Ceiling(at) : MathF.Floor(at),
        "floor" => MathF.Floor(at),
        "ceil" => MathF.Ceiling(at),
        "round_prefer_ceil" => MathF.Floor(at + 0.5f),
        _ => MathF.Ceiling(at - 0.5f),
    };
}
