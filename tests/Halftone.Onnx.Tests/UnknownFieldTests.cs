using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Tests;

/// <summary>What Halftone does not know is written back as it was.</summary>
public sealed class UnknownFieldTests
{
    private const int Number = 3001; // of no field that ONNX has

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fields_of_the_future_survive_in_every_message(bool externalData)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("future.onnx"), Future().ToByteArray());
        var model = Model.Load(folder.File("future.onnx"));
        model.Save(folder.File("saved.onnx"), externalData);

        var saved = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("saved.onnx")));
        TensorProto weight = saved.Graph.Initializer.Single();
        Assert.Equal(externalData ? TensorFormat.External : 0, weight.DataLocation);
        Assert.Equal("of w", weight.DocString);
        foreach ((string where, IMessage message) in Parts(saved))
        {
            Assert.Contains(where, Text(message));
        }

        // and through an independent copy
        ModelProto copy = ModelProto.Parser.ParseFrom(model.Clone().ToBytes());
        Assert.All(Parts(copy), part => Assert.Contains(part.Where, Text(part.Message)));
    }

    private static IEnumerable<(string Where, IMessage Message)> Parts(ModelProto model)
    {
        GraphProto graph = model.Graph;
        return
        [
            ("Model", model), ("Graph", graph), ("Node", graph.Node[0]), ("Attribute", graph.Node[0].Attribute[0]), ("Tensor", graph.Initializer[0]),
            ("ValueInfo", graph.Input[0]), ("Type", graph.Input[0].Type), ("Dimension", graph.Input[0].Type.TensorType.Shape.Dim[0]), ("Opset", model.OpsetImport[0]),
        ];
    }

    // the field's text as it stands in the message itself, not in a message inside
    private static string Text(IMessage message)
    {
        IMessage bare = message.Descriptor.Parser.ParseFrom(message.ToByteArray());
        foreach (Google.Protobuf.Reflection.FieldDescriptor field in bare.Descriptor.Fields.InDeclarationOrder())
        {
            field.Accessor.Clear(bare);
        }

        return System.Text.Encoding.UTF8.GetString(bare.ToByteArray());
    }

    private static ModelProto Future()
    {
        var dim = new TensorShapeProto.Types.Dimension { DimValue = 300 };
        var type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1, Shape = new TensorShapeProto { Dim = { WithField(dim, "Dimension") } } } };
        var node = new NodeProto { Name = "a", OpType = "LeakyRelu", Input = { "x" }, Output = { "t" }, Attribute = { WithField(new AttributeProto { Name = "alpha", Type = 1, F = 0.5f }, "Attribute") } };
        var graph = new GraphProto
        {
            Name = "g",
            Node = { WithField(node, "Node"), new NodeProto { Name = "b", OpType = "Add", Input = { "t", "w" }, Output = { "y" } } },
            Initializer = { WithField(new TensorProto { Name = "w", DataType = 1, Dims = { 300 }, RawData = ByteString.CopyFrom(new byte[1200]), DocString = "of w" }, "Tensor") },
            Input = { WithField(new ValueInfoProto { Name = "x", Type = WithField(type, "Type") }, "ValueInfo") },
            Output = { new ValueInfoProto { Name = "y", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } } },
        };
        return WithField(new ModelProto { IrVersion = 8, Graph = WithField(graph, "Graph"), OpsetImport = { WithField(new OperatorSetIdProto { Version = 13 }, "Opset") } }, "Model");
    }

    private static T WithField<T>(T message, string text)
        where T : IMessage<T>
    {
        using MemoryStream stream = new();
        using (CodedOutputStream output = new(stream, leaveOpen: true))
        {
            message.WriteTo(output);
            output.WriteTag(Number, WireFormat.WireType.LengthDelimited);
            output.WriteString(text);
        }

        return (T)message.Descriptor.Parser.ParseFrom(stream.ToArray());
    }
}
