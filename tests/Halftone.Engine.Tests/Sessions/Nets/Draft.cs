using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Codes of a drafted graph, and what they stand for.</summary>
internal sealed record Codes(string Name, long[] Dims, bool Signed, float Scale, int Zero)
{
    public int Rank => Dims.Length;

    public ElementType Type => Signed ? ElementType.Int8 : ElementType.UInt8;

    /// <summary>About how large the numbers get.</summary>
    public float Amplitude => Scale * 100;

    public long Count => Dims.Aggregate(1L, (a, b) => a * b);
}

/// <summary>A graph in the making, all of it out of one seed.</summary>
internal sealed class Draft(int seed, int opset)
{
    private readonly List<ValueInfo> _inputs = [];
    private readonly List<Node> _nodes = [];
    private readonly List<string> _outputs = [];
    private readonly Dictionary<string, Tensor> _constants = [];
    private int _count;

    public Random Random { get; } = new(seed);

    public int Opset => opset;

    public Dictionary<string, Tensor> Feed { get; } = [];

    /// <summary>Whether something happens that does so many times in a hundred.</summary>
    public bool Chance(int percent) => Random.Next(100) < percent;

    public T Pick<T>(params ReadOnlySpan<T> of) => of[Random.Next(of.Length)];

    public string Input(Tensor value)
    {
        string name = $"x{_count++}";
        _inputs.Add(new ValueInfo(name, value.Type, [.. value.Dims.Select(d => (long?)d)]));
        Feed[name] = value;
        return name;
    }

    public string Constant(Tensor value)
    {
        string name = $"c{_count++}";
        _constants[name] = value;
        return name;
    }

    public string Integers(params long[] values) => Constant(Tensor.Of(values, values.Length));

    public string Float(float value) => Constant(Tensor.Scalar(value));

    public string Node(string op, string[] inputs, Func<Node, Node>? with = null, string domain = "")
    {
        string name = $"{op}{_count++}";
        Node node = new(name, op, inputs, [name + "_y"], domain);
        _nodes.Add(with is null ? node : with(node));
        return name + "_y";
    }

    /// <summary>A node of several outputs.</summary>
    public string[] Node(string op, string[] inputs, int outputs, Func<Node, Node>? with = null)
    {
        string name = $"{op}{_count++}";
        string[] made = [.. Enumerable.Range(0, outputs).Select(i => $"{name}_y{i}")];
        Node node = new(name, op, inputs, made);
        _nodes.Add(with is null ? node : with(node));
        return made;
    }

    public void Output(string name)
    {
        if (!_outputs.Contains(name) && !_constants.ContainsKey(name) && !Feed.ContainsKey(name))
        {
            _outputs.Add(name);
        }
    }

    public Model Build()
    {
        Model model = Model.Create(opset, _inputs, _outputs.Select(o => new ValueInfo(o, ElementType.Undefined, null)));
        if (_nodes.Any(n => n.Domain.Length > 0))
        {
            model.SetOpset("com.microsoft", 1);
        }

        foreach ((string name, Tensor value) in _constants)
        {
            model.Graph.SetConstant(name, value);
        }

        _nodes.ForEach(n => model.Graph.Add(n));
        return model;
    }

    /// <summary>Codes of all values.</summary>
    public Tensor RandomCodes(bool signed, params long[] dims)
    {
        var bytes = new byte[dims.Aggregate(1L, (a, b) => a * b)];
        Random.NextBytes(bytes);
        return new Tensor(signed ? ElementType.Int8 : ElementType.UInt8, dims, bytes);
    }

    public Tensor RandomFloats(float amplitude, params long[] dims)
    {
        var values = new float[dims.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = amplitude * ((2 * Random.NextSingle()) - 1);
        }

        return Tensor.Of(values, dims);
    }

    /// <summary>A zero point, often at the end of its range or in the middle.</summary>
    public int RandomZero(bool signed) => (signed ? -128 : 0) + Pick(0, 128, 255, 128, Random.Next(256), Random.Next(256));

    public string ZeroPoint(bool signed, int zero) => Constant(signed ? Tensor.Scalar((sbyte)zero) : Tensor.Scalar((byte)zero));

    public float RandomScale(float around) => around * (0.5f + Random.NextSingle());
}
