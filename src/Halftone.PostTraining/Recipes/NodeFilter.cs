using System.Text.RegularExpressions;
using Halftone.Onnx;

namespace Halftone.PostTraining.Recipes;

/// <summary>Nodes, by operator type, by a regular expression on the name, or by place. All parts that are given must fit.</summary>
public abstract record NodeFilter
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);

    /// <summary>Operator type.</summary>
    public string? Op { get; init; }

    /// <summary>Regular expression on the node's name.</summary>
    public string? Name { get; init; }

    /// <summary>"first" or "last": of the nodes with weights.</summary>
    public string? Place { get; init; }

    /// <summary>Whether a node fits.</summary>
    /// <param name="node">The node.</param>
    /// <param name="weighted">The nodes with weights, in order.</param>
    public bool Fits(Node node, Node[] weighted) =>
        (Op is null || Op == node.Op)
        && (Name is null || Regex.IsMatch(node.Name, Name, RegexOptions.None, s_limit))
        && (Place is null || (weighted.Length > 0 && (Place == "first" ? weighted[0] : weighted[^1]) == node));
}

/// <summary>Nodes that stay float.</summary>
public sealed record KeepFloat : NodeFilter
{
    /// <summary>Why; shown in the report.</summary>
    public string Reason { get; init; } = "the recipe keeps it float";
}

/// <summary>Nodes with other bits than the rest.</summary>
public sealed record NodeBits : NodeFilter
{
    /// <summary>Bits of their weights, 1 to 16; null leaves them.</summary>
    public int? Weights { get; init; }

    /// <summary>Bits of what they read, 1 to 16; null leaves them.</summary>
    public int? Activations { get; init; }

    /// <summary>Bits of what they give, 1 to 16; null leaves them.</summary>
    public int? Outputs { get; init; }
}
