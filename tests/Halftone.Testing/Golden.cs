using System.Runtime.CompilerServices;
using Xunit;

namespace Halftone.Testing;

/// <summary>Text compared with a checked-in file. HALFTONE_GOLDEN=accept rewrites the files instead.</summary>
public static class Golden
{
    public static void Check(string actual, string file, [CallerFilePath] string caller = "")
    {
        string path = Path.Combine(Path.GetDirectoryName(caller)!, "golden", file);
        if (Environment.GetEnvironmentVariable("HALFTONE_GOLDEN") == "accept")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        Assert.Equal(File.ReadAllText(path), actual);
    }
}
