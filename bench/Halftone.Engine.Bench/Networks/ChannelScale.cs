using Halftone.Onnx;

namespace Halftone.Engine.Bench.Networks;

/// <summary>Mean and deviation of one channel.</summary>
internal readonly record struct ChannelScale(double Mean, double Deviation)
{
    /// <summary>Of every channel (axis 1) of a tensor, over all images and places.</summary>
    public static ChannelScale[] Of(Tensor tensor)
    {
        int images = (int)tensor.Dims[0];
        int channels = (int)tensor.Dims[1];
        int plane = (int)(tensor.Count / images / channels);
        ReadOnlySpan<float> values = tensor.As<float>();
        var scales = new ChannelScale[channels];
        for (int c = 0; c < channels; c++)
        {
            (double sum, double squares) = (0, 0);
            for (int n = 0; n < images; n++)
            {
                foreach (float value in values.Slice(((n * channels) + c) * plane, plane))
                {
                    sum += value;
                    squares += (double)value * value;
                }
            }

            double mean = sum / images / plane;

            // a channel that is dead on all images is left as it is, not blown up
            double variance = (squares / images / plane) - (mean * mean);
            scales[c] = new ChannelScale(mean, variance > 1e-9 ? Math.Sqrt(variance) : 1);
        }

        return scales;
    }
}
