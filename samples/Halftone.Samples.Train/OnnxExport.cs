using System.Runtime.InteropServices;
using Google.Protobuf;
using Halftone.Onnx.Proto;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Halftone.Samples.Train;

/// <summary>Writes a trained network as an ONNX model: opset 17, one node an operation, batch normalization kept as it is.</summary>
internal sealed class OnnxExport
{
    private const int IrVersion = 8;
    private const int Opset = 17;

    // TensorProto.DataType.FLOAT, and of AttributeProto.AttributeType: FLOAT, INT, INTS.
    private const int FloatElements = 1;
    private const int FloatAttribute = 1;
    private const int IntAttribute = 2;
    private const int IntsAttribute = 7;

    private readonly GraphProto _graph = new();
    private readonly TrainableNetwork _network;

    private OnnxExport(TrainableNetwork network) => _network = network;

    /// <summary>The model file's bytes.</summary>
    public static byte[] Export(NetworkSpec spec, TrainableNetwork network)
    {
        using DisposeScope scope = NewDisposeScope();
        OnnxExport export = new(network);
        foreach (Step step in spec.Steps)
        {
            export.Add(step);
        }

        export._graph.Name = spec.Name;
        export._graph.Input.Add(Value(NetworkSpec.Input, 1, FashionMnist.Size, FashionMnist.Size));
        export._graph.Output.Add(Value(NetworkSpec.Output, FashionMnist.Classes));
        ModelProto model = new()
        {
            IrVersion = IrVersion,
            ProducerName = "Halftone.Samples.Train",
            Graph = export._graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = Opset });
        return model.ToByteArray();
    }

    private void Add(Step step)
    {
        switch (step)
        {
            case Convolution c:
                Tensor kernel = ((Conv2d)_network.ModuleOf(c)).weight!;
                NodeProto convolution = Node("Conv", c, Initializer($"{c.Name}.weight", kernel));
                convolution.Attribute.Add(Ints("dilations", 1, 1));
                convolution.Attribute.Add(Int("group", c.Groups));
                convolution.Attribute.Add(Ints("kernel_shape", c.Kernel, c.Kernel));
                convolution.Attribute.Add(Ints("pads", c.Padding, c.Padding, c.Padding, c.Padding));
                convolution.Attribute.Add(Ints("strides", c.Stride, c.Stride));
                break;
            case BatchNormalization b:
                BatchNorm2d norm = (BatchNorm2d)_network.ModuleOf(b);
                NodeProto normalization = Node(
                    "BatchNormalization",
                    b,
                    Initializer($"{b.Name}.weight", norm.weight!),
                    Initializer($"{b.Name}.bias", norm.bias!),
                    Initializer($"{b.Name}.running_mean", norm.running_mean!),
                    Initializer($"{b.Name}.running_var", norm.running_var!));
                normalization.Attribute.Add(Float("epsilon", (float)norm.eps));
                break;
            case Relu:
                Node("Relu", step);
                break;
            case Relu6:
                Node("Clip", step, Initializer($"{step.Name}.min", tensor(0f)), Initializer($"{step.Name}.max", tensor(6f)));
                break;
            case Addition a:
                Node("Add", a, a.Other);
                break;
            case GlobalAveragePool:
                Node("GlobalAveragePool", step);
                break;
            case Linear l:
                TorchSharp.Modules.Linear linear = (TorchSharp.Modules.Linear)_network.ModuleOf(l);
                GlobalAveragePool flat = new($"{l.Name}.flatten", l.Input);
                Node("Flatten", flat).Attribute.Add(Int("axis", 1));
                Node("Gemm", l with { Input = flat.Name }, Initializer($"{l.Name}.weight", linear.weight!), Initializer($"{l.Name}.bias", linear.bias!))
                    .Attribute.Add(Int("transB", 1));
                break;
            default:
                throw new System.Diagnostics.UnreachableException($"No ONNX operator for {step}.");
        }
    }

    private NodeProto Node(string operatorType, Step step, params ReadOnlySpan<string> otherInputs)
    {
        NodeProto node = new() { Name = $"{step.Name}/{operatorType}", OpType = operatorType };
        node.Input.Add(step.Input);
        foreach (string input in otherInputs)
        {
            node.Input.Add(input);
        }

        node.Output.Add(step.Name);
        _graph.Node.Add(node);
        return node;
    }

    private string Initializer(string name, Tensor tensor)
    {
        using DisposeScope scope = NewDisposeScope();
        float[] values = tensor.detach().contiguous().data<float>().ToArray();
        TensorProto proto = new() { Name = name, DataType = FloatElements, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(values)) };
        proto.Dims.Add(tensor.shape);
        _graph.Initializer.Add(proto);
        return name;
    }

    private static ValueInfoProto Value(string name, params ReadOnlySpan<int> sizes)
    {
        TensorShapeProto shape = new();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "N" });
        foreach (int size in sizes)
        {
            shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = size });
        }

        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = FloatElements, Shape = shape } } };
    }

    private static AttributeProto Float(string name, float value) => new() { Name = name, Type = FloatAttribute, F = value };

    private static AttributeProto Int(string name, long value) => new() { Name = name, Type = IntAttribute, I = value };

    private static AttributeProto Ints(string name, params long[] values)
    {
        AttributeProto attribute = new() { Name = name, Type = IntsAttribute };
        attribute.Ints.Add(values);
        return attribute;
    }
}
