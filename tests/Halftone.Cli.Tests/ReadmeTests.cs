using System.Diagnostics;
using System.Text.Json;
using Halftone.Cli.Tests.EndToEnd;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Halftone.Cli.Tests;

/// <summary>The README's C# is compiled against what was built, and run where its paths lead to the bundled sample.</summary>
public sealed class ReadmeTests
{
    // as a new project has them
    private const string Usings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading; global using System.Threading.Tasks;";

    [Fact]
    public void The_snippet_compiles_and_quantizes_the_sample()
    {
        string readme = Paths.InRepository("README.md");
        Assert.SkipUnless(File.Exists(readme), "README.md is not written yet");
        string snippet = File.ReadAllText(readme).Split("```csharp\n") is [_, var first, ..] ? first.Split("```")[0] : "";
        Assert.True(snippet.Length > 0, "README.md has no ```csharp block");
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("samples"));
        foreach (string file in Directory.GetFiles(Paths.InRepository("samples"), "*.*").Where(f => f.EndsWith(".onnx", StringComparison.Ordinal) || f.EndsWith(".json", StringComparison.Ordinal)))
        {
            File.Copy(file, folder.File("samples/" + Path.GetFileName(file)));
        }

        Bundled.Images(folder, 40, 100, "samples/fashion-mnist");
        Run(Compile(snippet), folder.Path);
        string outcome = Assert.Single(Directory.GetFiles(folder.Path, "outcome.json", SearchOption.AllDirectories));
        JsonElement seen = JsonElement.Parse(File.ReadAllText(outcome));
        Assert.Equal("good", seen.GetProperty("status").GetString());
        Assert.Equal(100, seen.GetProperty("accuracy")[0].GetProperty("samples").GetInt32());
        Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(outcome)!, seen.GetProperty("quantized").GetProperty("file").GetString()!)));
    }

    private static byte[] Compile(string snippet)
    {
        string[] trusted = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        CSharpParseOptions parse = new(LanguageVersion.Latest);
        CSharpCompilation compilation = CSharpCompilation.Create(
            "ReadmeSnippet",
            [CSharpSyntaxTree.ParseText(Usings, parse), CSharpSyntaxTree.ParseText(snippet, parse)],
            trusted.Select(f => MetadataReference.CreateFromFile(f)),
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using var to = new MemoryStream();
        var result = compilation.Emit(to);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity is DiagnosticSeverity.Error)));
        return to.ToArray();
    }

    // a process of its own, for its working folder; the assemblies are this test's
    private static void Run(byte[] program, string folder)
    {
        string path = Path.Combine(AppContext.BaseDirectory, $"snippet-{Guid.NewGuid():N}.dll");
        File.WriteAllBytes(path, program);
        try
        {
            string own = Path.Combine(AppContext.BaseDirectory, typeof(ReadmeTests).Assembly.GetName().Name!);
            var start = new ProcessStartInfo("dotnet", ["exec", "--depsfile", own + ".deps.json", "--runtimeconfig", own + ".runtimeconfig.json", path])
            {
                WorkingDirectory = folder,
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{output.Result}{error}");
        }
        finally
        {
            File.Delete(path);
        }
    }
}
