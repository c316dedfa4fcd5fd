using System.Globalization;

namespace Halftone.PostTraining.Proofs;

/// <summary>Says whether outputs have collapsed.</summary>
public static class Verdict
{
    private const double LeastSqnr = 5; // dB; below, the noise is a third of the signal
    private const double MostBehindCanary = 6; // dB
    private const double MostPointsBehindCanary = 3;

    /// <summary>Why a result counts as collapsed, in one sentence, or null where it does not.</summary>
    /// <param name="result">Its agreement with the float model.</param>
    /// <param name="canary">Plain min/max's, or null where the result is that.</param>
    public static string? Collapse(Agreement result, Agreement? canary)
    {
        if (!(result.Sqnr >= LeastSqnr))
        {
            return Text($"the outputs have collapsed: their SQNR against the float model is {result.Sqnr:F1} dB, below {LeastSqnr:F0}");
        }

        if (canary is null)
        {
            return null;
        }

        if (result.ArgmaxAgreement < canary.ArgmaxAgreement / 2)
        {
            return Text($"the outputs have collapsed: the largest output agrees with the float model on {100 * result.ArgmaxAgreement:F1} % of the samples, with plain min/max on {100 * canary.ArgmaxAgreement:F1} %");
        }

        if (100 * (canary.ArgmaxAgreement - result.ArgmaxAgreement) > MostPointsBehindCanary)
        {
            return Text($"plain min/max agrees with the float model on {100 * canary.ArgmaxAgreement:F1} % of the samples, this result on {100 * result.ArgmaxAgreement:F1} %: something in the recipe does harm");
        }

        return canary.Sqnr - result.Sqnr > MostBehindCanary
            ? Text($"plain min/max has an output SQNR of {canary.Sqnr:F1} dB, this result {result.Sqnr:F1} dB: something in the recipe does harm") : null;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
