using System.Text;

namespace Halftone.Onnx;

/// <summary>Files that appear only when complete: written beside the target, then renamed.</summary>
public static class WholeFile
{
    private const string Part = ".part";

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; one that is there is replaced, and stays as it is where writing fails.</param>
    /// <param name="write">Writes its content.</param>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string part = path + Part;
        try
        {
            RefuseDevice(path);
            using (Stream stream = File.Create(part))
            {
                write(stream);
            }

            File.Move(part, path, overwrite: true);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"'{path}' cannot be written: {error.Message}", error);
        }
        finally
        {
            Remove(part);
        }
    }

    /// <summary>Writes text, as UTF-8.</summary>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Refuses a target that is no file: a rename would put a file in the place of the device.</summary>
    /// <exception cref="IOException">It is a device or a pipe.</exception>
    internal static void RefuseDevice(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length > 0)
        {
            return;
        }

        // devices and pipes have no length, and none can be set
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            stream.SetLength(0);
        }
        catch (Exception error) when (error is IOException or NotSupportedException)
        {
            throw new IOException($"'{path}' is no file that can be written to; give the name of a file.", error);
        }
    }

    /// <summary>Deletes a file where there is one.</summary>
    internal static void Remove(string path)
    {
        if (File.Exists(path))
        {
            File.Delete(path);
        }
    }
}
