using System.CommandLine;
using Halftone.Cli.Catalogue;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone methods: what recipes can be made of.</summary>
internal static class Methods
{
    private static readonly Argument<string?> s_id = new("id")
    {
        Description = "Show this method alone, with its options.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand("methods", "Lists the methods that recipes are made of, with their options.", "halftone methods", "halftone methods --json") { s_id }
            .Does((options, terminal, _) => Run(Lists.Methods, options.GetValue(s_id), terminal));

    /// <summary>Shows the methods of a list, or one of them.</summary>
    /// <exception cref="ArgumentException">There is no method of that id.</exception>
    public static ExitCode Run(IReadOnlyCollection<MethodLine> methods, string? id, Terminal terminal)
    {
        MethodLine[] chosen = [.. methods.Where(m => id is null || m.Id == id)];
        if (id is not null && chosen.Length == 0)
        {
            throw new ArgumentException(methods.Count == 0
                ? $"There is no method '{id}'; this build has none."
                : $"There is no method '{id}'. Did you mean '{Spelling.Nearest(id, methods.Select(m => m.Id))}'? 'halftone methods' lists them.");
        }

        terminal.Result(chosen, console => Show(chosen, withOptions: id is not null, console));
        return ExitCode.Ok;
    }

    private static void Show(MethodLine[] methods, bool withOptions, IAnsiConsole console)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("kind", "id", "title", "from");
        foreach (MethodLine method in methods)
        {
            table.AddRow(new Text(method.Kind), new Text(method.Id), new Text(method.Title), new Text(method.Paper));
        }

        console.Write(table);
        foreach (MethodOption option in withOptions ? methods.SelectMany(m => m.Options) : [])
        {
            console.WriteLine($"  {option.Name}: {option.Type}, by default {option.Default ?? "nothing"}");
        }
    }
}
