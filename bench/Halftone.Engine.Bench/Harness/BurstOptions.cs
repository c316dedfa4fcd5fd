namespace Halftone.Engine.Bench.Harness;

/// <summary>How peers are timed.</summary>
internal sealed record BurstOptions
{
    /// <summary>Threads of each peer.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Rounds that count.</summary>
    public int Rounds { get; init; } = 9;

    /// <summary>Milliseconds of one burst.</summary>
    public double Burst { get; init; } = 15;

    /// <summary>Foreign processor seconds a second above which a round is repeated.</summary>
    public double MostForeign { get; init; } = 0.15;

    /// <summary>How long rounds may be repeated; after that they count as they are, and the result says so.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Sleep before each burst: thread pools of other runtimes spin for about 15 ms after a run, which would slow the next.</summary>
    public TimeSpan Pause => TimeSpan.FromMilliseconds(Threads == 1 ? 4 : 45);
}
