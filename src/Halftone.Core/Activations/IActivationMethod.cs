using Halftone.Formats;
using Halftone.Statistics;

namespace Halftone.Activations;

/// <summary>Chooses how the values of an edge are quantized, from their statistics; pure.</summary>
public interface IActivationMethod
{
    /// <summary>The quantizer.</summary>
    /// <param name="statistics">Of the edge.</param>
    /// <param name="bits">1 to 16.</param>
    ActivationQuantizer Choose(TensorStatistics statistics, int bits);
}
