namespace Halftone.Training.Native;

/// <summary>Keeps a file of known content in the first of several folders that takes it.</summary>
internal static class PrivateCopy
{
    /// <summary>Puts the content into a file, or finds it there already.</summary>
    /// <param name="content">What the file holds.</param>
    /// <param name="fileName">The file's name, the same for the same content.</param>
    /// <param name="folders">Where it may lie, best first; made when missing.</param>
    /// <returns>The file's path.</returns>
    /// <remarks>
    /// <para>The content is written to a file of another name and renamed, so that no reader ever sees half of it and two
    /// processes that write at once both end with the whole file. A file that is there is used only when it holds exactly the
    /// content; a damaged one is replaced.</para>
    /// </remarks>
    /// <exception cref="IOException">no folder takes the file.</exception>
    public static string Put(byte[] content, string fileName, IReadOnlyList<string> folders)
    {
        List<string> reasons = [];
        foreach (string folder in folders)
        {
            try
            {
                return PutInto(folder, content, fileName);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                reasons.Add($"{folder}: {e.Message}");
            }
        }

        throw new IOException($"No folder takes the private copy {fileName} ({string.Join(" ", reasons)}). Make one of these folders writable, or set XDG_CACHE_HOME to a folder that is.");
    }

    private static string PutInto(string folder, byte[] content, string fileName)
    {
        string path = Path.Combine(folder, fileName);
        if (File.Exists(path) && new FileInfo(path).Length == content.Length && File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
        {
            return path;
        }

        Directory.CreateDirectory(folder);
        string temporary = Path.Combine(folder, $"{fileName}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp");
        try
        {
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        return path;
    }
}
