using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Random kernels, strides, dilations and pads that fit an image.</summary>
internal sealed record Windows(long[] Kernel, long[] Strides, long[] Dilations, long[] Pads, string Auto, bool Ceil, long[] Output)
{
    /// <summary>For a convolution, or pooling: there pads stay below the kernel.</summary>
    public static Windows Random(Draft draft, ReadOnlySpan<long> image, bool dilated, bool pooling = false)
    {
        int axes = image.Length;
        var windows = new Windows(
            new long[axes],
            new long[axes],
            new long[axes],
            new long[2 * axes],
            draft.Chance(20) ? draft.Pick("SAME_UPPER", "SAME_LOWER", "VALID") : "NOTSET",
            pooling && draft.Chance(25),
            new long[axes]);
        for (int i = 0; i < axes; i++)
        {
            windows.Set(draft, i, image[i], dilated, pooling);
        }

        return windows with { Ceil = windows.Ceil && windows.Auto == "NOTSET" };
    }

    /// <summary>Three taps along each axis, one after another, stride 1: what has algorithms of its own.</summary>
    public static Windows Small(Draft draft, ReadOnlySpan<long> image)
    {
        const int Kernel = 3;
        int axes = image.Length;
        long[] ones = [.. Enumerable.Repeat(1L, axes)];
        var pads = new long[2 * axes];
        var outputs = new long[axes];
        for (int i = 0; i < axes; i++)
        {
            int least = (int)Math.Max(0, Kernel - image[i]);
            (pads[i], pads[axes + i]) = (Math.Max(least, draft.Random.Next(3)), draft.Random.Next(3));
            outputs[i] = image[i] + pads[i] + pads[axes + i] - Kernel + 1;
        }

        return new Windows([.. ones.Select(_ => (long)Kernel)], ones, ones, pads, "NOTSET", false, outputs);
    }

    /// <summary>Puts them on a node.</summary>
    public Node On(Node node, bool dilations)
    {
        node = node.With("kernel_shape", Kernel).With("strides", Strides);
        node = dilations ? node.With("dilations", Dilations) : node;
        node = Ceil ? node.With("ceil_mode", 1) : node;
        return Auto == "NOTSET" ? node.With("pads", Pads) : node.With("auto_pad", Auto);
    }

    private void Set(Draft draft, int axis, long length, bool dilated, bool pooling)
    {
        long kernel = draft.Pick(1, 1, 2, 3, 3, 5);
        long dilation = dilated && Auto == "NOTSET" && draft.Chance(20) ? 2 : 1;
        long stride = draft.Pick(1, 1, 1, 2, 2, 3);
        long extent = ((kernel - 1) * dilation) + 1;
        bool pads = Auto == "NOTSET" && draft.Chance(60);
        int most = (int)(pooling ? Math.Min(kernel - 1, extent / 2) : extent);
        (long before, long after) = pads ? (draft.Random.Next(most + 1), draft.Random.Next(most + 1)) : (0, 0);
        if (length + before + after < extent)
        {
            (kernel, dilation, extent, before, after) = (1, 1, 1, 0, 0);
        }

        if (pooling && Auto.StartsWith("SAME", StringComparison.Ordinal))
        {
            stride = Math.Min(stride, kernel); // ONNX Runtime refuses what would cut
        }

        (Kernel[axis], Strides[axis], Dilations[axis]) = (kernel, stride, dilation);
        (Pads[axis], Pads[axis + (Pads.Length / 2)]) = (before, after);
        long room = length + before + after - extent;
        long outputs = ((room + (Ceil && Auto == "NOTSET" ? stride - 1 : 0)) / stride) + 1;
        if (Ceil && Auto == "NOTSET" && (outputs - 1) * stride >= length + before)
        {
            (outputs, Strides[axis]) = (room + 1, 1); // ONNX lets no window begin in the padding behind, ONNX Runtime infers lengths with it
        }

        Output[axis] = Auto.StartsWith("SAME", StringComparison.Ordinal) ? (length + stride - 1) / stride : outputs;
    }
}
