using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Correction;

/// <summary>Every plan method there is. Adding one is adding its line.</summary>
public static class PlanMethods
{
    /// <summary>The list.</summary>
    public static MethodList<IPlanMethod> All { get; } = new(
        "plan method",
        StepEntry.Of<IPlanMethod, AciqActivationBits>(),
        StepEntry.Of<IPlanMethod, MultiPointBudget>(),
        StepEntry.Of<IPlanMethod, Lapq>(),
        StepEntry.Of<IPlanMethod, SequentialQuantization>(),
        StepEntry.Of<IPlanMethod, MeanVariance>(),
        StepEntry.Of<IPlanMethod, BiasCorrection>(),
        StepEntry.Of<IPlanMethod, IterativeBiasCorrection>(),
        StepEntry.Of<IPlanMethod, AnalyticBiasCorrection>());
}
