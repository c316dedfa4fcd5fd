namespace Halftone.Onnx.Opsets;

/// <summary>Operators and modes that got another name, and attributes whose default changed.</summary>
internal static class RenamedAndDefaults
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        OpsetChange.InPlace("Scatter", 11, (node, _) => node.Proto.OpType = "ScatterElements"),

        // before 16, coordinates were not shifted by half a pixel
        OpsetChange.InPlace("RoiAlign", 16, (node, _) =>
        {
            if (!node.Has("coordinate_transformation_mode"))
            {
                node.With("coordinate_transformation_mode", "output_half_pixel");
            }
        }),
        OpsetChange.InPlace("GridSample", 20, (node, _) =>
        {
            string mode = node.Text("mode", "bilinear");
            node.With("mode", mode switch { "bilinear" => "linear", "bicubic" => "cubic", _ => mode });
        }),
    ];
}
