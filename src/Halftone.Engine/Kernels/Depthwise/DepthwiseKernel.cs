namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>A <see cref="DepthwiseProblem"/> made ready by one tier. Immutable; runs may go on in several threads at once.</summary>
internal abstract unsafe class DepthwiseKernel : IDisposable
{
    /// <summary>Computes all channels of lines of outputs.</summary>
    public abstract void Run(in DepthwiseLines lines);

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}

/// <summary>How depthwise convolutions are computed on one kind of machine.</summary>
/// <param name="Name">As the environment variable HALFTONE_ENGINE_TIER spells it.</param>
/// <param name="IsSupported">Whether this machine can run that problem.</param>
/// <param name="Build">Packs a problem's weights.</param>
internal sealed record DepthwiseTier(string Name, Func<DepthwiseProblem, bool> IsSupported, Func<DepthwiseProblem, DepthwiseKernel> Build);
