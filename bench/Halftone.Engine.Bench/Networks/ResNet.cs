using Halftone.Onnx;

namespace Halftone.Engine.Bench.Networks;

/// <summary>Residual networks of basic blocks (He et al. 2016, "Deep Residual Learning for Image Recognition"), batch normalization folded.</summary>
internal static class ResNet
{
    private const double BranchGain = 0.5; // branches are damped, so that sums do not grow from block to block

    /// <summary>ResNet-18 for 224 x 224 pixels and 1000 classes (table 1 of the paper).</summary>
    public static Model ResNet18(int seed)
    {
        var net = new NetworkBuilder(seed, 224, 1000);
        Value x = net.MaxPool(net.Relu(net.Conv(net.Input, 64, 7, 2)));
        return net.Classify(Stages(net, x, [64, 128, 256, 512], 2));
    }

    /// <summary>ResNet-20 for CIFAR: 32 x 32 pixels, 10 classes (section 4.2); shortcuts that change the size are 1 x 1 convolutions (option B).</summary>
    public static Model ResNet20(int seed)
    {
        var net = new NetworkBuilder(seed, 32, 10);
        Value x = net.Relu(net.Conv(net.Input, 16, 3));
        return net.Classify(Stages(net, x, [16, 32, 64], 3));
    }

    private static Value Stages(NetworkBuilder net, Value x, int[] widths, int blocks)
    {
        foreach (int width in widths)
        {
            for (int block = 0; block < blocks; block++)
            {
                x = Block(net, x, width, width == x.Channels ? 1 : 2);
            }
        }

        return x;
    }

    private static Value Block(NetworkBuilder net, Value x, int width, int stride)
    {
        Value branch = net.Conv(net.Relu(net.Conv(x, width, 3, stride)), width, 3, gain: BranchGain);
        Value shortcut = stride == 1 ? x : net.Conv(x, width, 1, stride);
        return net.Relu(net.Sum(branch, shortcut));
    }
}
