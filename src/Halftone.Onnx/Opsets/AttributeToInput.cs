namespace Halftone.Onnx.Opsets;

/// <summary>Operators whose attributes became inputs.</summary>
internal static class AttributeToInput
{
    private static readonly string[] s_reductions =
        ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"];

    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        OpsetChange.InPlace("Slice", 10, Slice),
        OpsetChange.InPlace("TopK", 10, (node, scope) => Move(node, scope, "k", 1, node.Int("k", 0) is var k ? Tensor.Of([k], 1) : null)),
        OpsetChange.InPlace("Clip", 11, Clip),
        OpsetChange.InPlace("Pad", 11, Pad),
        OpsetChange.InPlace("Split", 13, (node, scope) => Integers(node, scope, "split", 1)),
        OpsetChange.InPlace("Squeeze", 13, (node, scope) => Integers(node, scope, "axes", 1)),
        OpsetChange.InPlace("Unsqueeze", 13, (node, scope) => Integers(node, scope, "axes", 1)),
        OpsetChange.InPlace("ReduceSum", 13, (node, scope) => Integers(node, scope, "axes", 1)),
        .. s_reductions.Select(op => OpsetChange.InPlace(op, 18, (node, scope) => Integers(node, scope, "axes", 1))),
        OpsetChange.InPlace("Split", 18, NumberOfOutputs),
        OpsetChange.InPlace("DFT", 20, (node, scope) => Move(node, scope, "axis", 2, Tensor.Scalar(node.Int("axis", 1)))),
    ];

    // starts, ends and axes; without axes, those from the first on
    private static void Slice(Node node, UpgradeScope scope)
    {
        long[] starts = node.Ints("starts") ?? [];
        long[] ends = node.Ints("ends") ?? [];
        long[] axes = node.Ints("axes") ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        foreach ((string name, int place, long[] values) in ((string, int, long[])[])[("starts", 1, starts), ("ends", 2, ends), ("axes", 3, axes)])
        {
            Move(node, scope, name, place, Tensor.Of(values, values.Length));
        }
    }

    // A bound that is not written was the largest float; an input left out is no bound at all.
    private static void Clip(Node node, UpgradeScope scope)
    {
        Bound("min", 1);
        Bound("max", 2);

        void Bound(string name, int place)
        {
            if (node.Has(name))
            {
                Move(node, scope, name, place, Tensor.Scalar(node.Float(name, 0)));
            }
        }
    }

    private static void Pad(Node node, UpgradeScope scope)
    {
        long[] pads = node.Ints("pads") ?? [];
        float value = node.Float("value", 0);
        bool constant = node.Text("mode", "constant") == "constant";
        Move(node, scope, "pads", 1, Tensor.Of(pads, pads.Length));
        Move(node, scope, "value", 2, constant && value != 0 ? Tensor.Scalar(value) : null);
    }

    private static void Integers(Node node, UpgradeScope scope, string attribute, int place)
    {
        if (node.Ints(attribute) is { } values)
        {
            Move(node, scope, attribute, place, Tensor.Of(values, values.Length));
        }
    }

    private static void NumberOfOutputs(Node node, UpgradeScope scope)
    {
        if (node.Input(1).Length == 0)
        {
            node.With("num_outputs", node.Outputs.Count);
        }
    }

    private static void Move(Node node, UpgradeScope scope, string attribute, int place, Tensor? value)
    {
        node.Without(attribute);
        if (value is null)
        {
            return;
        }

        while (node.Proto.Input.Count <= place)
        {
            node.Proto.Input.Add("");
        }

        node.Proto.Input[place] = scope.Constant($"{node.Name}_{attribute}", value);
    }
}
