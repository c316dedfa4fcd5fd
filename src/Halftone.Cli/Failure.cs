using System.Text.Json;
using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.Cli;

/// <summary>What an exception means to the user: the one place that decides.</summary>
/// <param name="Code">How the process ends.</param>
/// <param name="Message">One sentence.</param>
internal readonly record struct Failure(ExitCode Code, string Message)
{
    /// <summary>The meaning of an exception.</summary>
    public static Failure Of(Exception error) => error switch
    {
        OperationCanceledException => new(ExitCode.Cancelled, "Cancelled."),
        AggregateException { InnerExceptions: [Exception only] } => Of(only),
        UsageException => new(ExitCode.Usage, Sentence(error)),

        // before the kinds it derives from: an argument that is null is our fault, not the user's
        ArgumentNullException => Fault(error),
        ModelException or DataException or ArgumentException or JsonException or InvalidDataException or NotSupportedException
            => new(ExitCode.InvalidInput, Sentence(error)),
        IOException or UnauthorizedAccessException => new(ExitCode.InputOutput, Sentence(error)),
        _ => Fault(error),
    };

    private static Failure Fault(Exception error) =>
        new(ExitCode.Internal, $"This is a fault of Halftone's own ({error.GetType().Name}: {error.Message}). Please report it with the output of -v d.");

    // .NET appends " (Parameter 'x')", which tells a user nothing
    private static string Sentence(Exception error)
    {
        string message = error.Message;
        int parameter = error is ArgumentException { ParamName: not null } ? message.IndexOf(" (Parameter '", StringComparison.Ordinal) : -1;
        return (parameter < 0 ? message : message[..parameter]).ReplaceLineEndings(" ");
    }
}
