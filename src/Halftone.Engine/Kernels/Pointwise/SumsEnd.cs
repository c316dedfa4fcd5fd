using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>What becomes of 32-bit sums whose zero point and scales are known at run time only.</summary>
/// <remarks>y = float(sum - zero point * column sum) * (factor * scale) + bias, each operation rounded, as the nodes of such a model compute it.</remarks>
/// <param name="ZeroPoint">What the codes are above the numbers they stand for.</param>
/// <param name="Columns">For each channel what its weights add up to.</param>
/// <param name="Factor">Scale of the codes, where it is apart from the weights'; else 1.</param>
/// <param name="Scales">One scale, or one a channel; null where sums stay integers.</param>
/// <param name="ScalePerChannel">Whether there is one a channel.</param>
/// <param name="Bias">One bias, or one a channel; null for none.</param>
/// <param name="BiasPerChannel">Whether there is one a channel.</param>
internal readonly unsafe record struct SumsEnd(nint Columns, int ZeroPoint, float Factor, nint Scales, bool ScalePerChannel, nint Bias, bool BiasPerChannel)
{
    private const int TilePixels = 16;
    private const int TileChannels = 64;

    /// <summary>Some channels of a row; the results may lie on the sums.</summary>
    public void Row(int* sums, float* y, int firstChannel, int count)
    {
        if (Scales == 0)
        {
            Integers(sums, (int*)y, firstChannel, count);
        }
        else
        {
            LaneLoop.Run(new SumsStep(this, sums, y, firstChannel), count);
        }
    }

    /// <summary>Pixels of an image whose channels are together, as planes.</summary>
    /// <param name="sums">The image's sums.</param>
    /// <param name="y">Its first plane.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="pixels">Pixels of the image.</param>
    /// <param name="first">The first pixel to do.</param>
    /// <param name="last">The one after the last.</param>
    public void Planes(int* sums, float* y, int channels, int pixels, int first, int last)
    {
        float* tile = stackalloc float[TilePixels * TileChannels];
        for (int pixel = first; pixel < last; pixel += TilePixels)
        {
            int width = Math.Min(TilePixels, last - pixel);
            for (int channel = 0; channel < channels; channel += TileChannels)
            {
                int count = Math.Min(TileChannels, channels - channel);
                for (int p = 0; p < width; p++)
                {
                    Row(sums + ((long)(pixel + p) * channels) + channel, tile + (p * TileChannels), channel, count);
                }

                for (int c = 0; c < count; c++)
                {
                    float* to = y + ((long)(channel + c) * pixels) + pixel;
                    for (int p = 0; p < width; p++)
                    {
                        to[p] = tile[(p * TileChannels) + c];
                    }
                }
            }
        }
    }

    private void Integers(int* sums, int* y, int firstChannel, int count)
    {
        int* columns = (int*)Columns + firstChannel;
        int zero = ZeroPoint;
        var s = new ReadOnlySpan<int>(sums, count);
        if (zero == 0)
        {
            s.CopyTo(new Span<int>(y, count)); // the same memory is no harm
            return;
        }

        int at = 0;
        for (; at <= count - System.Numerics.Vector<int>.Count; at += System.Numerics.Vector<int>.Count)
        {
            System.Numerics.Vector<int> difference = System.Numerics.Vector.Load(sums + at) - (System.Numerics.Vector.Load(columns + at) * zero);
            System.Numerics.Vector.Store(difference, y + at);
        }

        for (; at < count; at++)
        {
            y[at] = unchecked(sums[at] - (columns[at] * zero));
        }
    }
}

/// <summary>A row of <see cref="SumsEnd"/>.</summary>
internal readonly unsafe struct SumsStep(SumsEnd end, int* sums, float* y, int firstChannel) : ILaneStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes>
    {
        int channel = firstChannel + at;
        TLanes value = TLanes.Load(sums + at, (int*)end.Columns + channel, end.ZeroPoint);
        float* scales = (float*)end.Scales;
        value *= TLanes.All(end.Factor) * (end.ScalePerChannel ? TLanes.Load(scales + channel) : TLanes.All(*scales));
        float* bias = (float*)end.Bias;
        if (bias is not null)
        {
            value += end.BiasPerChannel ? TLanes.Load(bias + channel) : TLanes.All(*bias);
        }

        TLanes.Store(y + at, value);
    }
}
