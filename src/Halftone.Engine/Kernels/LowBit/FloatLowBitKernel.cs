namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Float arithmetic: codes become floats in registers, for a few rows at a time.</summary>
internal abstract unsafe class FloatLowBitKernel(LowBitPanels packed) : LowBitKernel
{
    /// <summary>The most rows of a tile.</summary>
    protected const int MaxRows = 4;

    /// <summary>Elements of the longest step.</summary>
    protected const int LongestStep = 16;

    /// <inheritdoc/>
    public override int PanelWidth => LowBitPanels.Width;

    /// <inheritdoc/>
    public override int Panels => packed.Count;

    /// <summary>The packed weights.</summary>
    protected LowBitPanels Packed => packed;

    /// <inheritdoc/>
    public override long ScratchBytes(int rows) => 0;

    /// <summary>How many of the rows that are left the next tile has.</summary>
    protected abstract int TileRows(int left);

    /// <summary>Computes 16 channels of some rows.</summary>
    /// <param name="blocks">The panel's steps and scales.</param>
    /// <param name="zeros">Its zero points, or null where all are the same.</param>
    /// <param name="x">The first row.</param>
    /// <param name="rows">As <see cref="TileRows"/> says.</param>
    /// <param name="sums">16 a row, which hold the biases.</param>
    protected abstract void Compute(byte* blocks, byte* zeros, float* x, int rows, float* sums);

    /// <inheritdoc/>
    public override void Run(float* x, float* y, int rows, int firstPanel, int panels, byte* scratch)
    {
        for (int panel = firstPanel; panel < firstPanel + panels; panel++)
        {
            for (int row = 0; row < rows;)
            {
                int some = TileRows(rows - row);
                Tile(panel, x + ((long)row * packed.Problem.K), y + ((long)row * packed.Problem.N), some);
                row += some;
            }
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        packed.Dispose();
        base.Dispose();
    }

    /// <summary>Copies the values of a block's last step where it is not whole, the missing ones zeros, which add nothing.</summary>
    /// <remarks>Before the sums begin: a call while they go on would push them out of their registers.</remarks>
    protected static void Pad(float* x, int count, int stepElements, float* last)
    {
        int rest = count % stepElements;
        if (rest != 0)
        {
            new Span<float>(last, LongestStep).Clear();
            new ReadOnlySpan<float>(x + (count - rest), rest).CopyTo(new Span<float>(last, LongestStep));
        }
    }

    private void Tile(int panel, float* x, float* y, int rows)
    {
        (int k, int n) = (packed.Problem.K, packed.Problem.N);
        float* sums = stackalloc float[MaxRows * LowBitPanels.Width];
        for (int row = 0; row < rows; row++)
        {
            new ReadOnlySpan<float>(packed.Bias + ((long)panel * LowBitPanels.Width), LowBitPanels.Width).CopyTo(new Span<float>(sums + (row * LowBitPanels.Width), LowBitPanels.Width));
        }

        byte* zeros = packed.Zeros is null ? null : packed.Zeros + ((long)panel * packed.Problem.Blocks * LowBitPanels.Width);
        Compute(packed.Weights + (panel * packed.PanelBytes), zeros, x, rows, sums);

        int channels = Math.Min(LowBitPanels.Width, n - (panel * LowBitPanels.Width));
        for (int row = 0; row < rows; row++)
        {
            var result = new ReadOnlySpan<float>(sums + (row * LowBitPanels.Width), channels);
            result.CopyTo(new Span<float>(y + ((long)row * n) + ((long)panel * LowBitPanels.Width), channels));
        }
    }
}
