namespace Halftone.OnnxRuntime;

/// <summary>How a model is loaded into ONNX Runtime (CPU).</summary>
public sealed record OrtOptions
{
    /// <summary>The defaults: one thread, everything optimized.</summary>
    public static OrtOptions Default { get; } = new();

    /// <summary>Threads inside an operator; 1 or more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int Threads
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }

    = 1;

    /// <summary>Whether nodes are fused and folded, as users run it. Without, every node computes by its definition, Q and DQ too.</summary>
    public bool Optimize { get; init; } = true;

    /// <summary>Whether the optimizer may change the memory layout of convolutions (NCHWc, NHWC). Without, fused nodes keep their names.</summary>
    public bool ChangeLayout { get; init; } = true;

    /// <summary>Where the optimized model is written while loading; null for nowhere.</summary>
    public string? SaveOptimizedTo { get; init; }

    /// <summary>Whether the optimized model keeps its large constants in a file beside it, as it must over 2 GB.</summary>
    public bool SaveExternalData { get; init; }

    /// <summary>A folder for a profile of every run, which <see cref="OrtSession.EndProfile"/> closes; null for none.</summary>
    public string? ProfileFolder { get; init; }

    /// <summary>Whether x64 kernels that add u8 x s8 pairs in saturating 16 bits give way to exact ones (session.x64quantprecision).</summary>
    public bool ExactProducts { get; init; }

    /// <summary>Whether kernels whose result depends on timing are avoided.</summary>
    public bool Deterministic { get; init; } = true;
}
