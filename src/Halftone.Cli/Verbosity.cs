namespace Halftone.Cli;

/// <summary>How much is said, as in dotnet.</summary>
public enum Verbosity
{
    /// <summary>Errors alone.</summary>
    Quiet,

    /// <summary>Results.</summary>
    Minimal,

    /// <summary>Results and progress.</summary>
    Normal,

    /// <summary>All of that, and stack traces.</summary>
    Detailed,
}
