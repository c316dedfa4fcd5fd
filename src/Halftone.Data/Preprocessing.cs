using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Halftone.Data;

/// <summary>What is done with an image of another size than the model's.</summary>
public enum ResizeMode
{
    /// <summary>Resized to the target, whatever the aspect.</summary>
    Stretch,

    /// <summary>The short side is resized to <see cref="Preprocessing.ShortSide"/>, then the centre is cut out.</summary>
    ShortSideThenCentreCrop,

    /// <summary>Resized to the height, the aspect kept up to the target's width; zeros (after normalising) fill the right.</summary>
    FitHeightPadRight,
}

/// <summary>Order of the axes of an image input.</summary>
public enum Layout
{
    /// <summary>Batch, channels, height, width.</summary>
    Nchw,

    /// <summary>Batch, height, width, channels.</summary>
    Nhwc,
}

/// <summary>Order of the channels of an image input.</summary>
public enum ColourOrder
{
    /// <summary>Red first.</summary>
    Rgb,

    /// <summary>Blue first.</summary>
    Bgr,

    /// <summary>One channel: 0.299 R + 0.587 G + 0.114 B.</summary>
    Grey,
}

/// <summary>From pixels 0..255 to a model's input.</summary>
/// <remarks>
/// <para>y[c] = (x[c] * Scale - Mean[c]) / Deviation[c], channels in the model's order, x as pixels 0..255 (16-bit images are brought to that range).</para>
/// <para>Resizing is separable with a triangle filter, widened when shrinking (as Pillow's BILINEAR and torchvision with antialias), in floats, never rounded to 8 bits between.
/// Alpha is dropped and EXIF rotation is not applied, as most training code does.</para>
/// </remarks>
public sealed record Preprocessing
{
    /// <summary>The presets by name.</summary>
    public static ImmutableArray<(string Name, Preprocessing Value)> Presets { get; } =
    [
        ("none", new()),
        ("unit", new() { Scale = 1 / 255f }),
        ("imagenet", new() { Scale = 1 / 255f, Mean = [0.485f, 0.456f, 0.406f], Deviation = [0.229f, 0.224f, 0.225f] }),
        ("minus-one-to-one", new() { Scale = 1 / 127.5f, Mean = [1] }),
        ("caffe", new() { Colours = ColourOrder.Bgr, Mean = [104, 117, 123] }),
    ];

    /// <summary>Height to resize to; null takes the model's, or the image's own where that is free.</summary>
    public int? Height { get; init => field = Positive(value, nameof(Height)); }

    /// <summary>Width to resize to; null takes the model's, or the image's own where that is free.</summary>
    public int? Width { get; init => field = Positive(value, nameof(Width)); }

    /// <summary>Short side before the centre crop; null is 8/7 of the target's (256 for 224), and leaves images that fit already alone.</summary>
    public int? ShortSide { get; init => field = Positive(value, nameof(ShortSide)); }

    /// <summary>How other sizes are brought to the target; null refuses them.</summary>
    public ResizeMode? Resize { get; init; }

    /// <summary>Axes; null reads them off the model's input.</summary>
    public Layout? Layout { get; init; }

    /// <summary>Channels; null is grey for one channel and RGB for three.</summary>
    public ColourOrder? Colours { get; init; }

    /// <summary>Subtracted after scaling: none, one for all, or one a channel in the model's order.</summary>
    public ImmutableArray<float> Mean { get; init => field = Finite(value, nameof(Mean)); } = [];

    /// <summary>Divided by, last: none, one for all, or one a channel in the model's order; not zero.</summary>
    public ImmutableArray<float> Deviation
    {
        get;
        init => field = value.Contains(0) ? throw new ArgumentException("A deviation of 0 divides by zero; leave the deviations out instead.", nameof(Deviation)) : Finite(value, nameof(Deviation));
    } = [];

    /// <summary>Multiplied with first.</summary>
    public float Scale
    {
        get;
        init => field = float.IsFinite(value) && value != 0 ? value : throw new ArgumentException($"The scale is {value}; it must be finite and not 0.", nameof(Scale));
    } = 1;

    /// <summary>Whether the values stay as they are.</summary>
    public bool KeepsValues => Scale == 1 && Mean.All(m => m == 0) && Deviation.All(d => d == 1);

    /// <summary>Reads a preset's name, the path of a JSON file, or words separated by commas: <c>imagenet,short-side,bgr,nhwc,224x224</c>.</summary>
    /// <exception cref="ArgumentException">A word is not known; the message names the nearest.</exception>
    /// <exception cref="DataException">The file is missing or not understood.</exception>
    public static Preprocessing Parse(string text) =>
        text.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? FromFile(text) : PreprocessingText.FromWords(text);

    /// <summary>Reads JSON: an object with any of preset, height, width, shortSide, resize, layout, colours, scale, mean, deviation.</summary>
    /// <exception cref="DataException">It is not such an object; the message names the key and the nearest that exists.</exception>
    public static Preprocessing FromJson(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return PreprocessingText.FromJson(document.RootElement);
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new DataException($"The preprocessing is not understood: {error.Message}", error);
        }
    }

    /// <summary>The JSON that reads back as this.</summary>
    public string ToJson() => PreprocessingText.ToJson(this);

    /// <summary>One line for people: what is done, in order.</summary>
    public override string ToString() => PreprocessingText.Describe(this);

    /// <summary>Equal in every value, means and deviations one by one.</summary>
    public bool Equals(Preprocessing? other) => other is not null && ToJson() == other.ToJson();

    /// <inheritdoc/>
    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);

    /// <summary>The factor and the offset of a channel: y = x * factor + offset.</summary>
    /// <param name="channel">Channel, in the model's order.</param>
    /// <param name="channels">How many there are.</param>
    /// <exception cref="DataException">There are more or fewer means or deviations than channels.</exception>
    internal (float Factor, float Offset) Affine(int channel, int channels)
    {
        double deviation = At(Deviation, channel, channels, "deviations", 1);
        return ((float)(Scale / deviation), (float)(-At(Mean, channel, channels, "means", 0) / deviation));
    }

    private static double At(ImmutableArray<float> values, int channel, int channels, string what, double none) =>
        values.Length == 0 ? none
        : values.Length == 1 ? values[0]
        : values.Length == channels ? values[channel]
        : throw new DataException($"The preprocessing gives {values.Length} {what}, but the model's input has {channels} channels; give one, or one a channel.");

    private static Preprocessing FromFile(string path)
    {
        try
        {
            return FromJson(File.ReadAllText(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"The preprocessing file '{path}' cannot be read: {error.Message}", error);
        }
        catch (DataException error)
        {
            throw new DataException($"'{path}': {error.Message}", error);
        }
    }

    private static int? Positive(int? value, string name) =>
        value is null or > 0 and <= 1 << 16 ? value : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must lie in 1..65536."), name);

    private static ImmutableArray<float> Finite(ImmutableArray<float> values, string name) =>
        values.IsDefault || values.Any(v => !float.IsFinite(v)) ? throw new ArgumentException($"{name} must be finite numbers.", name) : values;
}
