using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Reflection;

namespace Halftone.Cli;

/// <summary>The tool, as a function of its arguments and two writers.</summary>
public static class CliApplication
{
    // a command that is inside native code cannot hear its token; nothing half-written is left by it, so it may be left behind
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    private static readonly RootCommand s_root = Root();

    /// <summary>The version of the tool.</summary>
    public static string Version { get; } =
        typeof(CliApplication).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    internal static RootCommand RootCommand => s_root;

    /// <summary>Runs one command line.</summary>
    /// <param name="args">What stands behind the tool's name.</param>
    /// <param name="output">Results.</param>
    /// <param name="error">Errors, remarks and progress.</param>
    /// <param name="cancel">Ctrl-C.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancel)
    {
        ParseResult result = s_root.Parse(args);
        if (UsageErrors.First(result) is { } message)
        {
            await error.WriteLineAsync($"error: {message}");
            return (int)ExitCode.Usage;
        }

        try
        {
            cancel.ThrowIfCancellationRequested();
            InvocationConfiguration configuration = new()
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            Task<int> command = Task.Run(() => result.InvokeAsync(configuration, cancel), CancellationToken.None);
            return await Ended(command, cancel);
        }
        catch (Exception caught)
        {
            Failure failure = Failure.Of(caught);
            await error.WriteLineAsync($"error: {failure.Message}");
            if (result.GetValue(CommonOptions.Verbosity) == Verbosity.Detailed)
            {
                await error.WriteLineAsync(caught.ToString());
            }

            return (int)failure.Code;
        }
    }

    private static async Task<int> Ended(Task<int> command, CancellationToken cancel)
    {
        var cancelled = new TaskCompletionSource();
        await using CancellationTokenRegistration registration = cancel.Register(cancelled.SetResult);
        await Task.WhenAny(command, cancelled.Task);
        if (!command.IsCompleted && await Task.WhenAny(command, Task.Delay(s_grace, CancellationToken.None)) != command)
        {
            throw new OperationCanceledException(cancel);
        }

        return await command;
    }

    private static RootCommand Root()
    {
        RootCommand root = new("Halftone makes neural networks small and fast by quantization: ONNX in, ONNX out.") { CommonOptions.Json, CommonOptions.Verbosity };
        foreach (Command command in CommandList.All)
        {
            root.Add(command);
        }

        foreach (Option option in root.Options)
        {
            if (option is HelpOption help)
            {
                help.Action = new HelpWithExamples((HelpAction)help.Action!);
            }
            else if (option is VersionOption version)
            {
                version.Action = new ShowVersion();
            }
        }

        root.HelpName = "halftone";
        root.SetAction(result =>
        {
            result.InvocationConfiguration.Error.WriteLine("error: Say what to do; 'halftone --help' lists the commands.");
            return (int)ExitCode.Usage;
        });
        return root;
    }

    private sealed class ShowVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(Version);
            return (int)ExitCode.Ok;
        }
    }

    /// <summary>The library's help, then the examples; the tool's name stands in place of the program that hosts it.</summary>
    private sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        private const int Width = 120; // the same in every terminal, so that the help can be compared

        public override bool ClearsParseErrors => true; // help may be asked for in the middle of a wrong line

        public override int Invoke(ParseResult parseResult)
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            using var text = new StringWriter();
            parseResult.InvocationConfiguration.Output = text;
            help.MaxWidth = Width;
            help.Invoke(parseResult);
            parseResult.InvocationConfiguration.Output = output;
            output.Write(text.ToString().ReplaceLineEndings("\n").TrimEnd());
            output.WriteLine();
            if (parseResult.CommandResult.Command is CliCommand { Examples.Count: > 0 } command)
            {
                output.WriteLine("\nExamples:");
                foreach (string example in command.Examples)
                {
                    output.WriteLine($"  {example}");
                }
            }

            return (int)ExitCode.Ok;
        }
    }
}
