namespace Halftone.Engine.Kernels.Products;

/// <summary>A <see cref="ProductProblem"/> made ready by one tier: packed weights and code. Immutable; runs may go on in several threads at once.</summary>
internal abstract unsafe class ProductKernel : IDisposable
{
    /// <summary>Channels are computed in panels; the last may be narrower.</summary>
    public abstract int PanelWidth { get; }

    /// <summary>Number of panels.</summary>
    public abstract int Panels { get; }

    /// <summary>Bytes that all weights take as they are kept.</summary>
    public abstract long WeightBytes { get; }

    /// <summary>Rows that one step computes: splitting work at multiples of it wastes nothing.</summary>
    public abstract int TileRows { get; }

    /// <summary>Computes some panels of some rows.</summary>
    /// <param name="a">The first row.</param>
    /// <param name="y">The first row of the output, its first channel (of the whole output, not of the panel).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="firstPanel">The first panel.</param>
    /// <param name="panels">Number of panels.</param>
    /// <param name="others">What is added to the first row, its first channel, where the problem has a residual.</param>
    public abstract void Run(byte* a, byte* y, int rows, int firstPanel, int panels, byte* others = null);

    /// <summary>Computes some panels of lines of rows, where some segments may be known to hold nothing but zeros; a kernel may leave them out.</summary>
    /// <param name="a">The first row of the first line.</param>
    /// <param name="y">The first row of the output, its first channel.</param>
    /// <param name="lines">The lines.</param>
    /// <param name="firstPanel">The first panel.</param>
    /// <param name="panels">Number of panels.</param>
    /// <param name="firstSegment">The first segment that may hold something else.</param>
    /// <param name="segments">Number of segments that may, 1 or more.</param>
    /// <param name="others">What is added to the first row of the first line, its first channel, where the problem has a residual.</param>
    public virtual void Run(byte* a, byte* y, KernelLines lines, int firstPanel, int panels, int firstSegment, int segments, byte* others = null)
    {
        for (int panel = firstPanel; panel < firstPanel + panels; panel++)
        {
            for (int line = 0; line < lines.Lines; line++)
            {
                Run(a + (line * lines.Stride), y + (line * lines.OutputStride), lines.Rows, panel, 1, others + (line * lines.OthersStride));
            }
        }
    }

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}

/// <summary>Rows in lines.</summary>
/// <param name="Lines">Number of lines.</param>
/// <param name="Rows">Rows of a line.</param>
/// <param name="Stride">Bytes from a line to the next.</param>
/// <param name="OutputStride">Bytes from a line of the output to the next.</param>
/// <param name="OthersStride">Bytes from a line of what is added to the next.</param>
internal readonly record struct KernelLines(int Lines, int Rows, long Stride, long OutputStride, long OthersStride = 0);

/// <summary>How products are computed on one kind of machine.</summary>
/// <param name="Name">As the environment variable HALFTONE_ENGINE_TIER spells it: reference, avx2, avxvnni, avx512vnni, advsimd.</param>
/// <param name="IsSupported">Whether this machine can.</param>
/// <param name="Build">Packs a problem's weights.</param>
internal sealed record ProductTier(string Name, Func<bool> IsSupported, Func<ProductProblem, ProductKernel> Build);
