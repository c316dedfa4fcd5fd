using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tuning;

/// <summary>One model tried.</summary>
/// <param name="Range">Its range method.</param>
/// <param name="Corrections">Its corrections.</param>
/// <param name="WideNodes">Nodes with 16-bit activations.</param>
/// <param name="FloatNodes">Nodes kept float for it.</param>
/// <param name="Metric">Its accuracy.</param>
/// <param name="Drop">What is lost against float; negative is a gain.</param>
/// <param name="FloatMacs">Share of the multiply-accumulates that run in float.</param>
/// <param name="Bytes">Of the model.</param>
/// <param name="Seconds">Since the start.</param>
/// <param name="Best">Whether it was the best when it was made.</param>
public sealed record Trial(
    string Range, ImmutableArray<MethodStep> Corrections, ImmutableArray<string> WideNodes, ImmutableArray<string> FloatNodes, double Metric, double Drop, double FloatMacs, long Bytes, double Seconds, bool Best)
{
    private const string Reason = "tuning keeps it float: it is among the nodes that hurt most";

    /// <summary>What was tried; a resumed run knows it again by this.</summary>
    public string Key => string.Join(' ', (string[])
    [
        $"range={Range}",
        .. Corrections.Select(c => c.ToString()),
        .. WideNodes.IsEmpty ? [] : (string[])[$"wide={WideNodes.Length}"],
        .. FloatNodes.IsEmpty ? [] : (string[])[$"float={FloatNodes.Length}"],
    ]);

    /// <summary>The recipe that makes this very model.</summary>
    /// <param name="tuned">What is tuned.</param>
    /// <param name="target">Id of the target.</param>
    public Recipe Of(Recipe tuned, string target) => tuned with
    {
        Name = tuned.Name + "-tuned",
        Target = target,
        Activations = tuned.Activations with { Range = Range, Options = Range == tuned.Activations.Range ? tuned.Activations.Options : null },
        Corrections = Corrections,
        WideNodes = [.. tuned.WideNodes.Union(WideNodes)],
        KeepFloat = [.. tuned.KeepFloat, .. FloatNodes.Select(n => new KeepFloat { Name = $"^{Regex.Escape(n)}$", Reason = Reason })],
    };
}
