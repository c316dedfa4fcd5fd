namespace Halftone.Engine.Kernels.Products.Narrow;

/// <summary>Saturating products as <see cref="NarrowProblem"/> defines them, on any machine.</summary>
internal sealed unsafe class ReferenceNarrowProducts : ProductKernel
{
    private const int Width = 16;

    private readonly NarrowProblem _problem;
    private readonly ProductProblem _product;
    private readonly int[] _offsets;

    /// <summary>Takes a problem.</summary>
    public ReferenceNarrowProducts(NarrowProblem problem)
    {
        KernelChecks.Require(problem);
        (_problem, _product) = (problem, problem.Product);
        _offsets = [.. Enumerable.Range(0, problem.Depth).Select(problem.Offset)];
    }

    /// <inheritdoc/>
    public override int PanelWidth => Width;

    /// <inheritdoc/>
    public override int Panels => (_product.Channels + Width - 1) / Width;

    /// <inheritdoc/>
    public override int TileRows => 1;

    /// <inheritdoc/>
    public override long WeightBytes => _product.Weights.LongLength;

    /// <inheritdoc/>
    public override void Run(byte* a, byte* y, int rows, int firstPanel, int panels, byte* others = null)
    {
        int end = Math.Min((firstPanel + panels) * Width, _product.Channels);
        for (int r = 0; r < rows; r++)
        {
            for (int n = firstPanel * Width; n < end; n++)
            {
                byte* row = a + ((nint)r * _product.RowStride);
                int sum = unchecked(_product.Bias[n] + Main(row, n) + Exact(row, n));
                ScalarEpilogue.Store(_product.Epilogue, sum, n, y + ((nint)r * _product.OutputStride) + ((nint)n * _product.Epilogue.ElementBytes));
            }
        }
    }

    private int Main(byte* row, int channel)
    {
        ReadOnlySpan<sbyte> weights = _product.Weights.AsSpan(channel * _offsets.Length, _offsets.Length);
        int sum = 0;
        int narrow = 0;
        for (int k = 0; k < weights.Length; k += 2)
        {
            int pair = row[_offsets[k]] * weights[k];
            if (k + 1 < weights.Length)
            {
                pair += row[_offsets[k + 1]] * weights[k + 1];
            }

            narrow = Saturate(narrow + Saturate(pair));
            if ((k + 2) % _problem.Stretch == 0)
            {
                (sum, narrow) = (sum + narrow, 0);
            }
        }

        return sum + narrow;
    }

    private int Exact(byte* row, int channel)
    {
        OutlierColumns outliers = _problem.Outliers;
        int sum = 0;
        for (int i = outliers.Starts[channel]; i < outliers.Starts[channel + 1]; i++)
        {
            sum += row[_offsets[outliers.Depths[i]]] * outliers.Weights[i];
        }

        if (_problem.ZeroPoints[channel] != 0)
        {
            int total = 0;
            foreach (int offset in _offsets)
            {
                total += row[offset];
            }

            sum -= _problem.ZeroPoints[channel] * total;
        }

        return sum;
    }

    private static int Saturate(int value) => Math.Clamp(value, short.MinValue, short.MaxValue);
}
