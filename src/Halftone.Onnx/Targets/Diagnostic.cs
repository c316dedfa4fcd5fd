using System.Collections.Immutable;
using Halftone.Onnx.Targets.Rules;

namespace Halftone.Onnx.Targets;

/// <summary>How much a finding matters.</summary>
public enum Severity
{
    /// <summary>Worth knowing.</summary>
    Info,

    /// <summary>It runs, but slower or less exactly than it could.</summary>
    Warning,

    /// <summary>The target refuses it, or computes something else.</summary>
    Error,
}

/// <summary>A place where a model breaks a rule of a target.</summary>
/// <param name="Id">The rule; never changes.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Node">The node, or "" for the whole model.</param>
/// <param name="Message">One sentence: what is wrong and what to do.</param>
/// <param name="Fixable">Whether <see cref="TargetRules.Fix"/> repairs it.</param>
public sealed record Diagnostic(string Id, Severity Severity, string Node, string Message, bool Fixable);

/// <summary>Something that <see cref="TargetRules.Fix"/> did.</summary>
/// <param name="Id">The rule that was broken.</param>
/// <param name="Node">The node.</param>
/// <param name="What">One sentence.</param>
public sealed record Repair(string Id, string Node, string What);

/// <summary>A rule: its id, how much breaking it matters, and what it is in a few words.</summary>
/// <param name="Id">HT and four digits; never changes.</param>
/// <param name="Severity">How much breaking it matters, where a finding does not say otherwise.</param>
/// <param name="Title">A few words.</param>
public sealed record TargetRule(string Id, Severity Severity, string Title)
{
    internal Func<QdqView, Target, IEnumerable<Finding>> Find { get; init; } = (_, _) => throw new InvalidOperationException("A rule without its check.");
}

/// <summary>The rules that a quantized model keeps on a target.</summary>
/// <remarks>
/// Not rules, since a file alone cannot break them: how ranges become scales and values codes (tools.md N1, N4 to N8, N10, N12), how runtimes load and fuse (F6), which switches
/// a user sets (T9 to T13), and what the reader and writer of models see to: nibble order (N11), external data, names, metadata and order (M2 to M9).
/// </remarks>
public static class TargetRules
{
    /// <summary>Every rule. 10xx types, 11xx biases, 12xx axes, 13xx structure, 14xx operators and versions, 15xx weights.</summary>
    public static ImmutableArray<TargetRule> All { get; } =
        [.. TypeRules.All, .. BiasRules.All, .. AxisRules.All, .. StructureRules.All, .. OutputRules.All, .. OperatorRules.All, .. VersionRules.All, .. WeightRules.All];

    /// <summary>Everything in a model that breaks a rule of a target, by rule, then in the order of the nodes.</summary>
    public static ImmutableArray<Diagnostic> Check(Model model, Target target)
    {
        QdqView view = new(model);
        return
        [
            .. All.SelectMany(rule => rule.Find(view, target).Select(
                f => new Diagnostic(rule.Id, f.Severity ?? rule.Severity, f.Node, f.Message, f.Fixable))),
        ];
    }

    /// <summary>Repairs in place what needs no calibration. What the model computes stays the same, bit for bit, without graph optimizations.</summary>
    /// <returns>What was done; empty where there was nothing.</returns>
    public static ImmutableArray<Repair> Fix(Model model, Target target) => Repairs.Apply(model, target);
}
