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
        MethodEntry.Of<IWeightMethod, Omse>(MethodOptions.Default.Omse),
        MethodEntry.Of<IWeightMethod, Hqq>(MethodOptions.Default.Hqq),
        MethodEntry.Of<IWeightMethod, Aciq>(MethodOptions.Default.Aciq),
        MethodEntry.Of<IWeightMethod, Pwlq>(MethodOptions.Default.Pwlq),
        MethodEntry.Of<IWeightMethod, MultiPoint>(MethodOptions.Default.MultiPoint),
        MethodEntry.Of<IWeightMethod, Logarithmic>(MethodOptions.Default.Logarithmic),
        MethodEntry.Of<IWeightMethod, Twn>(MethodOptions.Default.Twn),
        MethodEntry.Of<IWeightMethod, Bwn>(MethodOptions.Default.Bwn),
        MethodEntry.Of<IWeightMethod, Sawb>(MethodOptions.Default.Sawb),
        MethodEntry.Of<IWeightMethod, Admm>(MethodOptions.Default.Admm),
        MethodEntry.Of<IWeightMethod, AbcNet>(MethodOptions.Default.AbcNet),
        MethodEntry.Of<IWeightMethod, LqNets>(MethodOptions.Default.LqNets),
        MethodEntry.Of<IWeightMethod, KMeans>(MethodOptions.Default.KMeans),
        MethodEntry.Of<IWeightMethod, DeepCompression>(MethodOptions.Default.DeepCompression),
        MethodEntry.Of<IWeightMethod, Binarization>(MethodOptions.Default.Binarization),
        MethodEntry.Of<IWeightMethod, ProductQuantization>(MethodOptions.Default.ProductQuantization),
        MethodEntry.Of<IWeightMethod, ResidualQuantization>(MethodOptions.Default.ResidualQuantization),
        MethodEntry.Of<IWeightMethod, BitGoesDown>(MethodOptions.Default.BitGoesDown),
        MethodEntry.Of<IWeightMethod, HashedNets>(MethodOptions.Default.HashedNets),
        MethodEntry.Of<IWeightMethod, WeightDiscretization>(MethodOptions.Default.WeightDiscretization));
}
