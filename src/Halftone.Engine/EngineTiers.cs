using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine;

/// <summary>A kind of kernels.</summary>
/// <param name="Name">As <see cref="EngineOptions.Tier"/> and the environment variable HALFTONE_ENGINE_TIER spell it.</param>
/// <param name="IsSupported">Whether this machine runs it.</param>
public sealed record EngineTier(string Name, bool IsSupported);

/// <summary>The kinds of kernels there are.</summary>
public static class EngineTiers
{
    /// <summary>All, best first.</summary>
    public static IReadOnlyList<EngineTier> All { get; } = [.. ProductTiers.All.Select(t => new EngineTier(t.Name, t.IsSupported()))];

    /// <summary>The one a session takes on this machine unless told otherwise.</summary>
    public static string Best => All.First(t => t.IsSupported).Name;

    /// <summary>The best that assembles no code at run time.</summary>
    public static string BestWithoutAssembly => All.First(t => t.IsSupported && t.Name != Avx512VnniProductKernel.Tier.Name).Name;
}
