using System.CommandLine;

namespace Halftone.Cli;

/// <summary>A command with an example in its help.</summary>
/// <param name="name">One word.</param>
/// <param name="description">One sentence.</param>
/// <param name="examples">Command lines that work.</param>
internal sealed class CliCommand(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Command lines shown in the help.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;

    /// <summary>Sets what the command does. Exceptions are left to <see cref="Failure"/>.</summary>
    public CliCommand Does(Func<ParseResult, Terminal, CancellationToken, ExitCode> run)
    {
        SetAction((result, cancel) => Task.FromResult((int)run(result, CommonOptions.Terminal(result), cancel)));
        return this;
    }
}
