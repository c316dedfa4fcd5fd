using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Export;

namespace Halftone.Onnx.Tests.Passes;

/// <summary>Small networks of everything that the passes look for, put together at random.</summary>
internal sealed class RandomNets
{
    private readonly Draft _draft;
    private readonly Random _random;
    private readonly Dictionary<string, string> _shared = [];
    private readonly List<(string Name, int Channels, int Size)> _values = [];

    private RandomNets(int seed)
    {
        _random = new Random(seed);
        _draft = new Draft(17, seed);
    }

    /// <summary>A network and what to feed it.</summary>
    public static (Model Model, Dictionary<string, Tensor> Feed) Make(int seed, int length)
    {
        RandomNets net = new(seed);
        net._values.Add((net._draft.Input("x", -1, 1, 2, 4, 8, 8), 4, 8));
        net._draft.Input("flag", Tensor.Scalar(seed % 2 == 0));
        for (int i = 0; i < length; i++)
        {
            net.Step();
        }

        net.Head();
        HashSet<string> outputs = [net._values[^1].Name];
        outputs.UnionWith(net._values.Skip(1).Where(_ => net._random.Next(6) == 0).Select(v => v.Name));
        foreach (string output in outputs)
        {
            net._draft.Output(output);
        }

        return (net._draft.Build(), net._draft.Feed);
    }

    private void Step()
    {
        (string x, int channels, int size) = _values[_random.Next(Math.Max(0, _values.Count - 3), _values.Count)];
        string y;
        switch (_random.Next(10))
        {
            case 0 or 1:
                (y, channels) = Convolution(x, channels);
                break;
            case 2:
                int groups = _random.Next(2) == 0 ? 1 : 2;
                y = _draft.Node("ConvTranspose", [x, Weight(channels, 6 / groups, 1, 1), .. Bias(6)], n => n.With("group", groups));
                channels = 6;
                break;
            case 3:
                y = Norm(x, channels);
                break;
            case 4:
                y = _draft.Node("Relu", [x]);
                break;
            case 5:
                y = _draft.Node(_random.Next(2) == 0 ? "Identity" : "Dropout", [x]);
                break;
            case 6:
                string[] value = _random.Next(3) == 0 ? [_draft.Const(Tensor.Scalar((float)_random.Next(2)))] : [];
                string padded = _draft.Node("Pad", [x, _draft.Const(Tensor.Of<long>([0, 0, 1, 0, 0, 0, 1, 2], 8)), .. value]);
                y = _draft.Node("Conv", [padded, Weight(channels, channels, 3, 3)]);
                _draft.Node("Relu", [_draft.Node("Identity", [y])]); // nobody reads it
                return;
            case 7:
                (string Name, int, int)[] like = [.. _values.Where(v => v.Channels == channels && v.Size == size)];
                y = _draft.Node(_random.Next(2) == 0 ? "Add" : "Sum", [x, like[_random.Next(like.Length)].Name]);
                break;
            case 8:
                y = _draft.Node("If", ["flag"], n => n.Proto.Attribute.Add([Branch("then_branch", x, "Neg"), Branch("else_branch", x, "Abs")]));
                break;
            default:
                string filled = _draft.Node("ConstantOfShape", [_draft.Const(Tensor.Of<long>([channels, 1, 1], 3))], n => n.Proto.Attribute.Add(new AttributeProto { Name = "value", Type = 4, T = TensorFormat.Write("", Tensor.Of([.75f], 1)) }));
                y = _draft.Node("Mul", [x, filled]);
                break;
        }

        _values.Add((_random.Next(3) == 0 ? Norm(y, channels) : y, channels, size));
    }

    private (string, int) Convolution(string x, int channels)
    {
        int groups = channels % 4 == 0 ? ((int[])[1, 2, channels])[_random.Next(3)] : 1;
        int made = groups == channels ? channels : 4 * _random.Next(1, 3);
        return (_draft.Node("Conv", [x, Weight(made, channels / groups, 3, 3), .. Bias(made)], n => n.With("group", groups).With("pads", [1, 1, 1, 1])), made);
    }

    private void Head()
    {
        (string x, int channels, int size) = _values[^1];
        string flat = _draft.Node("Flatten", [x]);
        bool transposed = _random.Next(2) == 0;
        long features = channels * size * size;
        string product = _draft.Node("Gemm", [flat, transposed ? Weight(5, (int)features) : Weight((int)features, 5), .. Bias(5)], n => n.With("transB", transposed ? 1 : 0));
        _values.Add((Norm(product, 5), 5, 1));
    }

    private string[] Bias(int channels) => _random.Next(2) == 0 ? [Constant(_draft.Floats(-1, 1, channels))] : [];

    // often one that is there already: tied weights
    private string Weight(params int[] dims)
    {
        string key = string.Join(',', dims);
        if (_random.Next(3) == 0 && _shared.TryGetValue(key, out string? shared))
        {
            return shared;
        }

        return _shared[key] = Constant(_draft.Floats(-.5f, .5f, [.. dims.Select(d => (long)d)]));
    }

    // an initializer, a node, or what a node computes
    private string Constant(Tensor value) => _random.Next(4) switch
    {
        0 => _draft.Node("Constant", [], n => n.Proto.Attribute.Add(new AttributeProto { Name = "value", Type = 4, T = TensorFormat.Write("", value) })),
        1 => _draft.Node("Identity", [_draft.Const(value)]),
        2 => _draft.Node("Reshape", [_draft.Const(value.Reshape(value.Count)), _draft.Const(Tensor.Of(value.Dims.AsSpan(), value.Dims.Length))]),
        _ => _draft.Const(value),
    };

    private string Norm(string x, int channels) => _draft.Node(
        "BatchNormalization",
        [x, Constant(_draft.Floats(-2, 2, channels)), Constant(_draft.Floats(-1, 1, channels)), Constant(_draft.Floats(-1, 1, channels)), Constant(_draft.Floats(.5f, 2, channels))],
        n => n.With("epsilon", 1e-3f));

    private static AttributeProto Branch(string name, string captured, string op) => new()
    {
        Name = name,
        Type = 5,
        G = new GraphProto
        {
            Name = name,
            Node = { new NodeProto { Name = op, OpType = op, Input = { captured }, Output = { $"{captured}_{op}" } } },
            Output = { new ValueInfoProto { Name = $"{captured}_{op}", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } } },
        },
    };
}
