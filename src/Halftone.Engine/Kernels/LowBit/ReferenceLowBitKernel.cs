namespace Halftone.Engine.Kernels.LowBit;

/// <summary>The contract of <see cref="LowBitProblem"/>, word by word. Runs anywhere, and every other tier is measured against it.</summary>
internal sealed unsafe class ReferenceLowBitKernel : LowBitKernel
{
    private readonly LowBitProblem _problem;

    public ReferenceLowBitKernel(LowBitProblem problem)
    {
        problem.Verify();
        _problem = problem;
    }

    /// <inheritdoc/>
    public override int PanelWidth => LowBitPanels.Width;

    /// <inheritdoc/>
    public override int Panels => (_problem.N + PanelWidth - 1) / PanelWidth;

    /// <inheritdoc/>
    public override long ScratchBytes(int rows) => Math.Min(_problem.K, _problem.BlockSize);

    /// <inheritdoc/>
    public override void Run(float* x, float* y, int rows, int firstPanel, int panels, byte* scratch)
    {
        int end = Math.Min((firstPanel + panels) * PanelWidth, _problem.N);
        for (int row = 0; row < rows; row++, x += _problem.K, y += _problem.N)
        {
            for (int n = firstPanel * PanelWidth; n < end; n++)
            {
                y[n] = _problem.Bias is { } bias ? bias[n] : 0;
            }

            for (int block = 0; block < _problem.Blocks; block++)
            {
                int first = block * _problem.BlockSize;
                int count = Math.Min(_problem.BlockSize, _problem.K - first);
                var values = new ReadOnlySpan<float>(x + first, count);
                var q = new Span<sbyte>(scratch, count);
                float s = _problem.Arithmetic == LowBitArithmetic.Integer ? Quantize(values, q) : 0;
                for (int n = firstPanel * PanelWidth; n < end; n++)
                {
                    int group = (n * _problem.Blocks) + block;
                    ReadOnlySpan<byte> codes = _problem.Codes.AsSpan((int)((long)n * _problem.K) + first, count);
                    float scale = _problem.Scales[group];
                    y[n] = _problem.Arithmetic == LowBitArithmetic.Integer
                        ? MathF.FusedMultiplyAdd(Dot(codes, _problem.ZeroPoints[group], q), s * scale, y[n])
                        : MathF.FusedMultiplyAdd(Dot(codes, _problem.ZeroPoints[group], values), scale, y[n]);
                }
            }
        }
    }

    private static float Quantize(ReadOnlySpan<float> x, Span<sbyte> q)
    {
        float largest = 0;
        foreach (float value in x)
        {
            // NaN is the largest of all
            largest = MathF.Max(largest, MathF.Abs(value));
        }

        float s = largest / 127;
        if (s == 0 || !float.IsFinite(s))
        {
            q.Clear();
            return s == 0 ? 0 : float.NaN;
        }

        for (int k = 0; k < x.Length; k++)
        {
            q[k] = (sbyte)Math.Clamp(MathF.Round(x[k] / s, MidpointRounding.ToEven), -127, 127);
        }

        return s;
    }

    private static int Dot(ReadOnlySpan<byte> codes, byte zero, ReadOnlySpan<sbyte> q)
    {
        int dot = 0;
        for (int k = 0; k < codes.Length; k++)
        {
            dot += (codes[k] - zero) * q[k];
        }

        return dot;
    }

    private static float Dot(ReadOnlySpan<byte> codes, byte zero, ReadOnlySpan<float> x)
    {
        Span<float> sum = stackalloc float[4];
        sum.Clear();
        for (int k = 0; k < codes.Length; k++)
        {
            sum[k % 4] = MathF.FusedMultiplyAdd(x[k], codes[k] - zero, sum[k % 4]);
        }

        return (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
}
