namespace Halftone.Samples.Train;

/// <summary>The two sample networks.</summary>
internal static class Networks
{
    /// <summary>Every network that the program trains.</summary>
    public static IReadOnlyList<NetworkSpec> All { get; } = [FashionResnet(), FashionMobilenet()];

    /// <summary>A residual network with batch normalization and ReLU.</summary>
    /// <remarks>From: He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition", arXiv:1512.03385, section 4.2 (the layout for small images, 16-32-64 channels). Chosen here: only the stem works at full size, since blocks there would double the time of training; shortcuts that change the shape are strided 1x1 convolutions (the paper's option B).</remarks>
    private static NetworkSpec FashionResnet()
    {
        NetworkBuilder net = new();
        string x = net.Append(new Relu("stem.relu", net.ConvolutionAndNorm("stem", NetworkSpec.Input, 1, 16, kernel: 3)));
        x = Residual(net, "stage1.block1", x, 16, 32, stride: 2);
        x = Residual(net, "stage1.block2", x, 32, 32, stride: 1);
        x = Residual(net, "stage2.block1", x, 32, 64, stride: 2);
        x = Residual(net, "stage2.block2", x, 64, 64, stride: 1);
        return net.Classify("fashion_resnet", x, 64);
    }

    /// <summary>relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)).</summary>
    private static string Residual(NetworkBuilder net, string name, string input, int inputs, int outputs, int stride)
    {
        string x = net.ConvolutionAndNorm($"{name}.1", input, inputs, outputs, kernel: 3, stride);
        x = net.Append(new Relu($"{name}.1.relu", x));
        x = net.ConvolutionAndNorm($"{name}.2", x, outputs, outputs, kernel: 3);
        string shortcut = stride == 1 && inputs == outputs
            ? input
            : net.ConvolutionAndNorm($"{name}.shortcut", input, inputs, outputs, kernel: 1, stride);
        return net.Append(new Relu($"{name}.relu", net.Append(new Addition($"{name}.add", x, shortcut))));
    }

    /// <summary>A depthwise-separable network with inverted residuals, batch normalization and ReLU6.</summary>
    /// <remarks>From: Sandler, Howard, Zhu, Zhmoginov and Chen 2018, "MobileNetV2: inverted residuals and linear bottlenecks", arXiv:1801.04381, table 2. Chosen here: widths and strides for images of 28 by 28; expansion 4, less where the images are still large.</remarks>
    private static NetworkSpec FashionMobilenet()
    {
        NetworkBuilder net = new();
        string x = net.Append(new Relu6("stem.relu6", net.ConvolutionAndNorm("stem", NetworkSpec.Input, 1, 16, kernel: 3, stride: 2)));
        x = InvertedResidual(net, "block1", x, 16, 24, expansion: 1, stride: 1);
        x = InvertedResidual(net, "block2", x, 24, 24, expansion: 2, stride: 1);
        x = InvertedResidual(net, "block3", x, 24, 40, expansion: 3, stride: 2);
        x = InvertedResidual(net, "block4", x, 40, 40, expansion: 4, stride: 1);
        x = InvertedResidual(net, "block5", x, 40, 64, expansion: 4, stride: 1);
        x = InvertedResidual(net, "block6", x, 64, 64, expansion: 4, stride: 1);
        x = net.Append(new Relu6("head.relu6", net.ConvolutionAndNorm("head", x, 64, 192, kernel: 1)));
        return net.Classify("fashion_mobilenet", x, 192);
    }

    /// <summary>Expand (1x1, ReLU6), filter each channel (3x3, ReLU6), project (1x1, linear); plus x where the shape stays.</summary>
    private static string InvertedResidual(NetworkBuilder net, string name, string input, int inputs, int outputs, int expansion, int stride)
    {
        int wide = inputs * expansion;
        string x = expansion == 1
            ? input
            : net.Append(new Relu6($"{name}.expand.relu6", net.ConvolutionAndNorm($"{name}.expand", input, inputs, wide, kernel: 1)));
        x = net.Append(new Relu6($"{name}.depthwise.relu6", net.ConvolutionAndNorm($"{name}.depthwise", x, wide, wide, kernel: 3, stride, groups: wide)));
        x = net.ConvolutionAndNorm($"{name}.project", x, wide, outputs, kernel: 1);
        return stride == 1 && inputs == outputs ? net.Append(new Addition($"{name}.add", x, input)) : x;
    }
}
