using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Changes to a model that leave its file readable: attributes, constants, names, operators and lengths that do not fit.</summary>
internal static class Vandal
{
    private static readonly long[] s_integers = [0, 1, -1, 2, 3, -2, 7, 63, 64, 255, 1 << 16, 1 << 20, int.MaxValue, int.MinValue, 1L << 32, (1L << 32) + 1, long.MaxValue, long.MinValue];

    private static readonly float[] s_floats =
        [0, -0f, 1, -1, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -float.Epsilon, float.MaxValue, 1e-38f, 1e-20f, 1e20f, 0.5f];

    private static readonly string[] s_operators =
    [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Concat", "Resize", "Pad", "Reshape", "Flatten", "Transpose", "Slice",
        "Split", "Gather", "LayerNormalization", "Softmax", "QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "Expand", "Tile", "Clip", "If", "LSTM",
    ];

    /// <summary>Changes a model in some places, all out of one seed.</summary>
    public static void Break(Model model, int seed, int changes)
    {
        var random = new Random(seed);
        for (int i = 0; i < changes; i++)
        {
            switch (random.Next(10))
            {
                case < 4:
                    Attribute(model, random);
                    break;
                case < 8:
                    Constant(model, random);
                    break;
                case 8:
                    Input(model, random);
                    break;
                default:
                    Operator(model, random);
                    break;
            }
        }
    }

    private static T Any<T>(Random random, IReadOnlyList<T> of) => of[random.Next(of.Count)];

    private static void Attribute(Model model, Random random)
    {
        Node node = Any(random, model.Graph.Nodes);
        string[] names = [.. node.AttributeNames];
        if (names.Length == 0)
        {
            node.With(Any(random, (string[])["axis", "group", "transA", "transB", "keepdims", "block_size", "ceil_mode", "output_dtype", "saturate", "batch_dims"]), Any(random, s_integers));
            return;
        }

        string name = Any(random, names);
        if (node.Ints(name) is { Length: > 0 } list)
        {
            list[random.Next(list.Length)] = Any(random, s_integers);
            node.With(name, random.Next(8) == 0 ? list[1..] : list);
        }
        else if (node.Text(name, "").Length > 0)
        {
            node.With(name, Any(random, (string[])["", "SAME_UPPER", "VALID", "linear", "cubic", "reflect", "wrap", "tf_crop_and_resize", "x"]));
        }
        else
        {
            node.With(name, Any(random, s_integers));
        }
    }

    private static void Constant(Model model, Random random)
    {
        string[] names = [.. model.Graph.Initializers.Keys.Order(StringComparer.Ordinal)];
        if (names.Length == 0)
        {
            return;
        }

        string name = Any(random, names);
        Tensor old = model.Graph.Constant(name)!;
        long[] dims = [.. old.Dims];
        model.Graph.SetConstant(name, random.Next(5) switch
        {
            0 => old.Reshape(old.Count), // in a row
            1 => old.Reshape([.. dims, 1]),
            2 => Typed(random, old),
            _ => Filled(random, old),
        });
    }

    private static Tensor Typed(Random random, Tensor old) => Any(random, (ElementType[])[ElementType.UInt8, ElementType.Int8, ElementType.Int32, ElementType.Float, ElementType.Int64, ElementType.UInt16]) switch
    {
        ElementType.Float => Tensor.Of(old.ToFloats(), old.Dims.AsSpan()),
        ElementType type => new Tensor(type, old.Dims.AsSpan(), new byte[type.ByteCount(old.Count)]),
    };

    private static Tensor Filled(Random random, Tensor old)
    {
        switch (old.Type)
        {
            case ElementType.Float:
                float[] floats = old.ToFloats();
                floats[random.Next(floats.Length)] = Any(random, s_floats);
                return Tensor.Of(floats, old.Dims.AsSpan());
            case ElementType.Int64:
                long[] longs = old.ToInt64s();
                longs[random.Next(longs.Length)] = Any(random, s_integers);
                return Tensor.Of(longs, old.Dims.AsSpan());
            default:
                byte[] bytes = old.Bytes.ToArray();
                bytes[random.Next(bytes.Length)] = (byte)Any(random, s_integers);
                return new Tensor(old.Type, old.Dims.AsSpan(), bytes);
        }
    }

    // a value of another kind, one made later, or none
    private static void Input(Model model, Random random)
    {
        Node node = Any(random, model.Graph.Nodes);
        if (node.Inputs.Count > 0)
        {
            string[] names = [.. model.Graph.Nodes.SelectMany(n => n.Outputs.Concat(n.Inputs)), "", "nowhere"];
            model.Graph.SetInput(node, random.Next(node.Inputs.Count), Any(random, names));
        }
    }

    private static void Operator(Model model, Random random)
    {
        Node old = Any(random, model.Graph.Nodes);
        model.Graph.InsertBefore(old, new Node(old.Name, Any(random, s_operators), old.Inputs, old.Outputs, random.Next(10) == 0 ? "com.microsoft" : "").WithAttributesOf(old));
        model.Graph.Remove(old);
    }
}
