using System.Runtime.InteropServices;
using Halftone.Cli;

using var cancel = new CancellationTokenSource();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
return await CliApplication.RunAsync(args, Console.Out, Console.Error, cancel.Token);

void Cancel(PosixSignalContext context)
{
    context.Cancel = true; // the process ends by its own exit code
    cancel.Cancel();
}
