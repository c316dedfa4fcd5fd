
namespace Halftone.Engine.Dense.Linear;

/// <summary>Lengths of a convolution: image [N, groups * Channels, ...], weights [groups * Filters, Channels, ...] (transposed: [groups * Channels, Filters, ...]).</summary>
internal sealed record ConvShape(Window Window, int Images, int Groups, int Channels, int Filters, int[] OutputDims)
{
    /// <summary>Length of the sums.</summary>
    public int Depth => Channels * Window.Taps;

    /// <summary>Checks image and weights against each other.</summary>
    public static ConvShape Of(DenseRequest request, TensorType x, TensorType w, bool transposed = false)
    {
        request.Require(x.Rank >= 3 && w.Rank == x.Rank, $"the image is {x}, the weight {w}; both need 3 axes or more, and as many.");
        ReadOnlySpan<int> kernel = w.Dims.AsSpan()[2..];
        if (request.Node.Ints("kernel_shape") is { } said)
        {
            request.Require(said.SequenceEqual(kernel.ToArray().Select(k => (long)k)), "its kernel_shape is not that of its weight.");
        }

        ReadOnlySpan<int> spatial = x.Dims.AsSpan()[2..];
        Window window = transposed ? Window.OfTransposed(request, spatial, kernel) : Window.Of(request, spatial, kernel);
        long groups = request.Node.Int("group", 1);
        int channels = x.Dims[1];
        request.Require(groups >= 1 && channels % groups == 0 && w.Dims[0] % groups == 0 && channels > 0 && w.Dims[0] > 0 && w.Dims[1] > 0, $"{groups} groups do not divide the channels of {x} and {w}.");
        int perGroup = (int)(channels / groups);
        request.Require(transposed ? w.Dims[0] == channels : w.Dims[1] == perGroup, $"the weight {w} does not fit the image {x} in {groups} groups.");
        int filters = transposed ? w.Dims[1] : (int)(w.Dims[0] / groups);
        int[] output = [x.Dims[0], request.Count([filters, (int)groups]), .. window.OutputDims(spatial.Length)];
        request.Count([perGroup, window.Taps]);
        return new ConvShape(window, x.Dims[0], (int)groups, perGroup, filters, output);
    }
}
