using System.Diagnostics;
using System.Runtime.InteropServices;
using Halftone.Engine.Aot;
using Halftone.PostTraining.Tests.Fusion;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>The engine compiled natively, ahead of time, computes what it computes here.</summary>
public sealed class NativeAotTests
{
    // it publishes a program first, which takes a minute and a linker
    [Fact(Explicit = true)]
    public void A_native_program_gives_the_same_bytes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "publishes for linux-x64");
        string linker = ((string[])["clang", "gcc"]).FirstOrDefault(c => File.Exists($"/usr/bin/{c}")) ?? "";
        Assert.SkipWhen(linker.Length == 0, "needs clang or gcc to link");
        using var folder = new TemporaryFolder();
        string program = folder.File("out");
        Run("dotnet", "publish", Paths.InRepository("tests/Halftone.Engine.Aot"), "-c", "Release", "-r", "linux-x64", $"-p:CppCompilerAndLinker={linker}", $"-p:ArtifactsPath={folder.File("artifacts")}", "-o", program);
        foreach ((string name, string recipe) in (ReadOnlySpan<(string, string)>)[("fashion_resnet", "intelcaffe-int8"), ("fashion_mobilenet", "tensorflow-int8"), ("fashion_mobilenet", "pytorch-dynamic")])
        {
            string model = folder.File($"{name}-{recipe}.onnx");
            QuantizedModels.Of(name, recipe).Quantized.Save(model);
            Assert.Equal(Checksum.Of(model), Run(Path.Combine(program, "Halftone.Engine.Aot"), model).Trim());
        }
    }

    private static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {output}");
        return output;
    }
}
