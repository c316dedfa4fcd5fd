namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>Depthwise convolutions as their definition writes them, on any machine: what the other tiers must equal.</summary>
internal sealed unsafe class ReferenceDepthwise : DepthwiseKernel
{
    private readonly DepthwiseProblem _problem;

    /// <summary>Takes a problem.</summary>
    public ReferenceDepthwise(DepthwiseProblem problem)
    {
        KernelChecks.Require(problem);
        _problem = problem;
    }

    /// <inheritdoc/>
    public override void Run(in DepthwiseLine line, byte* y, int pixels)
    {
        for (int x = 0; x < pixels; x++)
        {
            int first = x == 0 && line.Edges.HasFlag(LineEdges.Left) ? 1 : 0;
            int end = x == pixels - 1 && line.Edges.HasFlag(LineEdges.Right) ? _problem.KernelWidth - 1 : _problem.KernelWidth;
            for (int c = 0; c < _problem.Channels; c++)
            {
                int sum = Sum(line, ((nint)x * _problem.PixelStride) + c, c, first, end);
                ScalarEpilogue.Store(_problem.Epilogue, sum, c, y + ((nint)x * _problem.OutputStride) + ((nint)c * _problem.Epilogue.ElementBytes));
            }
        }
    }

    private int Sum(in DepthwiseLine line, nint at, int channel, int first, int end)
    {
        int sum = _problem.Bias[channel];
        int w = channel * _problem.RowOffsets.Length * _problem.KernelWidth;
        for (int i = 0; i < _problem.RowOffsets.Length; i++)
        {
            byte* row = line.Row(i, _problem.RowOffsets[i]) + at;
            for (int tap = 0; tap < _problem.KernelWidth; tap++)
            {
                sum += (tap >= first && tap < end ? row[(nint)tap * _problem.TapStride] : _problem.Padding) * _problem.Weights[w++];
            }
        }

        return sum;
    }
}
