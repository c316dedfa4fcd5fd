using Halftone.Numerics;
using Halftone.Onnx;

namespace Halftone.PostTraining.Tests;

/// <summary>Builds a small float model node by node, with constants from a seed. Its input is 'x', its output 'y' unless others are given.</summary>
internal sealed class Net
{
    private readonly CounterRandom _random;
    private long _at;

    public Net(long?[] input, int opset = 13, int seed = 7)
        : this([new ValueInfo("x", ElementType.Float, input)], ["y"], opset, seed)
    {
    }

    public Net(ValueInfo[] inputs, string[] outputs, int opset = 13, int seed = 7)
    {
        _random = new CounterRandom(seed);
        Model = Model.Create(opset, inputs, outputs.Select(o => new ValueInfo(o, ElementType.Float, null)));
    }

    public Model Model { get; }

    public Graph Graph => Model.Graph;

    /// <summary>Numbers of the standard normal distribution (Box and Muller).</summary>
    public static float[] Normal(CounterRandom random, int count, long from = 0) =>
        [.. Enumerable.Range(0, count).Select(i => (float)(Math.Sqrt(-2 * Math.Log(1 - random.Uniform(from + (2 * i)))) * Math.Cos(2 * Math.PI * random.Uniform(from + (2 * i) + 1))))];

    /// <summary>A normal constant with a standard deviation.</summary>
    public string Constant(string name, float deviation, params long[] dims)
    {
        int count = (int)dims.Aggregate(1L, (a, b) => a * b);
        float[] values = [.. Normal(_random, count, _at).Select(v => v * deviation)];
        _at += 2 * count;
        return Constant(name, Tensor.Of(values, dims));
    }

    public string Constant(string name, Tensor value)
    {
        Graph.SetConstant(name, value);
        return name;
    }

    public string Integers(string name, params long[] values) => Constant(name, Tensor.Of(values, values.Length));

    public string Scalar(string name, float value) => Constant(name, Tensor.Scalar(value));

    /// <summary>Adds a node named like its output, whose name is returned.</summary>
    public string Op(string op, string[] inputs, string output, Action<Node>? with = null) => Op(op, inputs, [output], with);

    public string Op(string op, string[] inputs, string[] outputs, Action<Node>? with = null)
    {
        var node = new Node("n_" + outputs[0], op, inputs, outputs);
        with?.Invoke(node);
        Graph.Add(node);
        return outputs[0];
    }

    /// <summary>A convolution with weight and bias of its own.</summary>
    public string Conv(string x, string output, long outputs, long inputs, long kernel = 3, long group = 1, Action<Node>? with = null) =>
        Op("Conv", [x, Constant($"w_{output}", 1 / MathF.Sqrt(inputs / group * kernel * kernel), outputs, inputs / group, kernel, kernel), Constant($"b_{output}", 0.1f, outputs)], output, n =>
        {
            n.With("kernel_shape", [kernel, kernel]).With("pads", [kernel / 2, kernel / 2, kernel / 2, kernel / 2]).With("group", group);
            with?.Invoke(n);
        });
}
