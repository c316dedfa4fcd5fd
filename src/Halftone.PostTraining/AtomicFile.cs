namespace Halftone.PostTraining;

/// <summary>Files that appear only when complete: written beside the target, then renamed.</summary>
public static class AtomicFile
{
    /// <summary>Writes text.</summary>
    public static void WriteText(string path, string text)
    {
        string part = path + ".part";
        try
        {
            File.WriteAllText(part, text);
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }
}
