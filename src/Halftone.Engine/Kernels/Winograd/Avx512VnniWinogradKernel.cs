using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>Winograd convolutions by kernels that are assembled for the problem: AVX-512 VNNI, 16 bits by 16.</summary>
internal sealed unsafe class Avx512VnniWinogradKernel : WinogradKernel
{
    private const int StartsOfPanel = WinogradTransform.Places * PanelWidth;

    private readonly WinogradWeights _weights;
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
        _constants = new PanelConstants(1, problem.Bias, 9 * problem.Inputs, problem.Epilogue, problem.Residual, 1f / (1 << WinogradTransform.Raised));
        int last = _constants.Panels - 1;
        _weights = new WinogradWeights(problem);
        _starts = new NativeBuffer(_constants.Panels * (long)StartsOfPanel * sizeof(int));
        for (int n = 0; n < problem.Outputs; n++)
        {
            (int panel, int lane) = Math.DivRem(n, PanelWidth);
            Starts(panel)[(WinogradTransform.BiasPlace * PanelWidth) + lane] = unchecked((9 << WinogradTransform.Raised) * problem.Bias[n]);
        }

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
    protected override void Multiply(int panel, short* inputs, int* products)
    {
        WinogradCall call = Multiplying(panel, inputs, products);
        Call(_multiply, ref call);
    }

    /// <inheritdoc/>
    protected override void Finish(int panel, int* products, WinogradTile* tiles)
    {
        var call = default(WinogradCall);
        Finishing(ref call, panel, products, tiles);
        Call(_finish, ref call);
    }

    /// <inheritdoc/>
    protected override void MultiplyAndFinish(int panel, short* inputs, int* products, int finished, int* finishedProducts, WinogradTile* tiles)
    {
        WinogradCall call = Multiplying(panel, inputs, products);
        Finishing(ref call, finished, finishedProducts, tiles);
        Call(finished == _constants.Panels - 1 ? _wovenLast : _woven, ref call);
    }

    private static IEnumerable<int> Sizes(int inputs) => Enumerable.Range(FewestTiles, WinogradCode.MostTiles - FewestTiles + 1).Where(tiles => WinogradCode.Turns(tiles, inputs) > 0);

    private int* Starts(int panel) => (int*)_starts.Pointer + ((nint)panel * StartsOfPanel);

    private WinogradCall Multiplying(int panel, short* inputs, int* products) => new()
    {
        Inputs = inputs,
        Weights = _weights.Panel(panel),
        Products = products,
        Starts = Starts(panel),
        Constants = _constants.Of(panel),
    };

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
}
