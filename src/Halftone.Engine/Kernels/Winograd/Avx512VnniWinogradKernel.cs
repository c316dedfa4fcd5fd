using System.Runtime.CompilerServices;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>Winograd convolutions by kernels that are assembled for the problem: AVX-512 VNNI, 16 bits by 16.</summary>
/// <remarks>Weights: [panel][place][pair of inputs][lane][2].</remarks>
internal sealed unsafe class Avx512VnniWinogradKernel : WinogradKernel
{
    private readonly WinogradProblem _problem;
    private readonly NativeBuffer _weights;
    private readonly NativeBuffer _starts;
    private readonly PanelConstants _constants;
    private readonly List<ExecutableMemory> _codes = [];
    private readonly nint _multiply;
    private readonly nint _finish; // the last panel, which may be narrower
    private readonly nint _woven; // finishes a whole panel
    private readonly nint _wovenLast;
    private bool _disposed;

    /// <summary>Transforms the weights and assembles.</summary>
    /// <exception cref="ArgumentException">The problem's arrays do not fit.</exception>
    /// <exception cref="NotSupportedException">The system grants no executable memory.</exception>
    public Avx512VnniWinogradKernel(WinogradProblem problem)
        : base(problem, Sizes(problem.Inputs))
    {
        _problem = problem;
        _constants = new PanelConstants(1, problem.Bias, 9 * problem.Inputs, problem.Epilogue, problem.Residual, 1f / (1 << WinogradTransform.Raised));
        int last = _constants.Panels - 1;
        long lanes = _constants.Panels * PanelWidth * (long)WinogradTransform.Places;
        _weights = new NativeBuffer(lanes * problem.Inputs * sizeof(short));
        _starts = new NativeBuffer(lanes * sizeof(int));
        Pack();
        bool windows = OperatingSystem.IsWindows();
        _multiply = Code(WinogradCode.Multiply(problem, _constants, Tiles, windows));
        _finish = Code(WinogradCode.Finish(problem, _constants, Tiles, last, windows));
        _woven = Code(WinogradCode.Woven(problem, _constants, Tiles, 0, windows));
        _wovenLast = _constants.ChannelsOf(last) == _constants.ChannelsOf(0) ? _woven : Code(WinogradCode.Woven(problem, _constants, Tiles, last, windows));
    }

    /// <inheritdoc/>
    public override long WeightBytes => _weights.Length;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _disposed = true;
        _codes.ForEach(c => c.Dispose());
        _weights.Dispose();
        _starts.Dispose();
        _constants.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected internal override void Multiply(int panel, short* inputs, int* products)
    {
        WinogradCall call = Multiplying(panel, inputs, products);
        Call(_multiply, ref call);
    }

    /// <inheritdoc/>
    protected internal override void Finish(int panel, int* products, WinogradTile* tiles)
    {
        var call = default(WinogradCall);
        Finishing(ref call, panel, products, tiles);
        Call(_finish, ref call);
    }

    /// <inheritdoc/>
    protected internal override void MultiplyAndFinish(int panel, short* inputs, int* products, int finished, int* finishedProducts, WinogradTile* tiles)
    {
        WinogradCall call = Multiplying(panel, inputs, products);
        Finishing(ref call, finished, finishedProducts, tiles);
        Call(finished == _constants.Panels - 1 ? _wovenLast : _woven, ref call);
    }

    private static IEnumerable<int> Sizes(int inputs) => Enumerable.Range(6, WinogradCode.MostTiles - 5).Where(tiles => WinogradCode.Turns(tiles, inputs) > 0);

    private WinogradCall Multiplying(int panel, short* inputs, int* products)
    {
        long places = (long)panel * WinogradTransform.Places * PanelWidth;
        return new()
        {
            Inputs = inputs,
            Weights = (short*)_weights.Pointer + (places * _problem.Inputs),
            Products = products,
            Starts = (int*)_starts.Pointer + places,
            Constants = _constants.Of(panel),
        };
    }

    private void Finishing(ref WinogradCall call, int panel, int* products, WinogradTile* tiles)
    {
        call.Finished = products;
        call.Tiles = tiles;
        call.Constants = _constants.Of(panel);
        call.Channel = panel * PanelWidth;
        call.InverseOfNine = WinogradTransform.InverseOfNine;
    }

    private void Call(nint code, ref WinogradCall call)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        fixed (WinogradCall* pointer = &call)
        {
            ((delegate* unmanaged<WinogradCall*, void>)code)(pointer);
        }
    }

    private nint Code(Iced.Intel.Assembler code)
    {
        _codes.Add(ExecutableMemory.Assemble(code) ?? throw new NotSupportedException("The system grants no executable memory."));
        return _codes[^1].Address;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // every weight passes here while loading
    private void Pack()
    {
        Span<short> places = stackalloc short[WinogradTransform.Places];
        int inputs = _problem.Inputs;
        short* to = (short*)_weights.Pointer;
        int* starts = (int*)_starts.Pointer;
        for (int n = 0; n < _problem.Outputs; n++)
        {
            (int panel, int lane) = Math.DivRem(n, PanelWidth);
            starts[(((panel * WinogradTransform.Places) + WinogradTransform.BiasPlace) * PanelWidth) + lane] = unchecked((9 << WinogradTransform.Raised) * _problem.Bias[n]);
            ReadOnlySpan<sbyte> weights = _problem.Weights.AsSpan(n * 9 * inputs, 9 * inputs);
            for (int c = 0; c < inputs; c++)
            {
                WinogradTransform.Weights(weights[c..], inputs, places);
                for (int place = 0; place < places.Length; place++)
                {
                    long pair = ((((long)panel * places.Length) + place) * (inputs / 2)) + (c / 2);
                    to[(((pair * PanelWidth) + lane) * 2) + (c % 2)] = places[place];
                }
            }
        }
    }
}
