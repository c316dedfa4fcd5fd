using System.Diagnostics;
using System.Text;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>The tool as a process of its own, where exit codes, signals and streams are what is tested.</summary>
internal sealed class ToolProcess : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3); // for a loaded machine

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly Task<string> _output;
    private readonly TaskCompletionSource _ended = new();

    private ToolProcess(string program, IEnumerable<string> args)
    {
        _process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.StandardInput.Close();
        _output = _process.StandardOutput.ReadToEndAsync();
        _process.ErrorDataReceived += (_, line) => Said(line.Data);
        _process.BeginErrorReadLine();
    }

    /// <summary>The program that the build made, beside the tests' own folder.</summary>
    public static string Tool { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Halftone.Cli", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "halftone.dll"));

    /// <summary>Starts it. Where the tests run in the background of a shell, which has Ctrl-C ignored by all that it starts, the tool heeds it all the same.</summary>
    public static ToolProcess Start(params string[] args) =>
        OperatingSystem.IsLinux() ? new("env", ["--default-signal=INT", "dotnet", Tool, .. args]) : new("dotnet", [Tool, .. args]);

    /// <summary>Runs it to its end.</summary>
    public static Ran Run(params string[] args)
    {
        using ToolProcess process = Start(args);
        return process.Wait();
    }

    /// <summary>Runs it to its end while a folder lies on a small disk of its own; the last line of stderr then says what was left there. Skips where the system allows no such disk.</summary>
    public static Ran RunOnDiskOf(string size, string folder, params string[] args)
    {
        const string Mount = "mount -t tmpfs -o size=$1 none $2";
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/unshare") && Run(["true"]).Code is 0, "a small disk needs Linux and the right to mount one");
        return Run(["dotnet", Tool, .. args]);

        Ran Run(string[] command)
        {
            using ToolProcess process = new("unshare", ["-rm", "bash", "-c", Mount + " || exit 99; shift 2; \"$@\"; code=$?; echo left: $(ls -A $0) >&2; exit $code", folder, size, folder, .. command]);
            return process.Wait();
        }
    }

    /// <summary>Waits until a line of stderr holds a text.</summary>
    public void WaitFor(string text)
    {
        long start = Stopwatch.GetTimestamp();
        while (!Error.Contains(text, StringComparison.Ordinal))
        {
            Assert.True(!_ended.Task.IsCompleted && Stopwatch.GetElapsedTime(start) < s_patience, $"'{text}' did not come; stderr was:\n{Error}");
            Thread.Sleep(20);
        }
    }

    /// <summary>Ctrl-C, as a terminal sends it, and the time until the process was gone.</summary>
    public (Ran Ran, TimeSpan Took) Interrupt()
    {
        long start = Stopwatch.GetTimestamp();
        using (Process kill = Process.Start("kill", ["-INT", $"{_process.Id}"]))
        {
            kill.WaitForExit();
        }

        Assert.True(_process.WaitForExit(s_patience), "it did not end");
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        return (Wait(), took);
    }

    public Ran Wait()
    {
        Assert.True(_process.WaitForExit(s_patience), "it did not end");
        _process.WaitForExit(); // and its streams are read
        return new Ran((ExitCode)_process.ExitCode, _output.Result, Error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private string Error
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    private void Said(string? line)
    {
        if (line is null)
        {
            _ended.TrySetResult();
            return;
        }

        lock (_error)
        {
            _error.Append(line).Append('\n');
        }
    }
}
