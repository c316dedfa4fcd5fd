namespace Halftone.Ranges;

/// <summary>Every range method there is. Adding one is adding its line here and to <see cref="MethodOptions"/>.</summary>
public static class RangeMethods
{
    /// <summary>The list.</summary>
    public static MethodList<IRangeMethod> All { get; } = new(
        "range method",
        MethodEntry.Of<IRangeMethod, MinMax>(MethodOptions.Default.MinMax),
        MethodEntry.Of<IRangeMethod, MovingAverage>(MethodOptions.Default.MovingAverage),
        MethodEntry.Of<IRangeMethod, AverageMinMax>(MethodOptions.Default.AverageMinMax),
        MethodEntry.Of<IRangeMethod, Percentile>(MethodOptions.Default.Percentile),
        MethodEntry.Of<IRangeMethod, GaussianPercentile>(MethodOptions.Default.GaussianPercentile),
        MethodEntry.Of<IRangeMethod, KlEntropy>(MethodOptions.Default.KlEntropy),
        MethodEntry.Of<IRangeMethod, LeastSquares>(MethodOptions.Default.LeastSquares),
        MethodEntry.Of<IRangeMethod, LeastLp>(MethodOptions.Default.LeastLp),
        MethodEntry.Of<IRangeMethod, AciqLaplace>(MethodOptions.Default.AciqLaplace),
        MethodEntry.Of<IRangeMethod, AciqGauss>(MethodOptions.Default.AciqGauss),
        MethodEntry.Of<IRangeMethod, HistogramObserver>(MethodOptions.Default.HistogramObserver));
}
