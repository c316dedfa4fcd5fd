namespace Halftone.Engine.Kernels.LowBit;

/// <summary>A <see cref="LowBitProblem"/> made ready by one tier: packed weights and code. Immutable; runs may go on in several threads at once, each with a scratch of its own.</summary>
internal abstract unsafe class LowBitKernel : IDisposable
{
    /// <summary>Channels are computed in panels; the last may be narrower.</summary>
    public abstract int PanelWidth { get; }

    /// <summary>Number of panels.</summary>
    public abstract int Panels { get; }

    /// <summary>Bytes of scratch that a run takes.</summary>
    public abstract long ScratchBytes(int rows);

    /// <summary>Computes some panels of some rows.</summary>
    /// <param name="x">The first row.</param>
    /// <param name="y">The first row of the output, its first channel (of the whole output, not of the panel).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="firstPanel">The first panel.</param>
    /// <param name="panels">Number of panels.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/>, at an address that is a multiple of 4.</param>
    public abstract void Run(float* x, float* y, int rows, int firstPanel, int panels, byte* scratch);

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}

/// <summary>How products by low-bit weights are computed on one kind of machine.</summary>
/// <param name="Name">As the environment variable HALFTONE_ENGINE_TIER spells it: reference, avx2, avxvnni, avx512vnni.</param>
/// <param name="IsSupported">Whether this machine can.</param>
/// <param name="Build">Packs a problem's weights.</param>
internal sealed record LowBitTier(string Name, Func<bool> IsSupported, Func<LowBitProblem, LowBitKernel> Build);
