namespace Halftone.Onnx;

/// <summary>A model that cannot be used: not a model, damaged, hostile, or with something unsupported. The message names file, node or tensor, and what to do.</summary>
public sealed class ModelException : Exception
{
    /// <summary>With a message.</summary>
    public ModelException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and what caused it.</summary>
    public ModelException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Without a message; the analyzers want it.</summary>
    public ModelException()
    {
    }
}
