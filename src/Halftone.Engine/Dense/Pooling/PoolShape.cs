using Halftone.Engine.Dense.Linear;

namespace Halftone.Engine.Dense.Pooling;

/// <summary>Lengths of pooling: planes of an image, and the window that slides over each.</summary>
internal sealed record PoolShape(Window Window, int Planes, int[] OutputDims)
{
    /// <summary>Reads the window off the node.</summary>
    public static PoolShape Of(DenseRequest request, TensorType x)
    {
        request.Require(x.Rank >= 3, $"the image is {x}; 3 axes or more are needed.");
        ReadOnlySpan<int> spatial = x.Dims.AsSpan()[2..];
        long[] kernel = request.Node.Ints("kernel_shape") ?? throw request.Refusal("it has no kernel_shape.");
        request.Require(kernel.All(k => k is >= 1 and < 1 << 20), "its kernel_shape must be 1 or more.");
        Window window = Window.Of(request, spatial, Array.ConvertAll(kernel, k => (int)k), request.Node.Int("ceil_mode", 0) != 0);
        for (int i = 0; i < 3; i++)
        {
            int extent = ((window.Kernel[i] - 1) * window.Dilation[i]) + 1;
            request.Require(window.Before[i] < extent && window.After[i] < extent, "its pads must be below its window.");
        }

        int[] output = [x.Dims[0], x.Dims[1], .. window.OutputDims(spatial.Length)];
        return new PoolShape(window, request.Count([x.Dims[0], x.Dims[1]]), output);
    }
}
