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
    public override void Run(byte* a, byte* y, int pixels)
    {
        for (int x = 0; x < pixels; x++)
        {
            for (int c = 0; c < _problem.Channels; c++)
            {
                int sum = Sum(a + ((nint)x * _problem.PixelStride) + c, c);
                ScalarEpilogue.Store(_problem.Epilogue, sum, c, y + ((nint)x * _problem.OutputStride) + ((nint)c * _problem.Epilogue.ElementBytes));
            }
        }
    }

    private int Sum(byte* first, int channel)
    {
        int sum = _problem.Bias[channel];
        int w = channel * _problem.RowOffsets.Length * _problem.KernelWidth;
        foreach (int row in _problem.RowOffsets)
        {
            for (int tap = 0; tap < _problem.KernelWidth; tap++)
            {
                sum += first[row + ((nint)tap * _problem.TapStride)] * _problem.Weights[w++];
            }
        }

        return sum;
    }
}
