using System.Runtime.CompilerServices;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>Transformed weights as kernels read them: [panel][place][pair of inputs][lane][2], 16 bits each; lanes without a channel are zeros.</summary>
internal sealed unsafe class WinogradWeights : IDisposable
{
    private readonly NativeBuffer _memory;
    private readonly long _panel;

    /// <summary>Transforms a problem's weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // every weight passes here while loading
    public WinogradWeights(WinogradProblem problem)
    {
        const int Width = WinogradKernel.PanelWidth, Places = WinogradTransform.Places;
        int inputs = problem.Inputs;
        int panels = (problem.Outputs + Width - 1) / Width;
        _panel = (long)Places * inputs * Width;
        _memory = new NativeBuffer(panels * _panel * sizeof(short));
        Span<short> places = stackalloc short[Places];
        for (int n = 0; n < problem.Outputs; n++)
        {
            ReadOnlySpan<sbyte> weights = problem.Weights.AsSpan(n * 9 * inputs, 9 * inputs);
            short* lane = Panel(n / Width) + (2 * (n % Width));
            for (int c = 0; c < inputs; c++)
            {
                WinogradTransform.Weights(weights[c..], inputs, places);
                short* to = lane + ((c / 2) * 2 * Width) + (c % 2);
                for (int place = 0; place < Places; place++, to += inputs * Width)
                {
                    *to = places[place];
                }
            }
        }
    }

    /// <summary>Bytes they take.</summary>
    public long Length => _memory.Length;

    /// <summary>The weights of a panel.</summary>
    public short* Panel(int panel) => (short*)_memory.Pointer + (panel * _panel);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
