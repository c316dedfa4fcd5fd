using Halftone.Onnx;

namespace Halftone.Engine.Bench.Layers;

/// <summary>A convolution with seeded data.</summary>
internal sealed class ConvLayer(ConvShape shape, int seed) : ILayer
{
    private const float Step = 1f / 32; // of input and output; a power of two, so that their quotient changes no scale

    private readonly int _fan = shape.Channels / shape.Groups * shape.Kernel * shape.Kernel;

    public ConvShape Shape => shape;

    public string Name => shape.Name;

    public long MultiplyAdds => shape.MultiplyAdds;

    public Tensor Input { get; } = Tensor.Of(
        SeededCodes.Activations((long)shape.Height * shape.Width * shape.Channels, seed), 1, shape.Height, shape.Width, shape.Channels);

    public sbyte[] Weights { get; } = SeededCodes.Weights((long)shape.Outputs * shape.Channels / shape.Groups * shape.Kernel * shape.Kernel, seed + 1);

    public int[] Bias { get; } = SeededCodes.Biases(shape.Outputs, shape.Channels / shape.Groups * shape.Kernel * shape.Kernel, seed + 2);

    public float[] Scales { get; } = SeededCodes.Scales(shape.Outputs, shape.Channels / shape.Groups * shape.Kernel * shape.Kernel, seed + 3);

    public long[] OutputDims => [1, shape.OutputHeight, shape.OutputWidth, shape.Outputs];

    /// <summary>QDQ around Conv, with transposes at the ends that turn NHWC into what ONNX asks for: engines that compute in NHWC drop them.</summary>
    public Model ToModel()
    {
        Model model = Model.Create(17, [new ValueInfo("x", ElementType.UInt8, [.. Input.Dims.Select(d => (long?)d)])], [new ValueInfo("y", ElementType.UInt8, [.. OutputDims.Select(d => (long?)d)])]);
        Graph graph = model.Graph;
        graph.SetConstant("step", Tensor.Scalar(Step));
        graph.SetConstant("zero", Tensor.Scalar((byte)0));
        graph.SetConstant("w", Tensor.Of(Weights, shape.Outputs, shape.Channels / shape.Groups, shape.Kernel, shape.Kernel));
        graph.SetConstant("w_scale", Tensor.Of(Scales, shape.Outputs));
        graph.SetConstant("w_zero", Tensor.Of(new sbyte[shape.Outputs], shape.Outputs));
        graph.SetConstant("b", Tensor.Of(Bias, shape.Outputs));
        graph.SetConstant("b_scale", Tensor.Of(Scales.Select(s => s * Step).ToArray(), shape.Outputs));
        graph.SetConstant("b_zero", Tensor.Of(new int[shape.Outputs], shape.Outputs));
        graph.Add(new Node("nchw", "Transpose", ["x"], ["x_nchw"]).With("perm", [0, 3, 1, 2]));
        graph.Add(new Node("x_dq", "DequantizeLinear", ["x_nchw", "step", "zero"], ["x_float"]));
        graph.Add(new Node("w_dq", "DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_float"]).With("axis", 0));
        graph.Add(new Node("b_dq", "DequantizeLinear", ["b", "b_scale", "b_zero"], ["b_float"]).With("axis", 0));
        graph.Add(new Node("conv", "Conv", ["x_float", "w_float", "b_float"], ["y_float"])
            .With("kernel_shape", [shape.Kernel, shape.Kernel]).With("strides", [shape.Stride, shape.Stride]).With("group", shape.Groups)
            .With("pads", Enumerable.Repeat((long)shape.Pad, 4)));
        graph.Add(new Node("y_q", "QuantizeLinear", ["y_float", "step", "zero"], ["y_nchw"]));
        graph.Add(new Node("nhwc", "Transpose", ["y_nchw"], ["y"]).With("perm", [0, 2, 3, 1]));
        return model;
    }

    public byte[] Expected()
    {
        var codes = new byte[shape.OutputHeight * shape.OutputWidth * shape.Outputs];
        for (int i = 0; i < codes.Length; i++)
        {
            int pixel = i / shape.Outputs;
            codes[i] = SeededCodes.Code(Sum(pixel / shape.OutputWidth, pixel % shape.OutputWidth, i % shape.Outputs), Scales[i % shape.Outputs]);
        }

        return codes;
    }

    private int Sum(int row, int column, int output)
    {
        ReadOnlySpan<byte> codes = Input.Bytes;
        int inputs = shape.Channels / shape.Groups;
        int first = output / (shape.Outputs / shape.Groups) * inputs;
        int sum = Bias[output];
        for (int k = 0; k < _fan; k++)
        {
            int y = (row * shape.Stride) - shape.Pad + (k / shape.Kernel % shape.Kernel);
            int x = (column * shape.Stride) - shape.Pad + (k % shape.Kernel);
            if (y >= 0 && y < shape.Height && x >= 0 && x < shape.Width)
            {
                int channel = first + (k / shape.Kernel / shape.Kernel);
                sum += codes[(((y * shape.Width) + x) * shape.Channels) + channel] * Weights[(output * _fan) + k];
            }
        }

        return sum;
    }
}
