using Halftone.Engine.Bench.Peers;

namespace Halftone.Engine.Bench.Harness;

/// <summary>One peer held against another.</summary>
/// <param name="Measure">What is compared with what.</param>
/// <param name="Ours">The one that should be faster; null where it is not there.</param>
/// <param name="Theirs">The other.</param>
internal sealed record Contest(string Measure, IPeer? Ours, IPeer Theirs)
{
    /// <summary>What the ratio must reach; null for none.</summary>
    public Bar? Bar { get; init; }

    /// <summary>What is wrong with the results; null where they are right. Speed counts for nothing then.</summary>
    public string? Error { get; init; }

    /// <summary>What stands in the place of a peer that is not there.</summary>
    public string Missing { get; init; } = Row.NotBuiltIn;
}
