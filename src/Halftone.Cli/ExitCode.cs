namespace Halftone.Cli;

/// <summary>What the process tells its caller.</summary>
public enum ExitCode
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The command line is wrong.</summary>
    Usage = 1,

    /// <summary>A model was written, but it misses the goal.</summary>
    GoalMissed = 2,

    /// <summary>Model, data, recipe or options are unsupported or invalid.</summary>
    InvalidInput = 3,

    /// <summary>The result failed its proof; it was kept aside.</summary>
    ProofFailed = 4,

    /// <summary>A file could not be read or written.</summary>
    InputOutput = 5,

    /// <summary>A fault of Halftone itself.</summary>
    Internal = 70,

    /// <summary>Cancelled.</summary>
    Cancelled = 130,
}
