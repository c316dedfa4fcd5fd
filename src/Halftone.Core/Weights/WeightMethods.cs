namespace Halftone.Weights;

/// <summary>Every weight method there is. Adding one is adding its line here and to <see cref="MethodOptions"/>.</summary>
public static class WeightMethods
{
    /// <summary>The list.</summary>
    public static MethodList<IWeightMethod> All { get; } = new(
        "weight method",
        MethodEntry.Of<IWeightMethod, RoundToNearest>(MethodOptions.Default.RoundToNearest),
        MethodEntry.Of<IWeightMethod, StochasticRounding>(MethodOptions.Default.StochasticRounding),
        MethodEntry.Of<IWeightMethod, OptimalMse>(MethodOptions.Default.OptimalMse),
        MethodEntry.Of<IWeightMethod, Gptq>(MethodOptions.Default.Gptq),
        MethodEntry.Of<IWeightMethod, KMeans>(MethodOptions.Default.KMeans),
        MethodEntry.Of<IWeightMethod, DeepCompression>(MethodOptions.Default.DeepCompression),
        MethodEntry.Of<IWeightMethod, Binarization>(MethodOptions.Default.Binarization),
        MethodEntry.Of<IWeightMethod, ProductQuantization>(MethodOptions.Default.ProductQuantization),
        MethodEntry.Of<IWeightMethod, ResidualQuantization>(MethodOptions.Default.ResidualQuantization),
        MethodEntry.Of<IWeightMethod, BitGoesDown>(MethodOptions.Default.BitGoesDown),
        MethodEntry.Of<IWeightMethod, HashedNets>(MethodOptions.Default.HashedNets),
        MethodEntry.Of<IWeightMethod, WeightDiscretization>(MethodOptions.Default.WeightDiscretization));
}
