using System.Text.Json.Serialization;
using Halftone.Activations;
using Halftone.Ranges;
using Halftone.Weights;

namespace Halftone;

/// <summary>How the options of this project's methods are read and written, made by the compiler so that trimming keeps it.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(MinMax))]
[JsonSerializable(typeof(MovingAverage))]
[JsonSerializable(typeof(AverageMinMax))]
[JsonSerializable(typeof(Percentile))]
[JsonSerializable(typeof(GaussianPercentile))]
[JsonSerializable(typeof(KlEntropy))]
[JsonSerializable(typeof(LeastSquares))]
[JsonSerializable(typeof(LeastLp))]
[JsonSerializable(typeof(AciqLaplace))]
[JsonSerializable(typeof(AciqGauss))]
[JsonSerializable(typeof(HistogramObserver))]
[JsonSerializable(typeof(AffineActivation))]
[JsonSerializable(typeof(PwlqActivation))]
[JsonSerializable(typeof(LogarithmicActivation))]
[JsonSerializable(typeof(LqNetsActivation))]
[JsonSerializable(typeof(AbcNetActivation))]
[JsonSerializable(typeof(RoundToNearest))]
[JsonSerializable(typeof(StochasticRounding))]
[JsonSerializable(typeof(OptimalMse))]
[JsonSerializable(typeof(Gptq))]
[JsonSerializable(typeof(Omse))]
[JsonSerializable(typeof(Hqq))]
[JsonSerializable(typeof(Aciq))]
[JsonSerializable(typeof(Pwlq))]
[JsonSerializable(typeof(MultiPoint))]
[JsonSerializable(typeof(Logarithmic))]
[JsonSerializable(typeof(Twn))]
[JsonSerializable(typeof(Bwn))]
[JsonSerializable(typeof(Sawb))]
[JsonSerializable(typeof(Admm))]
[JsonSerializable(typeof(AbcNet))]
[JsonSerializable(typeof(LqNets))]
[JsonSerializable(typeof(KMeans))]
[JsonSerializable(typeof(DeepCompression))]
[JsonSerializable(typeof(Binarization))]
[JsonSerializable(typeof(ProductQuantization))]
[JsonSerializable(typeof(ResidualQuantization))]
[JsonSerializable(typeof(BitGoesDown))]
[JsonSerializable(typeof(HashedNets))]
[JsonSerializable(typeof(WeightDiscretization))]
internal sealed partial class MethodOptions : JsonSerializerContext;
