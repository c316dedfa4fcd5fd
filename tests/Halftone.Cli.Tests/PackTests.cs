using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Halftone.Cli.Tests;

/// <summary>The tool as a package: packed, weighed, installed and run.</summary>
public sealed class PackTests
{
    private const long Limit = 120_000_000;

    [Fact]
    public void The_packed_tool_is_small_holds_one_system_and_runs_once_installed()
    {
        using TemporaryFolder folder = new();
        string rid = RuntimeInformation.RuntimeIdentifier;
        string packages = folder.File("packages");
        Run("dotnet", "pack", Paths.InRepository("src/Halftone.Cli/Halftone.Cli.csproj"), "-c", "Release", "-v", "quiet", "-o", packages,
            "--artifacts-path", folder.File("artifacts"), $"-p:ToolPackageRuntimeIdentifiers={rid}");

        string package = Assert.Single(Directory.GetFiles(packages, $"Halftone.Cli.{rid}.*.nupkg"));
        Assert.InRange(new FileInfo(package).Length, 1_000_000, Limit);
        CheckContents(package, rid);

        string source = folder.File("nuget.config");
        File.WriteAllText(source, $"""<configuration><packageSources><clear /><add key="local" value="{packages}" /></packageSources></configuration>""");
        string tools = folder.File("tools");
        Run("dotnet", "tool", "install", "Halftone.Cli", "--tool-path", tools, "--configfile", source, "--version", CliApplication.Version);
        string halftone = Path.Combine(tools, OperatingSystem.IsWindows() ? "halftone.exe" : "halftone");
        Assert.Equal(CliApplication.Version, Run(halftone, "--version").Trim());
        using JsonDocument seen = JsonDocument.Parse(Run(halftone, "inspect", TestModels.File(folder), "--json"));
        Assert.Equal(6, seen.RootElement.GetProperty("nodes").GetInt32());
    }

    private static void CheckContents(string package, string rid)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        string[] names = [.. zip.Entries.Select(e => e.FullName)];
        Assert.DoesNotContain(names, n => n.Contains("torch", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain(names, n => n.EndsWith(".pdb", StringComparison.OrdinalIgnoreCase));
        Assert.Contains(names, n => Path.GetFileName(n) == "halftone.dll");
        foreach (string native in (string[])["onnxruntime", "libSkiaSharp"])
        {
            // once, and of this system
            Assert.Single(names, n => Path.GetFileNameWithoutExtension(n) is { } f && (f == native || f == "lib" + native) && IsNative(n));
        }

        Assert.DoesNotContain(names, n => n.Contains("/runtimes/", StringComparison.Ordinal) && !n.Contains($"/runtimes/{rid}/", StringComparison.Ordinal));
    }

    private static bool IsNative(string name) =>
        name.EndsWith(".so", StringComparison.Ordinal) || name.EndsWith(".dylib", StringComparison.Ordinal) || name.EndsWith(".dll", StringComparison.Ordinal);

    private static string Run(string program, params string[] args)
    {
        ProcessStartInfo start = new(program, args) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)} ended with {process.ExitCode}:\n{output}\n{error.Result}");
        return output;
    }
}
