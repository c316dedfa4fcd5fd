using System.Collections.Immutable;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Taps of a segment that some rows of a tile may leave out, because what they would read is zero.</summary>
/// <param name="Steps">Groups of 4 bytes in this run of the segment.</param>
/// <param name="Rows">Whether each row of the tile takes part.</param>
internal readonly record struct ProductPhase(int Steps, ImmutableArray<bool> Rows);

/// <summary>Neighbouring rows whose sums are in registers together.</summary>
/// <param name="Rows">Rows of the tile.</param>
/// <param name="Repeat">How many such tiles follow each other.</param>
/// <param name="Phases">A segment in runs, where rows leave some out; empty for all rows throughout.</param>
internal readonly record struct ProductTile(int Rows, int Repeat, ImmutableArray<ProductPhase> Phases);
