using System.Globalization;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>Writes a model: to temporary files beside the target first, then renamed.</summary>
internal static class ModelWriter
{
    private const long LargestFile = 1_900_000_000; // protobuf stops at 2 GB
    private const int SmallestExternal = 1024; // bytes; smaller payloads stay in the model, as other tools do
    private const int Alignment = 4096; // so that others can map single tensors
    private const int FirstIrWithPureInitializers = 4; // before, every initializer had to be listed as an input too

    public static ModelProto ToProto(Model model)
    {
        ModelProto proto = Skeleton(model);
        long size = proto.CalculateSize() + PayloadSize(model.Graph);
        if (size > LargestFile)
        {
            throw new ModelException($"The model takes {size} bytes, more than the 2 GB of one ONNX file: save it with external data.");
        }

        foreach ((string name, Tensor tensor) in model.Graph.Initializers)
        {
            proto.Graph.Initializer.Add(TensorFormat.Write(name, tensor, model.Graph.Extras.GetValueOrDefault(name)));
        }

        return proto;
    }

    /// <summary>The graph's message with its nodes in order, and none of the initializers that are understood.</summary>
    public static GraphProto GraphWithoutPayload(Graph graph)
    {
        graph.Sort();
        GraphProto proto = graph.Proto;
        proto.Node.Clear();
        proto.Node.AddRange(graph.Nodes.Select(n => n.Proto));
        return proto;
    }

    public static void WriteTo(Model model, Stream stream)
    {
        ModelProto skeleton = Skeleton(model);
        if (skeleton.CalculateSize() + PayloadSize(model.Graph) <= LargestFile)
        {
            ToProto(model).WriteTo(stream);
            return;
        }

        skeleton.WriteTo(stream);
        foreach (Tensor tensor in model.Graph.Initializers.Values)
        {
            tensor.CopyTo(stream);
        }
    }

    /// <summary>Writes the model's file, and its data file where it takes or is to have one.</summary>
    /// <param name="model">What to write.</param>
    /// <param name="path">The model's file.</param>
    /// <param name="externalData">Whether payloads go to a file beside it.</param>
    /// <param name="create">Creates a file; tests put a full disk here.</param>
    /// <exception cref="IOException">It cannot be written; nothing is left behind, and what stood there before still does.</exception>
    public static void Write(Model model, string path, bool externalData, Func<string, Stream>? create = null)
    {
        string target = Path.GetFullPath(path);
        string data = target + ".data";
        (string modelPart, string dataPart, string dataOld) = (target + ".part", data + ".part", data + ".old.part");
        create ??= File.Create;
        try
        {
            WholeFile.RefuseDevice(target);
            ModelProto skeleton = Skeleton(model);
            bool external = externalData || skeleton.CalculateSize() + PayloadSize(model.Graph) > LargestFile;
            if (!external)
            {
                WriteProto(ToProto(model), modelPart, create);
                File.Move(modelPart, target, overwrite: true);
                return;
            }

            WritePayload(model.Graph, skeleton.Graph, dataPart, Path.GetFileName(data), create);
            WriteProto(skeleton, modelPart, create);
            Replace((dataPart, data, dataOld), (modelPart, target));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The model cannot be written to '{path}': {error.Message}", error);
        }
        finally
        {
            WholeFile.Remove(modelPart);
            WholeFile.Remove(dataPart);
        }
    }

    /// <summary>Puts both new files in place, or neither: an old model with new data would be silently wrong.</summary>
    private static void Replace((string Part, string Target, string Old) data, (string Part, string Target) model)
    {
        bool had = File.Exists(data.Target);
        if (had)
        {
            File.Move(data.Target, data.Old, overwrite: true);
        }

        try
        {
            File.Move(data.Part, data.Target, overwrite: true);
            File.Move(model.Part, model.Target, overwrite: true);
        }
        catch
        {
            WholeFile.Remove(data.Target);
            if (had)
            {
                File.Move(data.Old, data.Target, overwrite: true);
            }

            throw;
        }

        WholeFile.Remove(data.Old);
    }

    private static long PayloadSize(Graph graph) => graph.Initializers.Sum(i => i.Value.ByteLength + i.Key.Length + 64);

    private static ModelProto Skeleton(Model model)
    {
        GraphWithoutPayload(model.Graph);
        ModelProto proto = model.Proto.Clone();
        HashSet<string> inputs = [.. proto.Graph.Input.Select(i => i.Name)];
        if (proto.IrVersion < FirstIrWithPureInitializers && model.Graph.Initializers.Keys.Any(name => !inputs.Contains(name)))
        {
            proto.IrVersion = FirstIrWithPureInitializers;
        }

        return proto;
    }

    private static void WriteProto(ModelProto proto, string path, Func<string, Stream> create)
    {
        using Stream file = create(path);
        proto.WriteTo(file);
    }

    private static void WritePayload(Graph graph, GraphProto proto, string dataPart, string dataName, Func<string, Stream> create)
    {
        using Stream data = create(dataPart);
        Dictionary<object, long> written = new(ReferenceEqualityComparer.Instance);
        foreach ((string name, Tensor tensor) in graph.Initializers)
        {
            TensorProto? extras = graph.Extras.GetValueOrDefault(name);
            if (tensor.ByteLength < SmallestExternal)
            {
                proto.Initializer.Add(TensorFormat.Write(name, tensor, extras));
                continue;
            }

            if (!written.TryGetValue(tensor.Payload, out long offset))
            {
                offset = (data.Position + Alignment - 1) / Alignment * Alignment;
                data.Position = offset;
                tensor.CopyTo(data);
                written.Add(tensor.Payload, offset);
            }

            TensorProto head = TensorFormat.WriteHead(name, tensor, extras);
            head.DataLocation = TensorFormat.External;
            head.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = dataName });
            head.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
            head.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = tensor.ByteLength.ToString(CultureInfo.InvariantCulture) });
            proto.Initializer.Add(head);
        }
    }
}
