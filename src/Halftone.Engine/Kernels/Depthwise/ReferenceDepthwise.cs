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
    public override void Run(in DepthwiseLines lines)
    {
        for (int line = 0; line < lines.Count; line++)
        {
            for (int x = 0; x < lines.Pixels; x++)
            {
                int first = x == 0 && lines.Edges.HasFlag(LineEdges.Left) ? 1 : 0;
                int end = x == lines.Pixels - 1 && lines.Edges.HasFlag(LineEdges.Right) ? _problem.KernelWidth - 1 : _problem.KernelWidth;
                byte* y = lines.Output(line) + ((nint)x * _problem.OutputStride);
                for (int c = 0; c < _problem.Channels; c++)
                {
                    int sum = Sum(lines, line, ((nint)x * _problem.PixelStride) + c, c, first, end);
                    ScalarEpilogue.Store(_problem.Epilogue, sum, c, y + ((nint)c * _problem.Epilogue.ElementBytes));
                }
            }
        }
    }

    private int Sum(in DepthwiseLines lines, int line, nint at, int channel, int first, int end)
    {
        int sum = _problem.Bias[channel];
        int w = channel * _problem.RowOffsets.Length * _problem.KernelWidth;
        for (int i = 0; i < _problem.RowOffsets.Length; i++)
        {
            byte* row = lines.Row(line, i, _problem.RowOffsets[i]) + at;
            for (int tap = 0; tap < _problem.KernelWidth; tap++)
            {
                sum += (tap >= first && tap < end ? row[(nint)tap * _problem.TapStride] : _problem.Padding) * _problem.Weights[w++];
            }
        }

        return sum;
    }
}
