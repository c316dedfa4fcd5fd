using System.Text.Json.Serialization;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.Activations;

/// <summary>Evenly spaced levels over the range that a range method chooses: QuantizeLinear.</summary>
public sealed record AffineActivation : IActivationMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("affine", "Affine (uniform) quantization", "Jacob et al. 2018, arXiv:1712.05877");

    /// <summary>Chooses the range: in JSON its id, or an object of its id and options: "percentile" or { "percentile": { "percent": 99.9 } }.</summary>
    [JsonConverter(typeof(RangeMethodConverter))]
    public IRangeMethod Range { get; init; } = new MinMax();

    /// <summary>Whether the zero point is the middle of the codes.</summary>
    public bool Symmetric { get; init; }

    /// <summary>Whether the codes are signed.</summary>
    public bool Signed { get; init; }

    /// <inheritdoc/>
    public ActivationQuantizer Choose(TensorStatistics statistics, int bits)
    {
        var grid = new QuantizationGrid(new IntegerGrid(bits, Signed), Symmetric);
        return new AffineGrid(grid.Parameters(Range.Estimate(statistics, grid)), grid.Codes);
    }
}
