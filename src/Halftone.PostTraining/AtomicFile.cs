using System.Text;
using Halftone.Onnx;

namespace Halftone.PostTraining;

/// <summary>Files that appear only when complete: written beside the target, then renamed.</summary>
public static class AtomicFile
{
    /// <summary>Writes text.</summary>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void WriteText(string path, string text) => WholeFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}
