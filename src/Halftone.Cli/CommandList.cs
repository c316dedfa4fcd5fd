using System.Collections.Immutable;
using System.CommandLine;
using Halftone.Cli.Commands;

namespace Halftone.Cli;

/// <summary>Every command, in the order of the help. Adding one is adding its line.</summary>
internal static class CommandList
{
    /// <summary>The commands.</summary>
    public static ImmutableArray<Command> All { get; } =
    [
        Demo.Command(),
        Inspect.Command(),
        Quantize.Command(),
        Tune.Command(),
        LeaderboardCommand.Command(),
        Evaluate.Command(),
        Compare.Command(),
        RunModel.Command(),
        Bench.Command(),
        Sensitivity.Command(),
        Check.Command(),
        ConvertModel.Command(),
        PackModel.Command(),
        UnpackModel.Command(),
        Methods.Command(),
        Recipes.Command(),
        Doctor.Command(),
        Docs.Command(),
    ];
}
