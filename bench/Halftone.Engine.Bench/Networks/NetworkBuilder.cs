using System.Numerics.Tensors;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Tensor = Halftone.Onnx.Tensor;

namespace Halftone.Engine.Bench.Networks;

/// <summary>A value of a network under construction.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Samples">What it holds for the seeded images.</param>
internal sealed record Value(string Name, Tensor Samples)
{
    /// <summary>Its channels.</summary>
    public int Channels => (int)Samples.Dims[1];
}

/// <summary>Builds a float network with random weights whose activations are alive: every layer is computed on seeded images as soon as it is added, and normalized per channel, as folded batch normalization does it.</summary>
internal sealed class NetworkBuilder
{
    private const int Opset = 17;
    private const int Images = 16;

    private readonly int _seed;
    private readonly Model _model;
    private int _layers;

    /// <param name="seed">Of weights and images; the same seed gives the same network.</param>
    /// <param name="size">Rows and columns of an image.</param>
    /// <param name="classes">Outputs.</param>
    public NetworkBuilder(int seed, int size, int classes)
    {
        _seed = seed;
        _model = Model.Create(Opset, [new ValueInfo("input", ElementType.Float, [1, 3, size, size])], [new ValueInfo("logits", ElementType.Float, [1, classes])]);
        Input = new Value("input", new NoiseImages("input", size, Images, seed).Batch());
        Classes = classes;
    }

    /// <summary>The images.</summary>
    public Value Input { get; }

    /// <summary>Outputs of the network.</summary>
    public int Classes { get; }

    /// <summary>A convolution with "same" padding, whose output has mean about 0 and deviation about <paramref name="gain"/> in every channel.</summary>
    public Value Conv(Value x, int channels, int kernel, int stride = 1, int group = 1, double gain = 1)
    {
        string name = $"conv{_layers}";
        int fan = x.Channels / group * kernel * kernel;
        Node node = new Node(name, "Conv", [x.Name, name + ".weight", name + ".bias"], [name + ".out"])
            .With("kernel_shape", [kernel, kernel]).With("strides", [stride, stride]).With("group", group)
            .With("pads", Enumerable.Repeat((long)kernel / 2, 4));
        return Normalized(node, x, [channels, x.Channels / group, kernel, kernel], fan, gain);
    }

    /// <summary>max(x, 0).</summary>
    public Value Relu(Value x) => Add(new Node(x.Name + ".relu", "Relu", [x.Name], [x.Name + ".relu"]), [x]);

    /// <summary>max(min(x, 6), 0).</summary>
    public Value Relu6(Value x)
    {
        _model.Graph.SetConstant("zero", Tensor.Scalar(0f));
        _model.Graph.SetConstant("six", Tensor.Scalar(6f));
        return Add(new Node(x.Name + ".clip", "Clip", [x.Name, "zero", "six"], [x.Name + ".clip"]), [x]);
    }

    /// <summary>The sum of two branches.</summary>
    public Value Sum(Value a, Value b) => Add(new Node(a.Name + ".add", "Add", [a.Name, b.Name], [a.Name + ".add"]), [a, b]);

    /// <summary>The greatest of 3 x 3, every second row and column.</summary>
    public Value MaxPool(Value x) =>
        Add(new Node(x.Name + ".pool", "MaxPool", [x.Name], [x.Name + ".pool"]).With("kernel_shape", [3, 3]).With("strides", [2, 2]).With("pads", [1, 1, 1, 1]), [x]);

    /// <summary>Means over the image, and the layer that tells the classes apart.</summary>
    public Model Classify(Value x)
    {
        Value pooled = Add(new Node("pool", "GlobalAveragePool", [x.Name], ["pool.out"]), [x]);
        Value flat = Add(new Node("flatten", "Flatten", [pooled.Name], ["flatten.out"]), [pooled]);
        Normalized(new Node("fc", "Gemm", [flat.Name, "fc.weight", "fc.bias"], ["logits"]).With("transB", 1), flat, [Classes, x.Channels], x.Channels, gain: 2);
        return _model;
    }

    // He's deviation first (He et al. 2015, "Delving Deep into Rectifiers"), then what the images ask for
    private Value Normalized(Node node, Value x, long[] dims, int fan, double gain)
    {
        var random = new CounterRandom(unchecked((_seed * 7919) + ++_layers));
        int channels = (int)dims[0];
        var weights = new float[dims.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = (float)(random.Normal(i) * Math.Sqrt(2.0 / fan));
        }

        var bias = new float[channels];
        SetConstants(node, dims, weights, bias);
        ChannelScale[] raw = ChannelScale.Of(Compute(node, [x]));
        for (int c = 0; c < channels; c++)
        {
            double scale = gain * (0.75 + (0.5 * random.Uniform((2L * weights.Length) + c))) / raw[c].Deviation;
            bias[c] = (float)((0.2 * random.Normal(weights.Length + channels + c)) - (raw[c].Mean * scale));
            Span<float> row = weights.AsSpan(c * (weights.Length / channels), weights.Length / channels);
            TensorPrimitives.Multiply(row, (float)scale, row);
        }

        SetConstants(node, dims, weights, bias);
        return Add(node, [x]);
    }

    private void SetConstants(Node node, long[] dims, float[] weights, float[] bias)
    {
        _model.Graph.SetConstant(node.Inputs[1], Tensor.Of(weights, dims));
        _model.Graph.SetConstant(node.Inputs[2], Tensor.Of(bias, bias.Length));
    }

    private Value Add(Node node, Value[] inputs)
    {
        _model.Graph.Add(node);
        return new Value(node.Outputs[0], Compute(node, inputs));
    }

    // a model of the one node, run on all images at once
    private Tensor Compute(Node node, Value[] inputs)
    {
        Model alone = Model.Create(
            Opset,
            inputs.DistinctBy(i => i.Name).Select(i => new ValueInfo(i.Name, ElementType.Float, [.. i.Samples.Dims.Select(d => (long?)d)])),
            [new ValueInfo(node.Outputs[0], ElementType.Float, null)]);
        alone.Graph.Add(new Node(node.Name, node.Op, node.Inputs, node.Outputs).WithAttributesOf(node));
        foreach (string name in node.Inputs)
        {
            if (_model.Graph.Constant(name) is { } constant)
            {
                alone.Graph.SetConstant(name, constant);
            }
        }

        using OrtSession session = OrtSession.Load(alone);
        return session.Run(inputs.DistinctBy(i => i.Name).ToDictionary(i => i.Name, i => i.Samples))[node.Outputs[0]];
    }
}
