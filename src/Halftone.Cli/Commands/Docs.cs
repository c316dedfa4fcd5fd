using System.CommandLine;
using Halftone.Cli.Catalogue;

namespace Halftone.Cli.Commands;

/// <summary>halftone docs: writes the pages that are made from lists. For those who work on Halftone.</summary>
internal static class Docs
{
    private static readonly Argument<string> s_folder = new("folder")
    {
        Description = "The repository's docs folder.",
        DefaultValueFactory = _ => "docs",
    };

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand("docs", "Writes the generated pages of the repository's docs folder.", "halftone docs docs") { Hidden = true, Arguments = { s_folder } }
            .Does((options, terminal, _) =>
            {
                string folder = options.GetRequiredValue(s_folder);
                string page = Path.Combine(folder, "methods.md");
                string text = Inventory.Load(Path.Combine(folder, "inventory.json")).ToPage(References.Exists);
                string temporary = page + ".tmp";
                File.WriteAllText(temporary, text);
                File.Move(temporary, page, overwrite: true);
                terminal.Result(new { Written = page }, _ => terminal.Remark($"wrote {page}"));
                return ExitCode.Ok;
            });
}
