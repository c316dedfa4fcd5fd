using System.CommandLine;

namespace Halftone.Cli;

/// <summary>Where a command writes, checked before any work starts: an hour of it must not end at a folder that cannot be written to.</summary>
internal static class OutputPath
{
    /// <summary>The folder of --output, which need not be there yet.</summary>
    /// <exception cref="IOException">It cannot be made or written to.</exception>
    public static string Folder(ParseResult options, string standard)
    {
        string folder = options.GetValue(CommonOptions.Output) ?? standard;
        if (Path.GetExtension(folder).Equals(".onnx", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(folder))
        {
            throw new UsageException($"Model, recipe and report go into a folder: give --output a folder, not '{folder}'.");
        }

        return Folder(folder);
    }

    /// <summary>A folder, which need not be there yet.</summary>
    /// <exception cref="IOException">It cannot be made or written to.</exception>
    public static string Folder(string folder)
    {
        Probe(folder, folder);
        return folder;
    }

    /// <summary>The file to write, which must not be the one that is read.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static string File(string path, string source)
    {
        if (Directory.Exists(path))
        {
            throw new IOException($"'{path}' is a folder; --output names the file to write.");
        }

        // where devices are files, a rename would put the model in a device's place
        if (!OperatingSystem.IsWindows() && Path.GetFullPath(path).StartsWith("/dev/", StringComparison.Ordinal))
        {
            throw new IOException($"'{path}' is a device; --output names the file to write.");
        }

        if (Path.GetFullPath(path) == Path.GetFullPath(source))
        {
            throw new UsageException($"--output is the input '{source}', which stays as it is: give another name.");
        }

        Probe(Path.GetDirectoryName(Path.GetFullPath(path))!, path);
        return path;
    }

    private static void Probe(string folder, string asked)
    {
        string at = Path.GetFullPath(folder);
        while (!Directory.Exists(at))
        {
            at = System.IO.File.Exists(at)
                ? throw new IOException($"'{asked}' cannot be written: '{at}' is a file, not a folder.")
                : Path.GetDirectoryName(at) ?? throw new IOException($"'{asked}' cannot be written: there is no '{at}'.");
        }

        try
        {
            using FileStream probe = System.IO.File.Create(Path.Combine(at, $".halftone-{Guid.NewGuid():N}.part"), 1, FileOptions.DeleteOnClose);
            probe.WriteByte(0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"'{asked}' cannot be written: {error.Message}", error);
        }
    }
}
