namespace Halftone.Onnx.Opsets;

/// <summary>A change of an operator's meaning or form from one operator set to the next.</summary>
/// <param name="Op">Operator of ONNX's own domain.</param>
/// <param name="Since">The operator set that brought it.</param>
/// <param name="Rewrite">Gives the nodes that take an old node's place, often itself, changed; null where Halftone has no rewrite and refuses.</param>
internal sealed record OpsetChange(string Op, int Since, Func<Node, UpgradeScope, IEnumerable<Node>>? Rewrite)
{
    /// <summary>Changes that move attributes to inputs and the like: the node stays, changed in place.</summary>
    public static OpsetChange InPlace(string op, int since, Action<Node, UpgradeScope> change) => new(op, since, (node, scope) =>
    {
        change(node, scope);
        return [node];
    });
}
