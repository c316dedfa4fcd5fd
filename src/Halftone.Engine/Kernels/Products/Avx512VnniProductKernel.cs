using System.Collections.Immutable;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Products;

/// <summary>Products by a kernel that is assembled for the problem: AVX-512 VNNI.</summary>
internal sealed unsafe class Avx512VnniProductKernel : ProductKernel
{
    private readonly ProductProblem _problem;
    private readonly PackedProduct _packed;
    private readonly Dictionary<(int Channels, int Rows, int Variant), ExecutableMemory> _codes = [];
    private readonly Lock _lock = new();
    private readonly Tile[] _whole; // of a full panel, of the last
    private readonly Tile[] _rest;
    private bool _disposed;
    private readonly Tile[][]? _line; // tiles of a line that leaves zero taps out

    /// <summary>Packs and assembles.</summary>
    /// <exception cref="ArgumentException">The problem's arrays do not fit.</exception>
    /// <exception cref="NotSupportedException">The system grants no executable memory.</exception>
    public Avx512VnniProductKernel(ProductProblem problem)
    {
        KernelChecks.Require(problem);
        _problem = problem;
        _packed = new PackedProduct(problem);
        _whole = new Tile[2];
        _rest = new Tile[2];
        for (int last = 0; last < 2; last++)
        {
            int panel = last == 0 ? 0 : Panels - 1;
            int rows = PickRows(problem.LineRows, ProductCode.MostRows(_packed.Vectors(panel)));
            _whole[last] = Assemble(panel, rows, null, 0);
            _rest[last] = problem.LineRows % rows == 0 ? default : Assemble(panel, problem.LineRows % rows, null, 0);
        }

        _line = problem.LineTaps.IsDefault ? null : [LineTiles(0), LineTiles(Panels - 1)];
    }

    /// <inheritdoc/>
    public override int PanelWidth => _packed.PanelWidth;

    /// <inheritdoc/>
    public override int Panels => _packed.Panels;

    /// <inheritdoc/>
    public override int TileRows => _whole[0].Rows;

    /// <summary>The tier's entry for the list. It leaves fixed-point requantization to the best of the tiers that are not assembled.</summary>
    public static ProductTier Tier { get; } = new(
        "avx512vnni",
        () => Cpu.HasAvx512Vnni,
        p => p.Epilogue is FixedPointRequantize ? ProductTiers.All.First(t => t != Tier && t.IsSupported()).Build(p) : new Avx512VnniProductKernel(p));

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int rows, int firstPanel, int panels) => Run(a, y, rows, firstPanel, panels, 0, _problem.SegmentOffsets.Length);

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int rows, int firstPanel, int panels, int firstSegment, int segments)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ProductCall call = default;
        for (int panel = firstPanel; panel < firstPanel + panels; panel++)
        {
            int last = panel == Panels - 1 ? 1 : 0;
            call.Weights = _packed.Weights(panel, firstSegment);
            call.Bias = _packed.Bias(panel);
            call.Constants = _packed.Constants(panel);
            call.Offsets = _packed.Offsets(firstSegment);
            call.Segments = segments;
            call.A = a;
            call.Y = y + ((long)panel * PanelWidth * _problem.Epilogue.ElementBytes);
            if (_line is not null && rows == _problem.LineRows)
            {
                foreach (Tile tile in _line[last])
                {
                    Do(ref call, tile, 1);
                }
            }
            else
            {
                Rows(ref call, rows, last);
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

    private void Rows(ref ProductCall call, int rows, int last)
    {
        Tile whole = _whole[last];
        int tiles = rows / whole.Rows;
        int left = rows - (tiles * whole.Rows);
        if (tiles > 0)
        {
            Do(ref call, whole, tiles);
        }

        if (left > 0)
        {
            Do(ref call, left == _rest[last].Rows ? _rest[last] : Assemble(last == 0 ? 0 : Panels - 1, left, null, 0), 1);
        }
    }

    private void Do(ref ProductCall call, Tile tile, int tiles)
    {
        call.Tiles = tiles;
        fixed (ProductCall* pointer = &call)
        {
            ((delegate* unmanaged<ProductCall*, void>)tile.Code)(pointer);
        }

        call.A += (long)tiles * tile.Rows * _problem.RowStride;
        call.Y += (long)tiles * tile.Rows * _problem.OutputStride;
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

    private Tile Assemble(int panel, int rows, IReadOnlyList<ProductPhase>? phases, int variant)
    {
        lock (_lock)
        {
            (int, int, int) key = (_packed.ChannelsOf(panel), rows, variant);
            if (!_codes.TryGetValue(key, out ExecutableMemory? code))
            {
                code = ExecutableMemory.Assemble(ProductCode.Assemble(_problem, _packed, panel, rows, phases, OperatingSystem.IsWindows()))
                    ?? throw new NotSupportedException("The system grants no executable memory.");
                _codes.Add(key, code);
            }

            return new Tile(code.Address, rows);
        }
    }

    /// <summary>The tiles of a whole line, each assembled for the taps its rows leave out.</summary>
    private Tile[] LineTiles(int panel)
    {
        int rows = PickRows(_problem.LineRows, ProductCode.MostRows(_packed.Vectors(panel)));
        List<Tile> tiles = [];
        for (int first = 0; first < _problem.LineRows; first += rows)
        {
            int count = Math.Min(rows, _problem.LineRows - first);
            tiles.Add(Assemble(panel, count, Phases(first, count), first + 1));
        }

        return [.. tiles];
    }

    private List<ProductPhase> Phases(int first, int count)
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

        return phases;
    }

    private readonly record struct Tile(nint Code, int Rows);
}
