namespace Halftone.Onnx.Opsets;

/// <summary>Upsample became Resize, and Resize 11 said for the first time which coordinates and roundings it means.</summary>
internal static class ResizeChanges
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        OpsetChange.InPlace("Upsample", 9, ScalesToInput),
        OpsetChange.InPlace("Upsample", 10, (node, scope) => node.Proto.OpType = scope.Target == 10 ? "Resize" : node.Op),
        OpsetChange.InPlace("Upsample", 11, UpsampleToResize), // in one go: unlike Resize it always enlarges
        OpsetChange.InPlace("Resize", 11, (node, scope) => SayCoordinates(node, scope, Enlarges(node, scope))),
        OpsetChange.InPlace("Resize", 13, OneOfScalesAndSizes),
    ];

    private static void ScalesToInput(Node node, UpgradeScope scope)
    {
        float[] scales = node.Floats("scales") ?? throw OpsetUpgrade.Refused(node, 9, "it has no scales");
        node.Without("scales");
        node.Proto.Input.Add(scope.Constant(node.Name + "_scales", Tensor.Of(scales, scales.Length)));
    }

    private static void UpsampleToResize(Node node, UpgradeScope scope)
    {
        node.Proto.OpType = "Resize";
        SayCoordinates(node, scope, enlarges: true);
    }

    private static bool Enlarges(Node node, UpgradeScope scope) =>
        scope.ValueOf(node.Input(1)) is { Type: ElementType.Float } value && value.ToFloats().All(s => s >= 1);

    // Before 11 a coordinate was divided by the scale, and nearest took the floor when enlarging. When shrinking, runtimes differ.
    private static void SayCoordinates(Node node, UpgradeScope scope, bool enlarges)
    {
        if (node.Inputs.Count < 2)
        {
            throw OpsetUpgrade.Refused(node, 11, "it has no scales");
        }

        string mode = node.Text("mode", "nearest");
        string scales = node.Input(1);
        if (mode == "nearest" && !enlarges)
        {
            throw OpsetUpgrade.Refused(node, 11, "how it rounds is only certain where constant scales enlarge");
        }

        node.With("mode", mode == "bilinear" ? "linear" : mode).With("coordinate_transformation_mode", "asymmetric");
        if (mode == "nearest")
        {
            node.With("nearest_mode", "floor");
        }

        // 11 asks for a region of interest, which these modes ignore
        node.Proto.Input[1] = scope.Constant(node.Name + "_roi", Tensor.Of(Array.Empty<float>(), 0));
        node.Proto.Input.Add(scales);
    }

    // 11 had scales and sizes both, one of them empty; from 13 on an input is left out instead
    private static void OneOfScalesAndSizes(Node node, UpgradeScope scope)
    {
        if (node.Text("coordinate_transformation_mode", "half_pixel") == "tf_half_pixel_for_nn")
        {
            throw OpsetUpgrade.Refused(node, 13, "tf_half_pixel_for_nn is gone");
        }

        for (int place = 1; place < Math.Min(3, node.Inputs.Count); place++)
        {
            if (scope.ValueOf(node.Input(place)) is { Count: 0 })
            {
                node.Proto.Input[place] = "";
            }
        }
    }
}
