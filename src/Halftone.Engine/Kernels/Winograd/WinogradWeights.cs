using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>Transformed weights, G w G' as <see cref="WinogradTransform"/> has it, as kernels read them: [panel][place][pair of inputs][lane][2], 16 bits each; lanes without a channel are zeros.</summary>
internal sealed unsafe class WinogradWeights : IDisposable
{
    private const int Width = WinogradKernel.PanelWidth;
    private const int Side = WinogradTransform.Inputs;
    private const int Taps = 3;

    private readonly NativeBuffer _memory;
    private readonly long _panel;

    /// <summary>Transforms a problem's weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // every weight passes here while loading
    public WinogradWeights(WinogradProblem problem)
    {
        int inputs = problem.Inputs;
        int panels = (problem.Outputs + Width - 1) / Width;
        _panel = (long)WinogradTransform.Places * inputs * Width;
        _memory = new NativeBuffer(panels * _panel * sizeof(short));
        short* taps = stackalloc short[Taps * Taps * 2 * Width];
        for (int panel = 0; panel < panels; panel++)
        {
            int count = Math.Min(Width, problem.Outputs - (panel * Width));
            new Span<short>(taps, Taps * Taps * 2 * Width).Clear();
            for (int c = 0; c < inputs; c += 2)
            {
                for (int lane = 0; lane < count; lane++)
                {
                    ReadOnlySpan<sbyte> weights = problem.Weights.AsSpan((((panel * Width) + lane) * Taps * Taps * inputs) + c);
                    for (int tap = 0; tap < Taps * Taps; tap++)
                    {
                        taps[(((tap * Width) + lane) * 2)] = weights[tap * inputs];
                        taps[(((tap * Width) + lane) * 2) + 1] = weights[(tap * inputs) + 1];
                    }
                }

                short* to = Panel(panel) + (c * Width);
                Transform(taps, to, inputs * Width);
                Transform(taps + Width, to + Width, inputs * Width);
            }
        }
    }

    /// <summary>Bytes they take.</summary>
    public long Length => _memory.Length;

    /// <summary>The weights of a panel.</summary>
    public short* Panel(int panel) => (short*)_memory.Pointer + (panel * _panel);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>Transforms sixteen filters, a pair of inputs of half a panel's lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transform(short* taps, short* places, nint stride)
    {
        const int Tap = 2 * Width;
        short* lines = stackalloc short[Side * Taps * Width];
        for (int s = 0; s < Taps; s++)
        {
            short* tap = taps + (s * Tap);
            Six(Vector256.Load(tap), Vector256.Load(tap + (Taps * Tap)), Vector256.Load(tap + (2 * Taps * Tap)), lines + (s * Width), Taps * Width);
        }

        for (int i = 0; i < Side; i++)
        {
            short* line = lines + (i * Taps * Width);
            Six(Vector256.Load(line), Vector256.Load(line + Width), Vector256.Load(line + (2 * Width)), places + (i * Side * stride), stride);
        }
    }

    /// <summary>24 G times three values; the last line halved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Six(Vector256<short> w0, Vector256<short> w1, Vector256<short> w2, short* to, nint stride)
    {
        Vector256<short> ends = w0 + w2, far = w0 + (w2 << 2), middle = w1 << 1;
        ((w0 << 2) + (w0 << 1)).Store(to);
        (-((ends + w1) << 2)).Store(to + stride);
        (-((ends - w1) << 2)).Store(to + (2 * stride));
        (far + middle).Store(to + (3 * stride));
        (far - middle).Store(to + (4 * stride));
        ((w2 << 3) + (w2 << 2)).Store(to + (5 * stride));
    }
}
