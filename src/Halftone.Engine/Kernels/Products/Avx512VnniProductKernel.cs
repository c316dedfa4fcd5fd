using System.Collections.Immutable;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Products by a kernel that is assembled for the problem: AVX-512 VNNI.</summary>
internal sealed unsafe class Avx512VnniProductKernel : ProductKernel
{
    private readonly ProductProblem _problem;
    private readonly PackedProduct _packed;
    private readonly Dictionary<(int Channels, int Rows), ExecutableMemory> _codes = [];
    private readonly Lock _lock = new();
    private readonly ExecutableMemory[] _tiles; // one tile a line: of a full panel, of the last
    private readonly ExecutableMemory[] _lines; // a whole line of the problem
    private readonly ExecutableMemory?[] _lastLines; // the last line, where it is shorter
    private readonly int[] _tileRows;
    private bool _disposed;

    /// <summary>Packs and assembles.</summary>
    /// <exception cref="ArgumentException">The problem's arrays do not fit.</exception>
    /// <exception cref="NotSupportedException">The system grants no executable memory.</exception>
    public Avx512VnniProductKernel(ProductProblem problem)
    {
        KernelChecks.Require(problem);
        _problem = problem;
        _packed = new PackedProduct(problem);
        int[] panels = [0, Panels - 1];
        _tileRows = [.. panels.Select(p => PickRows(problem.LineRows, ProductCode.MostRows(_packed.Constants.Vectors(p))))];
        _tiles = [.. panels.Select((p, i) => Code(p, _tileRows[i], () => [new(_tileRows[i], 1, [])]))];
        _lines = [.. panels.Select((p, i) => problem.LineRows == _tileRows[i] && problem.LineTaps.IsDefault ? _tiles[i] : Code(p, -problem.LineRows, () => LineTiles(problem.LineRows, _tileRows[i])))];
        _lastLines = [.. panels.Select((p, i) => problem.LastRows == 0 ? null : Code(p, -problem.LastRows, () => LineTiles(problem.LastRows, _tileRows[i])))];
    }

    /// <inheritdoc/>
    public override int PanelWidth => _packed.PanelWidth;

    /// <inheritdoc/>
    public override int Panels => _packed.Panels;

    /// <inheritdoc/>
    public override int TileRows => _tileRows[0];

    /// <inheritdoc/>
    public override long WeightBytes => _packed.WeightBytes;

    /// <summary>The tier's entry for the list. It leaves fixed-point requantization to the best of the tiers that are not assembled.</summary>
    public static ProductTier Tier { get; } = new(
        "avx512vnni",
        () => Cpu.HasAvx512Vnni,
        p => p.Epilogue is FixedPointRequantize ? ProductTiers.All.First(t => t != Tier && t.IsSupported()).Build(p) : new Avx512VnniProductKernel(p));

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int rows, int firstPanel, int panels, byte* others = null) =>
        Run(a, y, new(1, rows, 0, 0), firstPanel, panels, 0, _problem.SegmentOffsets.Length, others);

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, KernelLines lines, int firstPanel, int panels, int firstSegment, int segments, byte* others = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ProductCall call = default;
        call.Offsets = _packed.Offsets(firstSegment);
        call.Segments = segments;
        for (int panel = firstPanel; panel < firstPanel + panels; panel++)
        {
            int last = panel == Panels - 1 ? 1 : 0;
            call.Weights = _packed.Weights(panel, firstSegment);
            call.Bias = _packed.Constants.Bias(panel);
            call.Constants = _packed.Constants.Of(panel);
            call.A = a;
            call.Y = y + ((long)panel * PanelWidth * _problem.Epilogue.ElementBytes);
            call.Others = others + ((long)panel * PanelWidth);
            if (lines.Rows == _problem.LineRows)
            {
                Call(_lines[last], call, lines);
                continue;
            }

            if (lines.Rows == _problem.LastRows && _lastLines[last] is { } shorter)
            {
                Call(shorter, call, lines);
                continue;
            }

            for (int line = 0; line < lines.Lines; line++)
            {
                Rows(call, lines.Rows, last);
                call.A += lines.Stride;
                call.Y += lines.OutputStride;
                call.Others += lines.OthersStride;
            }
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _disposed = true;
        foreach (ExecutableMemory code in _codes.Values)
        {
            code.Dispose();
        }

        _packed.Dispose();
        base.Dispose();
    }

    /// <summary>As many rows as whole tiles make, and the rest.</summary>
    private void Rows(ProductCall call, int rows, int last)
    {
        int height = _tileRows[last];
        int tiles = rows / height;
        int left = rows - (tiles * height);
        var whole = new KernelLines(
            tiles, height, (long)height * _problem.RowStride, (long)height * _problem.OutputStride, (long)height * (_problem.Residual?.RowStride ?? 0));
        if (tiles > 0)
        {
            Call(_tiles[last], call, whole);
        }

        if (left > 0)
        {
            call.A += tiles * whole.Stride;
            call.Y += tiles * whole.OutputStride;
            call.Others += tiles * whole.OthersStride;
            Call(Code(last == 0 ? 0 : Panels - 1, left, () => [new(left, 1, [])]), call, new(1, left, 0, 0));
        }
    }

    private static void Call(ExecutableMemory code, ProductCall call, KernelLines lines)
    {
        if (lines.Lines > 0)
        {
            (call.Lines, call.LineStride, call.OutputLineStride, call.OthersLineStride) = (lines.Lines, lines.Stride, lines.OutputStride, lines.OthersStride);
            ((delegate* unmanaged<ProductCall*, void>)code.Address)(&call);
        }
    }

    /// <summary>Fewest tiles, then least waste, for lines of so many rows.</summary>
    private static int PickRows(int lineRows, int most)
    {
        if (lineRows <= most)
        {
            return Math.Max(lineRows, 1);
        }

        // a row costs one step, loading weights about one more a tile
        return Enumerable.Range((most / 2) + 1, most - (most / 2)).MinBy(rows => (((lineRows + rows - 1) / rows) * 2) + (lineRows % rows == 0 ? 0 : 1) + ((most - rows) * 0.01));
    }

    /// <summary>Code for a panel's number of channels: of one tile, or of the problem's line.</summary>
    private ExecutableMemory Code(int panel, int rows, Func<IReadOnlyList<ProductTile>> tiles)
    {
        lock (_lock)
        {
            if (!_codes.TryGetValue((_packed.Constants.ChannelsOf(panel), rows), out ExecutableMemory? code))
            {
                code = ExecutableMemory.Assemble(ProductCode.Assemble(_problem, _packed, panel, tiles(), OperatingSystem.IsWindows()))
                    ?? throw new NotSupportedException("The system grants no executable memory.");
                _codes.Add((_packed.Constants.ChannelsOf(panel), rows), code);
            }

            return code;
        }
    }

    /// <summary>The tiles of a line; where taps may be left out, each tile for what its rows leave out.</summary>
    private List<ProductTile> LineTiles(int rows, int height)
    {
        List<ProductTile> tiles = [];
        for (int first = 0; first < rows; first += height)
        {
            int count = Math.Min(height, rows - first);
            ImmutableArray<ProductPhase> phases = _problem.LineTaps.IsDefault ? [] : Phases(first, count);
            if (tiles.Count > 0 && tiles[^1].Rows == count && Same(tiles[^1].Phases, phases))
            {
                tiles[^1] = tiles[^1] with { Repeat = tiles[^1].Repeat + 1 };
            }
            else
            {
                tiles.Add(new(count, 1, phases));
            }
        }

        return tiles;
    }

    private static bool Same(ImmutableArray<ProductPhase> a, ImmutableArray<ProductPhase> b) =>
        a.Length == b.Length && a.Zip(b).All(p => p.First.Steps == p.Second.Steps && p.First.Rows.SequenceEqual(p.Second.Rows));

    private ImmutableArray<ProductPhase> Phases(int first, int count)
    {
        List<ProductPhase> phases = [];
        int taps = _problem.SegmentBytes / _problem.TapBytes;
        for (int tap = 0; tap < taps; tap++)
        {
            ImmutableArray<bool> rows = [.. Enumerable.Range(first, count).Select(r => tap >= _problem.LineTaps[r].First && tap < _problem.LineTaps[r].End)];
            if (phases.Count > 0 && phases[^1].Rows.SequenceEqual(rows))
            {
                phases[^1] = phases[^1] with { Steps = phases[^1].Steps + (_problem.TapBytes / 4) };
            }
            else
            {
                phases.Add(new(_problem.TapBytes / 4, rows));
            }
        }

        return phases is [{ Rows: var all }] && all.All(r => r) ? [] : [.. phases];
    }
}
