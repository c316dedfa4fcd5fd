using System.Globalization;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>The files beside a model that hold payloads. Each is mapped once; what points outside the model's folder is refused.</summary>
/// <param name="folder">The model's folder; null where there is none, and external data is refused.</param>
internal sealed class ExternalData(string? folder)
{
    private const long MostInside = 256L << 20; // bytes that subgraphs and attributes may bring into memory

    private readonly Dictionary<string, MappedFile> _files = [];
    private readonly Dictionary<(string Path, long Offset, long Length), MappedBytes> _parts = [];
    private long _inside;

    /// <summary>Maps the payload of a tensor. The same place twice is the same payload, so that tied weights stay tied.</summary>
    /// <exception cref="ModelException">The entry is wrong, or its file is missing, too short, or outside the folder.</exception>
    public MappedBytes Map(TensorProto proto, string name, long bytes)
    {
        Dictionary<string, string> entries = [];
        foreach (StringStringEntryProto entry in proto.ExternalData)
        {
            entries[entry.Key] = entry.Value;
        }

        string location = entries.GetValueOrDefault("location", "");
        string path = Resolve(location, name);
        if (!long.TryParse(entries.GetValueOrDefault("offset", "0"), NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
            || !long.TryParse(entries.GetValueOrDefault("length", bytes.ToString(CultureInfo.InvariantCulture)), NumberStyles.None, CultureInfo.InvariantCulture, out long length)
            || length != bytes)
        {
            throw new ModelException($"{name} takes {bytes} bytes, but its external data entry says offset '{entries.GetValueOrDefault("offset")}', length '{entries.GetValueOrDefault("length")}'.");
        }

        if (!_files.TryGetValue(path, out MappedFile? file))
        {
            _files[path] = file = MappedFile.Open(path);
        }

        if (offset > file.Length - length)
        {
            throw new ModelException($"{name} needs {length} bytes from byte {offset} of '{location}', which has {file.Length} bytes.");
        }

        if (!_parts.TryGetValue((path, offset, length), out MappedBytes? part))
        {
            _parts[(path, offset, length)] = part = new MappedBytes(file, offset, length);
        }

        return part;
    }

    /// <summary>Moves external payloads of attributes and subgraphs into the message, since only initializers of the main graph stay outside.</summary>
    /// <exception cref="ModelException">As for <see cref="Map"/>, or they are too large.</exception>
    public void BringInside(ModelProto model)
    {
        foreach (NodeProto node in model.Graph.Node.Concat(model.Functions.SelectMany(f => f.Node)))
        {
            BringInside(node);
        }

        BringInside(model.Graph.SparseInitializer);
    }

    private void BringInside(IEnumerable<SparseTensorProto> tensors)
    {
        foreach (SparseTensorProto sparse in tensors)
        {
            foreach (TensorProto? tensor in (TensorProto?[])[sparse.Values, sparse.Indices])
            {
                if (tensor is not null)
                {
                    BringInside(tensor);
                }
            }
        }
    }

    private void BringInside(NodeProto node)
    {
        foreach (AttributeProto attribute in node.Attribute)
        {
            foreach (TensorProto tensor in attribute.T is null ? attribute.Tensors : attribute.Tensors.Prepend(attribute.T))
            {
                BringInside(tensor);
            }

            BringInside(attribute.SparseTensor is null ? attribute.SparseTensors : attribute.SparseTensors.Prepend(attribute.SparseTensor));
            foreach (GraphProto graph in attribute.G is null ? attribute.Graphs : attribute.Graphs.Prepend(attribute.G))
            {
                BringInside(graph.SparseInitializer);
                foreach (TensorProto tensor in graph.Initializer)
                {
                    BringInside(tensor);
                }

                foreach (NodeProto inner in graph.Node)
                {
                    BringInside(inner);
                }
            }
        }
    }

    private void BringInside(TensorProto proto)
    {
        if (proto.DataLocation != TensorFormat.External)
        {
            return;
        }

        Tensor tensor = TensorFormat.Read(proto, this);
        _inside += tensor.ByteLength;
        if (_inside > MostInside)
        {
            throw new ModelException($"Subgraphs and attributes keep over {MostInside} bytes in external files, which only initializers of the main graph may: move them there.");
        }

        proto.RawData = ByteString.CopyFrom(tensor.Bytes);
        proto.ExternalData.Clear();
        proto.ClearDataLocation();
    }

    private string Resolve(string location, string name)
    {
        if (folder is null)
        {
            throw new ModelException($"{name} is kept in the external file '{location}', and a model read from memory has no folder where it could lie: load it from its file.");
        }

        string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        string inside = root.EndsWith(Path.DirectorySeparatorChar) ? root : root + Path.DirectorySeparatorChar;
        bool plain = location.Length > 0 && !location.Contains('\0', StringComparison.Ordinal) && !location.Contains('\\', StringComparison.Ordinal) && !Path.IsPathRooted(location)
            && !location.Split('/').Contains(".."); // even where it leads back inside: ONNX forbids it
        string path = plain ? Path.GetFullPath(Path.Combine(root, location)) : "";
        if (!path.StartsWith(inside, StringComparison.Ordinal) || EscapesThroughLink(root, inside, path))
        {
            throw new ModelException($"{name} points to external data at '{location}', outside the model's folder. That is refused; move the file beside the model.");
        }

        return File.Exists(path) ? path : throw new ModelException($"{name} needs its external data file '{location}' beside the model, and it is not there.");
    }

    private static bool EscapesThroughLink(string root, string inside, string path)
    {
        for (string? at = path; at is not null && at.Length > root.Length; at = Path.GetDirectoryName(at))
        {
            FileSystemInfo info = Directory.Exists(at) ? new DirectoryInfo(at) : new FileInfo(at);
            if (info.LinkTarget is not null && info.ResolveLinkTarget(returnFinalTarget: true)?.FullName.StartsWith(inside, StringComparison.Ordinal) != true)
            {
                return true;
            }
        }

        return false;
    }
}
