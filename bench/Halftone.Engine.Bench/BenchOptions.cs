using System.Collections.Immutable;
using System.Globalization;

namespace Halftone.Engine.Bench;

/// <summary>What the command line asks for.</summary>
internal sealed record BenchOptions
{
    /// <summary>How to call it.</summary>
    public const string Usage = "Usage: Halftone.Engine.Bench [models|layers|gemm|int4|all] [--threads 1,2] [--filter TEXT] [--rounds N] [--seed N] [--foreign SHARE] [--markdown FILE]";

    private static readonly string[] s_commands = ["models", "layers", "gemm", "int4", "all"];

    /// <summary>models, layers, gemm, int4 or all.</summary>
    public required string Command { get; init; }

    /// <summary>Numbers of threads to time with.</summary>
    public ImmutableArray<int> Threads { get; init; } = [1];

    /// <summary>Part of the name of the networks or layers wanted.</summary>
    public string Filter { get; init; } = "";

    /// <summary>Rounds of a comparison.</summary>
    public int Rounds { get; init; } = 9;

    /// <summary>Share of a processor that other processes may take in a round that counts; a large one under a real-time class, which others cannot disturb.</summary>
    public double Foreign { get; init; } = 0.15;

    /// <summary>Of the networks.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Where the table is written; null for nowhere.</summary>
    public string? Markdown { get; init; }

    /// <summary>Whether a part was asked for.</summary>
    public bool Does(string command) => Command == command || Command == "all";

    /// <summary>Whether a network or layer is wanted.</summary>
    public bool Wants(string name) => name.Contains(Filter, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FormatException">It cannot be understood.</exception>
    public static BenchOptions Parse(string[] args)
    {
        if (args.Length == 0)
        {
            return new BenchOptions { Command = "all" };
        }

        if (args.Length % 2 == 0 || !s_commands.Contains(args[0]))
        {
            throw new FormatException(Usage);
        }

        var options = new BenchOptions { Command = args[0] };
        for (int i = 1; i < args.Length; i += 2)
        {
            string value = args[i + 1];
            options = args[i] switch
            {
                "--threads" => options with { Threads = [.. value.Split(',').Select(Number)] },
                "--filter" => options with { Filter = value },
                "--rounds" => options with { Rounds = Number(value) },
                "--seed" => options with { Seed = Number(value) },
                "--foreign" => options with { Foreign = Share(value) },
                "--markdown" => options with { Markdown = value },
                _ => throw new FormatException($"There is no option '{args[i]}'. {Usage}"),
            };
        }

        return options;
    }

    private static double Share(string text) => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double share)
        ? share
        : throw new FormatException($"'{text}' is no share, such as 0.15. {Usage}");

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
        ? number
        : throw new FormatException($"'{text}' is not a whole number above 0. {Usage}");
}
