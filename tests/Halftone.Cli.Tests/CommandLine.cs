namespace Halftone.Cli.Tests;

/// <summary>What a command line did.</summary>
internal sealed record Ran(ExitCode Code, string Out, string Error);

/// <summary>Runs the tool inside the test.</summary>
internal static class CommandLine
{
    public static Task<Ran> Run(params string[] args) => Run(args, CancellationToken.None);

    public static async Task<Ran> Run(string[] args, CancellationToken cancel)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int code = await CliApplication.RunAsync(args, output, error, cancel);
        return new Ran((ExitCode)code, output.ToString(), error.ToString());
    }
}
