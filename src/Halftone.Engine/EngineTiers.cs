using System.Collections.Immutable;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Memory;

namespace Halftone.Engine;

/// <summary>A set of kernels for one kind of processor.</summary>
/// <param name="Name">As <see cref="EngineOptions.Tier"/> takes it.</param>
/// <param name="Obstacle">Why this machine cannot run it; null where it can.</param>
public sealed record EngineTier(string Name, string? Obstacle)
{
    /// <summary>Whether this machine runs it.</summary>
    public bool IsSupported => Obstacle is null;
}

/// <summary>The tiers of the engine on this machine.</summary>
public static class EngineTiers
{
    /// <summary>All tiers, best first.</summary>
    public static ImmutableArray<EngineTier> All { get; } = [.. ProductTiers.All.Select(t => new EngineTier(t.Name, t.IsSupported() ? null : Obstacle(t.Name)))];

    /// <summary>The tier that options lead to: the one they name, or the environment variable HALFTONE_ENGINE_TIER, or the best that there is.</summary>
    /// <exception cref="ArgumentException">There is no tier of that name, or this machine cannot run it; the message lists the tiers.</exception>
    public static EngineTier Chosen(EngineOptions options)
    {
        string name = ProductTiers.Choose(options.ChosenTier).Name;
        return All.First(t => t.Name == name);
    }

    private static string Obstacle(string tier) => tier switch
    {
        "avx512vnni" => Cpu.Avx512VnniObstacle ?? "its kernels do not run here",
        "avxvnni" => "the processor has no AVX-VNNI, or the system does not show it",
        "avx2" => "the processor has no AVX2 with FMA",
        _ => "the processor is no Arm64 with dot products",
    };
}
