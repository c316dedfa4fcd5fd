using System.Globalization;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>Writes a model: to a temporary file beside the target first, then renamed.</summary>
internal static class ModelWriter
{
    private const long LargestFile = 1_900_000_000; // protobuf stops at 2 GB
    private const int SmallestExternal = 1024; // bytes; smaller payloads stay in the model, as other tools do
    private const int Alignment = 4096; // so that others can map single tensors

    public static ModelProto ToProto(Model model)
    {
        long size = model.Graph.Initializers.Values.Sum(t => t.ByteLength);
        if (size > LargestFile)
        {
            throw new ModelException($"The model holds {size} bytes of constants, more than the 2 GB of one ONNX file: save it with external data.");
        }

        ModelProto proto = Skeleton(model);
        foreach ((string name, Tensor tensor) in model.Graph.Initializers)
        {
            proto.Graph.Initializer.Add(TensorFormat.Write(name, tensor));
        }

        return proto;
    }

    /// <summary>The graph's message with its nodes in order, and no initializers.</summary>
    public static GraphProto GraphWithoutPayload(Graph graph)
    {
        graph.Sort();
        GraphProto proto = graph.Proto;
        proto.Node.Clear();
        proto.Node.AddRange(graph.Nodes.Select(n => n.Proto));
        proto.Initializer.Clear();
        return proto;
    }

    public static void WriteTo(Model model, Stream stream)
    {
        if (model.Graph.Initializers.Values.Sum(t => t.ByteLength) <= LargestFile)
        {
            ToProto(model).WriteTo(stream);
            return;
        }

        Skeleton(model).WriteTo(stream);
        foreach (Tensor tensor in model.Graph.Initializers.Values)
        {
            tensor.CopyTo(stream);
        }
    }

    public static void Write(Model model, string path, bool externalData)
    {
        string target = Path.GetFullPath(path);
        bool external = externalData || model.Graph.Initializers.Values.Sum(t => t.ByteLength) > LargestFile;
        string modelPart = target + ".part";
        string dataName = Path.GetFileName(target) + ".data";
        string dataPart = target + ".data.part";
        try
        {
            if (external)
            {
                ModelProto proto = Skeleton(model);
                WritePayload(model.Graph, proto.Graph, dataPart, dataName);
                WriteProto(proto, modelPart);
                File.Move(dataPart, target + ".data", overwrite: true);
            }
            else
            {
                WriteProto(ToProto(model), modelPart);
            }

            File.Move(modelPart, target, overwrite: true);
        }
        finally
        {
            File.Delete(modelPart);
            File.Delete(dataPart);
        }
    }

    private static ModelProto Skeleton(Model model)
    {
        GraphWithoutPayload(model.Graph);
        return model.Proto.Clone();
    }

    private static void WriteProto(ModelProto proto, string path)
    {
        using FileStream file = File.Create(path);
        proto.WriteTo(file);
    }

    private static void WritePayload(Graph graph, GraphProto proto, string dataPart, string dataName)
    {
        using FileStream data = File.Create(dataPart);
        foreach ((string name, Tensor tensor) in graph.Initializers)
        {
            if (tensor.ByteLength < SmallestExternal)
            {
                proto.Initializer.Add(TensorFormat.Write(name, tensor));
                continue;
            }

            data.Position = (data.Position + Alignment - 1) / Alignment * Alignment;
            TensorProto head = TensorFormat.WriteHead(name, tensor);
            head.DataLocation = 1;
            head.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = dataName });
            head.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = data.Position.ToString(CultureInfo.InvariantCulture) });
            head.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = tensor.ByteLength.ToString(CultureInfo.InvariantCulture) });
            proto.Initializer.Add(head);
            tensor.CopyTo(data);
        }
    }
}
