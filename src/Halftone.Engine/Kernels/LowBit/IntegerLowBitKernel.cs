using System.Runtime.InteropServices;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>What code for a tile of rows works on. Assembled code reads and advances it too.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LowBitTile
{
    /// <summary>The first panel's steps and scales.</summary>
    public byte* Weights;

    /// <summary>Its zero points, or null.</summary>
    public byte* Zeros;

    /// <summary>The tile that <see cref="LowBitActivations"/> wrote.</summary>
    public byte* Activations;

    /// <summary>The first panel's 16 biases.</summary>
    public float* Bias;

    /// <summary>The first row's outputs of the first panel.</summary>
    public float* Output;

    /// <summary>Bytes from a row of the output to the next.</summary>
    public long OutputStride;

    /// <summary>Blocks of a row.</summary>
    public long Blocks;

    /// <summary>Number of panels, one after another.</summary>
    public long Panels;

    /// <summary>A bit a channel of the panels that is to be written.</summary>
    public long Mask;
}

/// <summary>Integer arithmetic in panels: quantizes some rows, then takes panel after panel, and for each all tiles of those rows.</summary>
/// <remarks>A panel stays in the nearest caches while the tiles go by; of one tile, panels go by in one call.</remarks>
internal abstract unsafe class IntegerLowBitKernel(LowBitPanels packed) : LowBitKernel
{
    // so many rows of x, quantized, stay in the second cache
    private const int RowsAtOnce = 64;

    /// <inheritdoc/>
    public override int PanelWidth => LowBitPanels.Width;

    /// <inheritdoc/>
    public override int Panels => packed.Count;

    /// <summary>The packed weights.</summary>
    protected LowBitPanels Packed => packed;

    /// <summary>How many of the rows that are left the next tile has.</summary>
    protected abstract int TileRows(int left);

    /// <summary>Computes a tile, which may be changed by that. Only one panel is asked for where the mask is not full.</summary>
    protected abstract void Compute(LowBitTile* tile, int rows);

    /// <inheritdoc/>
    public override long ScratchBytes(int rows) => (long)Math.Min(rows, RowsAtOnce) * LowBitActivations.RowBytes(packed);

    /// <inheritdoc/>
    public override void Run(float* x, float* y, int rows, int firstPanel, int panels, byte* scratch)
    {
        while (rows > 0)
        {
            int some = Math.Min(rows, RowsAtOnce);
            Quantize(x, some, scratch);
            int together = TileRows(some) == some ? panels : 1;
            for (int panel = 0; panel < panels; panel += together)
            {
                Tiles(y, some, firstPanel + panel, together, scratch);
            }

            x += (long)some * packed.Problem.K;
            y += (long)some * packed.Problem.N;
            rows -= some;
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        packed.Dispose();
        base.Dispose();
    }

    private void Quantize(float* x, int rows, byte* scratch)
    {
        for (int row = 0; row < rows;)
        {
            int tile = TileRows(rows - row);
            LowBitActivations.Quantize(packed, x + ((long)row * packed.Problem.K), tile, scratch + ((long)row * LowBitActivations.RowBytes(packed)));
            row += tile;
        }
    }

    private void Tiles(float* y, int rows, int panel, int panels, byte* scratch)
    {
        int n = packed.Problem.N;
        int whole = Math.Min(panels, (n / LowBitPanels.Width) - panel);
        for (int row = 0; row < rows;)
        {
            int count = TileRows(rows - row);
            byte* activations = scratch + ((long)row * LowBitActivations.RowBytes(packed));
            float* output = y + ((long)row * n);
            if (whole > 0)
            {
                LowBitTile tile = Tile(activations, output, panel, whole);
                Compute(&tile, count);
            }

            if (whole < panels)
            {
                LowBitTile tile = Tile(activations, output, panel + whole, 1);
                tile.Mask = (1 << (n % LowBitPanels.Width)) - 1;
                Compute(&tile, count);
            }

            row += count;
        }
    }

    private LowBitTile Tile(byte* activations, float* output, int panel, int panels) => new()
    {
        Weights = packed.Weights + (panel * packed.PanelBytes),
        Zeros = packed.Zeros is null ? null : packed.Zeros + ((long)panel * packed.Problem.Blocks * LowBitPanels.Width),
        Activations = activations,
        Bias = packed.Bias + ((long)panel * LowBitPanels.Width),
        Output = output + ((long)panel * LowBitPanels.Width),
        OutputStride = (long)packed.Problem.N * sizeof(float),
        Blocks = packed.Problem.Blocks,
        Panels = panels,
        Mask = ushort.MaxValue,
    };
}
