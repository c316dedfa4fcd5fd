using Halftone.Onnx.Proto;
using Microsoft.ML.OnnxRuntime;

namespace Halftone.Onnx.Tests.Export;

/// <summary>ONNX Runtime, which judges every conversion.</summary>
internal static class Oracle
{
    public static Dictionary<string, Tensor> Run(Model model, IReadOnlyDictionary<string, Tensor> inputs, bool optimize = false)
    {
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = optimize ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_DISABLE_ALL,
            IntraOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        using var session = new InferenceSession(model.ToBytes(), options);
        using var run = new RunOptions();
        Dictionary<string, OrtValue> values = inputs.ToDictionary(i => i.Key, i => Value(i.Value));
        try
        {
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, values, session.OutputNames);
            return session.OutputNames.Select((name, i) => (name, i)).ToDictionary(o => o.name, o => Read(outputs[o.i]));
        }
        finally
        {
            foreach (OrtValue value in values.Values)
            {
                value.Dispose();
            }
        }
    }

    public static float[] Output(Model model, IReadOnlyDictionary<string, Tensor> inputs, bool optimize = false) => Run(model, inputs, optimize).First().Value.ToFloats();

    public static double MaxDifference(float[] a, float[] b)
    {
        Assert.Equal(a.Length, b.Length);
        return a.Zip(b, (x, y) => x.Equals(y) ? 0 : Math.Abs((double)x - y)).DefaultIfEmpty().Max();
    }

    private static OrtValue Value(Tensor tensor)
    {
        OrtValue value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)(int)tensor.Type, [.. tensor.Dims]);
        tensor.Bytes.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static Tensor Read(OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        return new Tensor((ElementType)(int)info.ElementDataType, info.Shape, value.GetTensorMutableRawData().ToArray());
    }
}

/// <summary>Writes small models by hand.</summary>
internal sealed class Draft(int opset = 17, int seed = 1)
{
    private readonly GraphProto _graph = new() { Name = "draft" };
    private readonly HashSet<string> _domains = [];
    private int _count;

    public Random Random { get; } = new(seed);

    public Dictionary<string, Tensor> Feed { get; } = [];

    public string Input(string name, float low, float high, params long[] dims)
    {
        Declare(_graph.Input, name, ElementType.Float, dims);
        Feed[name] = Floats(low, high, dims);
        return name;
    }

    public string Input(string name, Tensor value)
    {
        Declare(_graph.Input, name, value.Type, [.. value.Dims]);
        Feed[name] = value;
        return name;
    }

    public void Output(string name, ElementType type = ElementType.Float, int? rank = null) => Declare(_graph.Output, name, type, rank is { } r ? new long[r] : null);

    public string Const(Tensor value, string like = "c")
    {
        string name = $"{like}{_count++}";
        _graph.Initializer.Add(TensorFormat.Write(name, value));
        return name;
    }

    public Tensor Floats(float low, float high, params long[] dims) =>
        Tensor.Of([.. Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(_ => low + ((high - low) * Random.NextSingle()))], dims);

    public string Node(string op, IEnumerable<string> inputs, Action<Node>? attributes = null, string domain = "", string? output = null)
    {
        var node = new Node($"{op}_{_count++}", op, inputs, [output ?? $"v{_count++}"], domain);
        _domains.Add(domain);
        attributes?.Invoke(node);
        _graph.Node.Add(node.Proto);
        return node.Outputs[0];
    }

    public string Quantize(string value, float scale, int zero, ElementType type) =>
        Node("QuantizeLinear", [value, Const(Tensor.Scalar(scale), "scale"), Const(Code(type, zero), "zero")]);

    public string Dequantize(string codes, float scale, int zero, ElementType type) =>
        Node("DequantizeLinear", [codes, Const(Tensor.Scalar(scale), "scale"), Const(Code(type, zero), "zero")]);

    public string Pair(string value, float scale, int zero, ElementType type) => Dequantize(Quantize(value, scale, zero, type), scale, zero, type);

    /// <summary>Random codes, dequantized; axis -1 for one scale.</summary>
    public string Weight(ElementType type, int axis, params long[] dims)
    {
        var codes = new byte[dims.Aggregate(1L, (a, b) => a * b)];
        Random.NextBytes(codes);
        if (type is ElementType.Int8)
        {
            // 7 bits: AVX2 kernels of ONNX Runtime saturate sums of two u8 x s8 products at 16 bits
            codes = [.. codes.Select(c => (byte)((sbyte)c / 2))];
        }

        string name = Const(new Tensor(type, dims, codes), "weight");
        int zero = type is ElementType.UInt8 ? 121 : 0;
        if (axis < 0)
        {
            return Dequantize(name, 0.01f, zero, type);
        }

        int channels = (int)dims[axis];
        string scale = Const(Tensor.Of([.. Enumerable.Range(0, channels).Select(_ => 0.002f + (0.01f * Random.NextSingle()))], channels), "scale");
        string zeros = Const(new Tensor(type, [channels], Enumerable.Repeat((byte)zero, channels).ToArray()), "zero");
        return Node("DequantizeLinear", [name, scale, zeros], n => n.With("axis", (long)axis));
    }

    /// <summary>An int32 bias in steps of input scale times the scales of a weight.</summary>
    public string Bias(string weight, float inputScale, int channels)
    {
        NodeProto dequantize = _graph.Node.First(n => n.Output[0] == weight);
        float[] scales = TensorFormat.Read(_graph.Initializer.First(i => i.Name == dequantize.Input[1]), new ExternalData(null)).ToFloats();
        string codes = Const(Tensor.Of([.. Enumerable.Range(0, channels).Select(_ => Random.Next(-4000, 4000))], channels), "bias");
        float[] steps = [.. scales.Select(s => s * inputScale)];
        string scale = Const(steps.Length == 1 ? Tensor.Scalar(steps[0]) : Tensor.Of(steps, steps.Length), "scale");
        return Node("DequantizeLinear", [codes, scale], n => n.With("axis", 0L));
    }

    public Model Build()
    {
        var proto = new ModelProto { IrVersion = opset >= 21 ? 10 : 8, Graph = _graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        foreach (string domain in _domains.Where(d => d.Length > 0))
        {
            proto.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = 1 });
        }

        return Model.Parse(Google.Protobuf.MessageExtensions.ToByteArray(proto), "draft");
    }

    public static Tensor Code(ElementType type, int value) => new(type, [], new[] { unchecked((byte)value) });

    private static void Declare(Google.Protobuf.Collections.RepeatedField<ValueInfoProto> list, string name, ElementType type, long[]? dims)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type };
        if (dims is not null)
        {
            tensor.Shape = new TensorShapeProto();
            tensor.Shape.Dim.AddRange(dims.Select((d, i) => d > 0 ? new TensorShapeProto.Types.Dimension { DimValue = d } : new TensorShapeProto.Types.Dimension { DimParam = $"{name}_{i}" }));
        }

        list.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } });
    }
}
