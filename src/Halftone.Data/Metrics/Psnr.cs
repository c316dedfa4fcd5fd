using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>Peak signal-to-noise ratio of images against their targets, the mean over images, in dB.</summary>
/// <remarks>
/// <para>Of an image: 10 log10(Peak^2 / mean((clip(y, 0, Peak) - target)^2)), over the last two axes less a border on each side; infinite for equal images.</para>
/// <para>Shapes: output and target [1, C, H, W].</para>
/// </remarks>
public sealed record Psnr : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("psnr", "Peak signal-to-noise ratio", "ITU-T J.340 (2010)");

    /// <summary>The output with the image; null for the only one.</summary>
    public string? Output { get; init; }

    /// <summary>Pixels left out along each side.</summary>
    public int Border
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>The largest value of a pixel; outputs are clipped to 0..Peak, as showing them would.</summary>
    public double Peak
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            field = value;
        }
    } = 1;

    /// <inheritdoc/>
    public string Name => Info.Id;

    /// <inheritdoc/>
    public string Unit => "dB";

    /// <inheritdoc/>
    public bool HigherIsBetter => true;

    /// <inheritdoc/>
    public MetricNeed Need => MetricNeed.Target;

    /// <inheritdoc/>
    public IMeasurement Start() => new MeanScore(Name, (sample, outputs, _) => Of(sample, Outputs.Pick(outputs, Output)), mean => mean);

    private double Of(Sample sample, Tensor output)
    {
        float[] target = Outputs.Target(sample, output, Name);
        if (output.Dims.Length < 2 || !output.Dims.AsSpan()[^2..].SequenceEqual(sample.Target!.Dims.AsSpan()[^2..]))
        {
            throw new DataException($"The target of '{sample.Name}' is [{string.Join(",", sample.Target!.Dims)}], but the model gives [{string.Join(",", output.Dims)}].");
        }

        float[] values = output.ToFloats();
        (int height, int width) = ((int)output.Dims[^2], (int)output.Dims[^1]);
        if (height <= 2 * Border || width <= 2 * Border)
        {
            throw new DataException($"'{sample.Name}' is {height} x {width}; nothing is left within a border of {Border}.");
        }

        double sum = 0;
        long count = 0;
        for (int i = 0; i < values.Length; i++)
        {
            int x = i % width;
            int y = i / width % height;
            if (x >= Border && x < width - Border && y >= Border && y < height - Border)
            {
                double error = Math.Clamp((double)values[i], 0, Peak) - target[i];
                sum += error * error;
                count++;
            }
        }

        return 10 * Math.Log10(Peak * Peak * count / sum);
    }
}
