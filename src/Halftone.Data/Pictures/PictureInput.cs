using Halftone.Onnx;

namespace Halftone.Data.Pictures;

/// <summary>Turns pictures into one input of a model.</summary>
/// <remarks>Axes come from the preprocessing, or from where 1 or 3 channels stand in the model's lengths; a free axis takes what the picture has.</remarks>
internal sealed class PictureInput
{
    private readonly ValueInfo _input;
    private readonly Preprocessing _steps;
    private readonly int? _height;
    private readonly int? _width;
    private readonly int? _channels;
    private readonly Layout _layout;

    /// <exception cref="DataException">The input takes no pictures, or the preprocessing does not fit it.</exception>
    public PictureInput(ValueInfo input, Preprocessing steps)
    {
        _input = input;
        _steps = steps;
        (_layout, _channels, int? height, int? width) = Axes(input, steps);
        _height = Side(steps.Height, height, "height");
        _width = Side(steps.Width, width, "width");
        if (steps.Resize is { } resize && _height is null && (_width is null || resize is ResizeMode.FitHeightPadRight))
        {
            throw new DataException($"The preprocessing resizes, but neither it nor the input '{input.Name}' {InputShape.Text(input)} says to what size; add one, height first, such as 224x224.");
        }

        if (_channels is not (null or 1 or 3))
        {
            throw new DataException($"The input '{input.Name}' {InputShape.Text(input)} has {_channels} channels; pictures have 1 or 3. If its channels stand elsewhere, set the layout to nchw or nhwc.");
        }

        _channels ??= steps.Colours is { } colours ? (colours == ColourOrder.Grey ? 1 : 3) : null;
        if (_channels is int channels && steps.Colours is { } order && channels != (order == ColourOrder.Grey ? 1 : 3))
        {
            throw new DataException($"The preprocessing asks for {order.ToString().ToLowerInvariant()}, but the input '{input.Name}' {InputShape.Text(input)} has {channels} channels.");
        }

        if (_channels is int known)
        {
            _ = steps.Affine(0, known);
        }
    }

    /// <summary>The tensor of a picture, [1, ...].</summary>
    /// <exception cref="DataException">The picture has another size and no resize rule is given.</exception>
    public Tensor Prepare(Picture picture, string name)
    {
        int channels = _channels ?? picture.Channels;
        (float[] pixels, int height, int width, int filled) = Fit(picture, name);
        float[] values = new float[(long)channels * height * width];
        for (int c = 0; c < channels; c++)
        {
            (float factor, float offset) = _steps.Affine(c, channels);
            bool luma = channels == 1 && picture.Channels == 3;
            int from = picture.Channels == 1 ? 0 : _steps.Colours == ColourOrder.Bgr ? 2 - c : c;
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < filled; x++)
                {
                    int at = ((y * filled) + x) * picture.Channels;
                    float value = luma ? (0.299f * pixels[at]) + (0.587f * pixels[at + 1]) + (0.114f * pixels[at + 2]) : pixels[at + from];
                    values[_layout == Layout.Nchw ? (((c * height) + y) * width) + x : (((y * width) + x) * channels) + c] = (value * factor) + offset;
                }
            }
        }

        return ElementCast.FromFloats(values, _input.Type, Lengths(channels, height, width), ElementCast.Rounding.NearestClamped, $"Input '{_input.Name}'");
    }

    private long[] Lengths(int channels, int height, int width) => _input.Dims?.Count switch
    {
        2 => [1, (long)channels * height * width],
        3 => [1, height, width],
        _ => _layout == Layout.Nchw ? [1, channels, height, width] : [1, height, width, channels],
    };

    private (float[] Pixels, int Height, int Width, int Filled) Fit(Picture picture, string name)
    {
        int height = _height ?? picture.Height;
        int width = _width ?? picture.Width;
        bool free = _width is null;
        if ((long)height * width > ImageDecoder.MostPixels)
        {
            throw new DataException($"The input '{_input.Name}' {InputShape.Text(_input)} takes {height} x {width}; at most {ImageDecoder.MostPixels} pixels are made.");
        }

        if (height == picture.Height && width == picture.Width && _steps.ShortSide is null)
        {
            return (Whole(picture, height, width), height, width, width);
        }

        switch (_steps.Resize)
        {
            case ResizeMode.Stretch:
                return (Whole(picture, height, width), height, width, width);
            case ResizeMode.ShortSideThenCentreCrop:
                int side = _steps.ShortSide ?? (int)Math.Round(Math.Min(height, width) * 8 / 7.0);
                double ratio = Math.Max((double)side / Math.Min(picture.Height, picture.Width), Math.Max((double)height / picture.Height, (double)width / picture.Width));
                (int Height, int Width) size = (Math.Max(height, (int)Math.Round(picture.Height * ratio)), Math.Max(width, (int)Math.Round(picture.Width * ratio)));
                var window = ((size.Height - height) / 2, (size.Width - width) / 2, height, width);
                return (Resampler.Resize(picture, size, window), height, width, width);
            case ResizeMode.FitHeightPadRight:
                // a line of one pixel's height may not become one of a billion's width
                int natural = (int)Math.Clamp(Math.Ceiling((double)picture.Width * height / picture.Height), 1, ImageDecoder.MostPixels / height);
                int filled = free ? natural : Math.Min(width, natural);
                return (Whole(picture, height, filled), height, free ? filled : width, filled);
            default:
                throw new DataException(
                    $"'{name}' is {picture.Height} x {picture.Width} (height x width), but the input '{_input.Name}' {InputShape.Text(_input)} takes {height} x {width}. Add a resize rule to the preprocessing: stretch, short-side or fit-height.");
        }
    }

    private static float[] Whole(Picture picture, int height, int width) => Resampler.Resize(picture, (height, width), (0, 0, height, width));

    private int? Side(int? asked, long? declared, string what) =>
        asked is int a && declared is long d && a != d
            ? throw new DataException($"The preprocessing asks for a {what} of {a}, but the input '{_input.Name}' {InputShape.Text(_input)} takes {d}.")
            : asked ?? (int?)declared;

    private static (Layout Layout, int? Channels, int? Height, int? Width) Axes(ValueInfo input, Preprocessing steps)
    {
        IReadOnlyList<long?>? dims = input.Dims;
        if (input.Type is not (ElementType.Float or ElementType.Float16 or ElementType.BFloat16 or ElementType.Double or ElementType.UInt8 or ElementType.Int8 or ElementType.Int32))
        {
            throw new DataException($"The input '{input.Name}' takes {input.Type.OnnxName()}, which no picture gives.");
        }

        if (dims is not null && (dims.Count is < 2 or > 4 || dims.Any(d => d is > 1 << 16 or < 0 && dims.Count > 2) || dims[0] is not (null or 1)))
        {
            throw new DataException($"The input '{input.Name}' {InputShape.Text(input)} does not take pictures one by one; give arrays (.npz keyed by input name) instead.");
        }

        Layout layout = steps.Layout ?? (dims?.Count == 4 && dims[1] is not (1 or 3) && dims[3] is 1 or 3 ? Layout.Nhwc : Layout.Nchw);
        return dims?.Count switch
        {
            null => (layout, null, null, null),
            2 => (layout, null, null, null),
            3 => (layout, 1, (int?)dims[1], (int?)dims[2]),
            _ when layout == Layout.Nchw => (layout, (int?)dims[1], (int?)dims[2], (int?)dims[3]),
            _ => (layout, (int?)dims[3], (int?)dims[1], (int?)dims[2]),
        };
    }
}
