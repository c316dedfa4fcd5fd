namespace Halftone.Onnx.Opsets;

/// <summary>BatchNormalization and Dropout: what belongs to training moved, or changed its type. For inference only the first output counts.</summary>
internal static class TrainingOutputs
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        OpsetChange.InPlace("BatchNormalization", 9, (node, _) =>
        {
            if (node.Int("spatial", 1) != 1)
            {
                throw OpsetUpgrade.Refused(node, 9, "spatial = 0 is gone");
            }

            node.Without("spatial");
        }),
        OpsetChange.InPlace("BatchNormalization", 14, (node, _) =>
        {
            if (node.Outputs.Skip(1).Any(o => o.Length > 0))
            {
                throw OpsetUpgrade.Refused(node, 14, "with further outputs it trained");
            }

            OnlyFirstOutput(node);
        }),

        // the mask became bool; most files name one that nobody reads
        OpsetChange.InPlace("Dropout", 10, (node, scope) =>
        {
            if (scope.IsRead(node.Output(1)))
            {
                throw OpsetUpgrade.Refused(node, 10, "its mask");
            }

            OnlyFirstOutput(node);
        }),

        // the ratio matters in training alone, and without the input that asks for it Dropout does nothing
        OpsetChange.InPlace("Dropout", 12, (node, scope) =>
        {
            if (node.Has("ratio"))
            {
                node.Proto.Input.Add(scope.Constant(node.Name + "_ratio", Tensor.Scalar(node.Float("ratio", 0.5f))));
                node.Without("ratio");
            }
        }),
    ];

    private static void OnlyFirstOutput(Node node)
    {
        while (node.Outputs.Count > 1)
        {
            node.Proto.Output.RemoveAt(node.Outputs.Count - 1);
        }
    }
}
