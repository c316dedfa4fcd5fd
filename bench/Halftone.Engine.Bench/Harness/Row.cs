namespace Halftone.Engine.Bench.Harness;

/// <summary>A line of the table.</summary>
/// <param name="Section">The table it stands in.</param>
/// <param name="Subject">Network or layer.</param>
/// <param name="Threads">Threads of each peer.</param>
/// <param name="Measure">What is compared with what.</param>
/// <param name="Ours">What was measured of the first.</param>
/// <param name="Theirs">What was measured of the second.</param>
/// <param name="Measured">The ratio or value that counts.</param>
/// <param name="Bar">What it must reach.</param>
/// <param name="Goal">What to aim at.</param>
/// <param name="Holds">Whether it does; null where there is no bar or nothing was measured.</param>
/// <param name="Note">What else to know.</param>
internal sealed record Row(
    string Section, string Subject, int Threads, string Measure, string Ours, string Theirs, string Measured, string Bar, string Goal, bool? Holds, string Note)
{
    /// <summary>What stands where the engine would.</summary>
    public const string NotBuiltIn = "engine not built in";

    /// <summary>As a line of a Markdown table.</summary>
    public string ToMarkdown() => $"| {Subject} | {Threads} | {Measure} | {Ours} | {Theirs} | {Measured} | {Bar} | {Goal} | {Holds switch { true => "yes", false => "**no**", null => "" }} | {Note} |";
}
