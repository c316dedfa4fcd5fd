namespace Halftone.Data;

/// <summary>Data that cannot be used: missing, damaged, hostile, or not what the model takes. The message names the file, input or key, and what to do.</summary>
public sealed class DataException : Exception
{
    /// <summary>With a message.</summary>
    public DataException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and what caused it.</summary>
    public DataException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Without a message; the analyzers want it.</summary>
    public DataException()
    {
    }
}
