using System.CommandLine;
using System.Text.Json;
using Halftone.Cli.Catalogue;
using Halftone.PostTraining.Recipes;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone recipes: the recipes inside the tool.</summary>
internal static class Recipes
{
    private static readonly Argument<string?> s_name = new("name")
    {
        Description = "Show this recipe's text, which may be saved, changed and passed to --recipe.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand("recipes", "Lists the recipes inside the tool, or shows one.", "halftone recipes", "halftone recipes tensorrt-int8 > mine.json") { s_name }
            .Does(Run);

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        if (options.GetValue(s_name) is { } name)
        {
            string text = RecipeFile.Text(name);
            terminal.Result(JsonElement.Parse(text), console => console.Profile.Out.Writer.WriteLine(text.TrimEnd()));
            return ExitCode.Ok;
        }

        terminal.Result(EmbeddedRecipes.All, Show);
        return ExitCode.Ok;
    }

    private static void Show(IAnsiConsole console)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("recipe", "title", "source");
        foreach (RecipeLine recipe in EmbeddedRecipes.All)
        {
            table.AddRow(new Text(recipe.Name), new Text(recipe.Title), new Text(recipe.Source));
        }

        console.Write(table);
    }
}
