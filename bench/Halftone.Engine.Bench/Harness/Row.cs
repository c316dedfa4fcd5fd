namespace Halftone.Engine.Bench.Harness;

/// <summary>Where a row stands.</summary>
/// <param name="Section">The table.</param>
/// <param name="Subject">Network or layer.</param>
/// <param name="Threads">Threads of each peer.</param>
/// <param name="MultiplyAdds">Multiplications of a run, for its rate; 0 for none.</param>
internal sealed record Place(string Section, string Subject, int Threads, long MultiplyAdds = 0);

/// <summary>A line of the table.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Measure">What is compared with what.</param>
internal sealed record Row(Place Place, string Measure)
{
    /// <summary>What stands where the engine would.</summary>
    public const string NotBuiltIn = "engine not built in";

    /// <summary>What was measured of the first.</summary>
    public string First { get; init; } = "";

    /// <summary>What was measured of the second.</summary>
    public string Second { get; init; } = "";

    /// <summary>The ratio or value that counts.</summary>
    public string Measured { get; init; } = "";

    /// <summary>What it must reach.</summary>
    public string Bar { get; init; } = "";

    /// <summary>What to aim at.</summary>
    public string Goal { get; init; } = "";

    /// <summary>Whether the bar is reached; null where there is none or nothing was measured.</summary>
    public bool? Holds { get; init; }

    /// <summary>Whether there is a bar, but the machine was too busy to tell.</summary>
    public bool Unjudged { get; init; }

    /// <summary>What else to know.</summary>
    public string Note { get; init; } = "";

    /// <summary>As a line of a Markdown table.</summary>
    public string ToMarkdown() =>
        $"| {Place.Subject} | {Place.Threads} | {Measure} | {First} | {Second} | {Measured} | {Bar} | {Goal} | {Holds switch { true => "yes", false => "**no**", null => "" }} | {Note} |";
}
