namespace Halftone.Onnx.Opsets;

/// <summary>Softmax, LogSoftmax and Hardmax before 13 flattened their input to two dimensions at the axis (1 where not written); since then they work along the axis (-1 where not written).</summary>
/// <remarks>y = Softmax(x, axis)  =>  y = Reshape(Softmax(Flatten(x, axis), -1), Shape(x)); where the axis is the last, just that.</remarks>
internal static class SoftmaxAxis
{
    public static IEnumerable<OpsetChange> Changes { get; } =
        ((string[])["Softmax", "LogSoftmax", "Hardmax"]).Select(op => new OpsetChange(op, 13, Rewrite)).ToArray();

    private static Node[] Rewrite(Node node, UpgradeScope scope)
    {
        long axis = node.Int("axis", 1);
        if (axis == -1 || scope.RankOf(node.Input(0)) - 1 == axis)
        {
            return [node.With("axis", -1)];
        }

        string input = node.Input(0);
        string output = node.Outputs[0];
        string shape = scope.Fresh(output + "_shape");
        string flat = scope.Fresh(output + "_flat_input");
        string result = scope.Fresh(output + "_flat");
        node.With("axis", -1);
        node.Proto.Input[0] = flat;
        node.Proto.Output[0] = result;
        return
        [
            new Node(scope.Fresh(node.Name + "_Shape"), "Shape", [input], [shape]),
            new Node(scope.Fresh(node.Name + "_Flatten"), "Flatten", [input], [flat]).With("axis", axis),
            node,
            new Node(scope.Fresh(node.Name + "_Reshape"), "Reshape", [result, shape], [output]),
        ];
    }
}
