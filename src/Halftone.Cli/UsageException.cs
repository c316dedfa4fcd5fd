namespace Halftone.Cli;

/// <summary>The command line asks for something that cannot be done, whatever the files hold.</summary>
/// <param name="message">One sentence that says what to give instead.</param>
internal sealed class UsageException(string message) : Exception(message);
