using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace Halftone.Cli;

/// <summary>Finds what is wrong with a command line, and what may have been meant.</summary>
internal static class UsageErrors
{
    /// <summary>The first error in one sentence, or null.</summary>
    public static string? First(ParseResult result)
    {
        if (result.Action is { } action && action is not ParseErrorAction && action.ClearsParseErrors)
        {
            return null; // help
        }

        Command command = result.CommandResult.Command;
        string where = command is RootCommand ? "halftone" : $"halftone {command.Name}";
        if (UnknownOption(result) is { } option)
        {
            IEnumerable<string> known = Options(result).Select(o => o.Name);
            return $"'{where}' has no option '{option}'. Did you mean '{Spelling.Nearest(option, known)}'? '{where} --help' lists them.";
        }

        if (result.UnmatchedTokens is [string token, ..])
        {
            return command.Subcommands.Count > 0
                ? $"There is no command '{token}'. Did you mean '{Spelling.Nearest(token, command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}'? '{where} --help' lists them."
                : $"'{where}' does not know what to do with '{token}'; '{where} --help' shows what it takes.";
        }

        return result.Errors is [ParseError error, ..] ? $"{error.Message} '{where} --help' shows what it takes." : null;
    }

    // the library takes an unknown option for an argument's value where one is missing
    private static string? UnknownOption(ParseResult result) =>
        result.Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash)
            .Where(t => t.Type == TokenType.Argument && t.Value is ['-', not (>= '0' and <= '9' or '.'), ..]) // a minus before a digit is a sign
            .Select(t => t.Value)
            .FirstOrDefault();

    private static IEnumerable<Option> Options(ParseResult result)
    {
        for (CommandResult? at = result.CommandResult; at is not null; at = at.Parent as CommandResult)
        {
            foreach (Option option in at.Command.Options.Where(o => o.Recursive || at == result.CommandResult))
            {
                yield return option;
            }
        }
    }
}
