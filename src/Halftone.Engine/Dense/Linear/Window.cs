
namespace Halftone.Engine.Dense.Linear;

/// <summary>Which elements of an image a window sees: kernel, strides, dilations and padding of one to three axes, as three (the first have length 1).</summary>
internal sealed class Window
{
    private readonly bool _transposed;

    private Window(bool transposed) => _transposed = transposed;

    public int[] Input { get; } = [1, 1, 1];

    public int[] Kernel { get; } = [1, 1, 1];

    public int[] Stride { get; } = [1, 1, 1];

    public int[] Dilation { get; } = [1, 1, 1];

    /// <summary>Padding before.</summary>
    public int[] Before { get; } = [0, 0, 0];

    /// <summary>Padding after.</summary>
    public int[] After { get; } = [0, 0, 0];

    public int[] Output { get; } = [1, 1, 1];

    public int InputCount => Input[0] * Input[1] * Input[2];

    public int OutputCount => Output[0] * Output[1] * Output[2];

    public int Taps => Kernel[0] * Kernel[1] * Kernel[2];

    /// <summary>Lengths of the outputs, without the axes added in front.</summary>
    public ReadOnlySpan<int> OutputDims(int axes) => Output.AsSpan(3 - axes);

    /// <summary>The window of a convolution or of pooling.</summary>
    public static Window Of(DenseRequest request, ReadOnlySpan<int> spatial, ReadOnlySpan<int> kernel, bool ceil = false)
    {
        Window window = Read(request, spatial, kernel, transposed: false);
        string auto = AutoPad(request);
        for (int i = 3 - spatial.Length; i < 3; i++)
        {
            long input = window.Input[i];
            long extent = window.Extent(i);
            if (auto is "SAME_UPPER" or "SAME_LOWER")
            {
                long output = (input + window.Stride[i] - 1) / window.Stride[i];
                window.Pad(i, Math.Max(0, ((output - 1) * window.Stride[i]) + extent - input), auto == "SAME_UPPER");
                window.Output[i] = (int)output;
                continue;
            }

            long room = input + window.Before[i] + window.After[i] - extent;
            request.Require(room >= 0, $"a window of {extent} does not fit {input} elements and their padding.");
            long outputs = ((room + (ceil ? window.Stride[i] - 1 : 0)) / window.Stride[i]) + 1;

            // a last window that would begin in the padding behind is left out
            window.Output[i] = (int)(ceil && (outputs - 1) * window.Stride[i] >= input + window.Before[i] ? outputs - 1 : outputs);
        }

        return window.Checked(request);
    }

    /// <summary>The window of a transposed convolution, seen from its outputs.</summary>
    public static Window OfTransposed(DenseRequest request, ReadOnlySpan<int> spatial, ReadOnlySpan<int> kernel)
    {
        Window window = Read(request, spatial, kernel, transposed: true);
        int axes = spatial.Length;
        string auto = AutoPad(request);
        long[] extra = request.Ints("output_padding", axes, 0);
        long[]? wanted = request.Node.Ints("output_shape");
        request.Require(wanted is null || wanted.Length >= axes, "its output_shape has too few entries.");
        for (int i = 3 - axes; i < 3; i++)
        {
            int axis = i - 3 + axes;
            request.Require(extra[axis] >= 0 && extra[axis] < Math.Max(window.Stride[i], window.Dilation[i]), "its output_padding must be below strides or dilations.");
            long full = ((window.Input[i] - 1L) * window.Stride[i]) + extra[axis] + window.Extent(i);
            long output = wanted is not null ? wanted[axis + wanted.Length - axes]
                : auto is "SAME_UPPER" or "SAME_LOWER" ? (long)window.Input[i] * window.Stride[i]
                : full - window.Before[i] - window.After[i];
            request.Require(output is >= 1 and < int.MaxValue / 2, $"an output length would be {output}.");
            if (wanted is not null || auto is "SAME_UPPER" or "SAME_LOWER")
            {
                window.Pad(i, Math.Max(0, full - output), auto == "SAME_UPPER");
            }

            window.Output[i] = (int)output;
        }

        return window.Checked(request);
    }

    /// <summary>The input coordinate on an axis that an output sees through a tap, or -1 where there is none.</summary>
    public int At(int axis, int output, int tap)
    {
        if (!_transposed)
        {
            int at = (output * Stride[axis]) - Before[axis] + (tap * Dilation[axis]);
            return (uint)at < (uint)Input[axis] ? at : -1;
        }

        int shifted = output + Before[axis] - (tap * Dilation[axis]);
        int quotient = shifted / Stride[axis];
        return shifted >= 0 && quotient * Stride[axis] == shifted && quotient < Input[axis] ? quotient : -1;
    }

    /// <summary>The taps on an axis through which an output sees the input; not of transposed windows.</summary>
    public (int First, int End) Inside(int axis, int output) => Inside((output * Stride[axis]) - Before[axis], Kernel[axis], Dilation[axis], Input[axis]);

    /// <summary>The taps of a kernel that are on an axis, where the first is at a place of it, or before or past it; where none is, the end is not above the first.</summary>
    public static (int First, int End) Inside(int start, int kernel, int dilation, int length)
    {
        int first = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
        int end = start >= length ? 0 : ((length - 1 - start) / dilation) + 1;
        return (Math.Min(first, kernel), Math.Clamp(end, 0, kernel));
    }

    /// <summary>Where in the image 16 neighbouring outputs look through a tap; -1 for padding.</summary>
    /// <returns>Whether all look at neighbours.</returns>
    public unsafe bool Offsets(int first, int count, int tap, int* offsets)
    {
        int tz = tap / (Kernel[1] * Kernel[2]);
        int ty = tap / Kernel[2] % Kernel[1];
        int tx = tap % Kernel[2];
        int x = first % Output[2];
        int y = first / Output[2] % Output[1];
        int z = first / Output[2] / Output[1];
        bool neighbours = count == Product<float>.Width;
        int row = Row(z, tz, y, ty);
        for (int j = 0; j < count; j++)
        {
            int ix = At(2, x, tx);
            offsets[j] = row < 0 || ix < 0 ? -1 : (row * Input[2]) + ix;
            neighbours &= offsets[j] >= 0 && offsets[j] == offsets[0] + j;
            if (++x == Output[2])
            {
                x = 0;
                y++;
                if (y == Output[1])
                {
                    y = 0;
                    z++;
                }

                row = Row(z, tz, y, ty);
            }
        }

        for (int j = count; j < Product<float>.Width; j++)
        {
            offsets[j] = -1;
        }

        return neighbours;
    }

    private int Row(int z, int tz, int y, int ty)
    {
        int iz = At(0, z, tz);
        int iy = At(1, y, ty);
        return iz < 0 || iy < 0 ? -1 : (iz * Input[1]) + iy;
    }

    private long Extent(int axis) => ((Kernel[axis] - 1L) * Dilation[axis]) + 1;

    private void Pad(int axis, long total, bool moreAfter)
    {
        Before[axis] = (int)(moreAfter ? total / 2 : total - (total / 2));
        After[axis] = (int)(total - Before[axis]);
    }

    private static string AutoPad(DenseRequest request)
    {
        string auto = request.Node.Text("auto_pad", "NOTSET");
        request.Require(auto is "NOTSET" or "SAME_UPPER" or "SAME_LOWER" or "VALID", $"auto_pad '{auto}' is unknown.");
        return auto;
    }

    private static Window Read(DenseRequest request, ReadOnlySpan<int> spatial, ReadOnlySpan<int> kernel, bool transposed)
    {
        int axes = spatial.Length;
        request.Require(axes is >= 1 and <= 3, $"images of {axes} axes are not computed: 1 to 3 are.");
        request.Require(kernel.Length == axes, $"its kernel has {kernel.Length} axes, the image {axes}.");
        long[] strides = request.Ints("strides", axes, 1);
        long[] dilations = request.Ints("dilations", axes, 1);
        bool automatic = AutoPad(request) != "NOTSET";
        long[] pads = automatic ? new long[2 * axes] : request.Ints("pads", 2 * axes, 0);
        Window window = new(transposed);
        for (int i = 0; i < axes; i++)
        {
            int to = i + 3 - axes;
            request.Require(spatial[i] >= 1 && kernel[i] >= 1, "image and kernel need lengths of 1 or more.");
            request.Require(strides[i] is >= 1 and < 1 << 20 && dilations[i] is >= 1 and < 1 << 20, "strides and dilations must be 1 or more.");
            request.Require(pads[i] is >= 0 and < 1 << 20 && pads[i + axes] is >= 0 and < 1 << 20, "pads must be 0 or more.");
            request.Require(kernel[i] * dilations[i] < int.MaxValue / 4 && spatial[i] * strides[i] < int.MaxValue / 4, "the window is too large.");
            window.Input[to] = spatial[i];
            window.Kernel[to] = kernel[i];
            window.Stride[to] = (int)strides[i];
            window.Dilation[to] = (int)dilations[i];
            window.Before[to] = (int)pads[i];
            window.After[to] = (int)pads[i + axes];
        }

        return window;
    }

    private Window Checked(DenseRequest request)
    {
        foreach (int length in Output)
        {
            request.Require(length >= 1, $"an output length would be {length}.");
        }

        request.Count(Output);
        request.Count(Kernel);
        return this;
    }
}
