using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Compilation;

/// <summary>How an operator's sums end as codes.</summary>
/// <param name="Range">Of the result.</param>
/// <param name="Least">Lowest code: what an activation such as Relu leaves.</param>
/// <param name="Most">Highest code.</param>
internal readonly record struct OutputCodes(QuantizedRange Range, byte Least, byte Most);
