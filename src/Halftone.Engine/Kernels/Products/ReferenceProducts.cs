namespace Halftone.Engine.Kernels.Products;

/// <summary>Products as their definition writes them, on any machine: what the other tiers must equal.</summary>
internal sealed unsafe class ReferenceProducts : ProductKernel
{
    private const int Width = 16;

    private readonly ProductProblem _problem;

    /// <summary>Takes a problem.</summary>
    public ReferenceProducts(ProductProblem problem)
    {
        KernelChecks.Require(problem);
        _problem = problem;
    }

    /// <inheritdoc/>
    public override int PanelWidth => Width;

    /// <inheritdoc/>
    public override int Panels => (_problem.Channels + Width - 1) / Width;

    /// <inheritdoc/>
    public override int TileRows => 1;

    /// <inheritdoc/>
    public override long WeightBytes => _problem.Weights.LongLength;

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int rows, int firstPanel, int panels, byte* others = null)
    {
        int end = Math.Min((firstPanel + panels) * Width, _problem.Channels);
        for (int r = 0; r < rows; r++)
        {
            for (int n = firstPanel * Width; n < end; n++)
            {
                int sum = Sum(a + ((nint)r * _problem.RowStride), n);
                byte* to = y + ((nint)r * _problem.OutputStride) + ((nint)n * _problem.Epilogue.ElementBytes);
                ScalarEpilogue.Store(_problem.Epilogue, sum, n, to);
                _problem.Residual?.AddOne(to, others + ((nint)r * _problem.Residual.RowStride) + n);
            }
        }
    }

    private int Sum(byte* row, int channel)
    {
        int sum = _problem.Bias[channel];
        int w = channel * _problem.SegmentOffsets.Length * _problem.SegmentBytes;
        foreach (int offset in _problem.SegmentOffsets)
        {
            for (int k = 0; k < _problem.SegmentBytes; k++)
            {
                sum += row[offset + k] * _problem.Weights[w++];
            }
        }

        return sum;
    }
}
