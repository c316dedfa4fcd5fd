using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Halftone.Cli;

/// <summary>Where a command writes. With --json, stdout holds one JSON document and everything else goes to stderr.</summary>
public sealed class Terminal
{
    private const int PlainWidth = 160; // columns where nobody looks: files and pipes

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly TextWriter _out;
    private readonly TextWriter _err;

    internal Terminal(TextWriter output, TextWriter error, bool json, Verbosity verbosity)
    {
        (_out, _err, IsJson, Verbosity) = (output, error, json, verbosity);
        Human = Console(json ? error : output);
        Log = Console(error);
    }

    /// <summary>Whether the result is wanted as JSON.</summary>
    public bool IsJson { get; }

    /// <summary>How much to say.</summary>
    public Verbosity Verbosity { get; }

    /// <summary>For results that people read: stdout, or stderr with --json.</summary>
    public IAnsiConsole Human { get; }

    /// <summary>For progress and remarks: stderr. It redraws only where it is a terminal.</summary>
    public IAnsiConsole Log { get; }

    /// <summary>A remark on stderr, from verbosity normal on.</summary>
    public void Remark(string text)
    {
        if (Verbosity >= Verbosity.Normal)
        {
            _err.WriteLine(text);
        }
    }

    /// <summary>A warning on stderr, unless quiet.</summary>
    public void Warn(string text)
    {
        if (Verbosity > Verbosity.Quiet)
        {
            _err.WriteLine($"warning: {text}");
        }
    }

    /// <summary>The result: as JSON, or as people read it.</summary>
    /// <param name="result">What --json shows; its public properties in camel case.</param>
    /// <param name="show">Writes it for people.</param>
    public void Result(object result, Action<IAnsiConsole> show)
    {
        if (IsJson)
        {
            _out.WriteLine(JsonSerializer.Serialize(result, s_json));
        }
        else if (Verbosity > Verbosity.Quiet)
        {
            show(Human);
        }
    }

    private static IAnsiConsole Console(TextWriter writer)
    {
        bool live = (writer == System.Console.Out && !System.Console.IsOutputRedirected)
            || (writer == System.Console.Error && !System.Console.IsErrorRedirected);
        bool plain = !live || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = live ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = live ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!live)
        {
            console.Profile.Width = PlainWidth;
        }

        return console;
    }
}
