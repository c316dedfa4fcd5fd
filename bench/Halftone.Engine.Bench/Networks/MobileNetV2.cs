using Halftone.Onnx;

namespace Halftone.Engine.Bench.Networks;

/// <summary>MobileNetV2 (Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks"), batch normalization folded.</summary>
internal static class MobileNetV2
{
    private const double BranchGain = 0.5; // branches are damped, so that sums do not grow from block to block

    // expansion, channels, blocks, stride of the first: table 2 of the paper
    private static readonly (int Expansion, int Channels, int Blocks, int Stride)[] s_stages =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

    /// <summary>For 224 x 224 pixels and 1000 classes.</summary>
    /// <param name="seed">Of weights and images.</param>
    /// <param name="width">Multiplies the channels.</param>
    public static Model Build(int seed, double width = 1)
    {
        var net = new NetworkBuilder(seed, 224, 1000);
        Value x = net.Relu6(net.Conv(net.Input, Rounded(32 * width), 3, 2));
        foreach ((int expansion, int channels, int blocks, int stride) in s_stages)
        {
            for (int block = 0; block < blocks; block++)
            {
                x = Block(net, x, expansion, Rounded(channels * width), block == 0 ? stride : 1);
            }
        }

        return net.Classify(net.Relu6(net.Conv(x, Rounded(1280 * Math.Max(width, 1)), 1)));
    }

    private static Value Block(NetworkBuilder net, Value x, int expansion, int channels, int stride)
    {
        bool residual = stride == 1 && channels == x.Channels;
        Value wide = expansion == 1 ? x : net.Relu6(net.Conv(x, x.Channels * expansion, 1));
        wide = net.Relu6(net.Conv(wide, wide.Channels, 3, stride, group: wide.Channels));
        Value narrow = net.Conv(wide, channels, 1, gain: residual ? BranchGain : 1);
        return residual ? net.Sum(narrow, x) : narrow;
    }

    // to the nearest multiple of 8, never more than a tenth down: the authors' code
    private static int Rounded(double channels)
    {
        int rounded = Math.Max(8, (int)(channels + 4) / 8 * 8);
        return rounded < 0.9 * channels ? rounded + 8 : rounded;
    }
}
