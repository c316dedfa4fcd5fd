using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>A tensor in a file of its own (a TensorProto message, <c>input_0.pb</c>), as ONNX's test sets keep them.</summary>
public static class TensorFile
{
    /// <summary>Reads a tensor.</summary>
    /// <exception cref="ModelException">The file is no tensor, is damaged or over 2 GB.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Tensor Read(string path)
    {
        var file = new FileInfo(path);
        if (file.Exists && (file.Length is 0 or > int.MaxValue))
        {
            throw new ModelException($"'{path}' has {file.Length} bytes; a tensor file has some, and ends at 2 GB.");
        }

        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            WirePrescan.Check(bytes, path, TensorProto.Descriptor);
            return TensorFormat.Read(TensorProto.Parser.ParseFrom(bytes), new ExternalData(null));
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new ModelException($"'{path}' is not an ONNX tensor, or is damaged: {error.Message}", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"The tensor file '{path}' cannot be read: {error.Message}", error);
        }
        catch (ModelException error) when (!error.Message.StartsWith($"'{path}'", StringComparison.Ordinal))
        {
            throw new ModelException($"'{path}': {error.Message}", error);
        }
    }

    /// <summary>Writes a tensor, to a temporary file beside the target that is then renamed.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, string name, Tensor tensor)
    {
        TensorProto proto = TensorFormat.Write(name, tensor);
        WholeFile.Write(path, stream => proto.WriteTo(stream));
    }
}
