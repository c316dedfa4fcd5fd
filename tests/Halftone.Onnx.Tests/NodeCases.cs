using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Targets;
using Microsoft.ML.OnnxRuntime;

namespace Halftone.Onnx.Tests;

/// <summary>A case of ONNX's own tests of operators, with what ONNX Runtime makes of it.</summary>
/// <param name="Name">Folder and name.</param>
/// <param name="Bytes">The model's file.</param>
/// <param name="Feed">Its inputs; null where some are no tensors of numbers.</param>
/// <param name="Expected">Its outputs; null where ONNX Runtime cannot run it, or some are no tensors of numbers.</param>
internal sealed record NodeCase(string Name, byte[] Bytes, IReadOnlyDictionary<string, Tensor>? Feed, Tensor[]? Expected);

/// <summary>Every case of the development data and of the Debian package libonnx-testdata, run once.</summary>
internal static class NodeCases
{
    private const string Debian = "/usr/share/libonnx-testdata/data";

    private static readonly Lazy<IReadOnlyList<NodeCase>> s_all = new(() => [.. Folders().AsParallel().AsOrdered().WithDegreeOfParallelism(2).Select(Read)]);

    /// <summary>All of them; the test that asks is skipped where there are none.</summary>
    public static IReadOnlyList<NodeCase> All
    {
        get
        {
            Assert.SkipWhen(s_all.Value.Count == 0, "needs ../shared/data/onnx-node-tests or the Debian package libonnx-testdata, which are not here");
            return s_all.Value;
        }
    }

    /// <summary>Runs the bytes of a model on a case's inputs.</summary>
    /// <param name="node">Whose inputs.</param>
    /// <param name="bytes">The model.</param>
    /// <param name="error">What ONNX Runtime says against it.</param>
    public static Tensor[]? Run(NodeCase node, byte[] bytes, out string error)
    {
        try
        {
            error = "";
            return Ort.Run(bytes, node.Feed!);
        }
        catch (OnnxRuntimeException refused)
        {
            error = refused.Message;
            return null;
        }
    }

    private static IEnumerable<string> Folders()
    {
        string?[] roots = [Paths.SharedOrNull("data/onnx-node-tests"), .. ((string[])["node", "simple", "pytorch-converted", "pytorch-operator"]).Select(f => Path.Combine(Debian, f))];
        return roots.Where(Directory.Exists).SelectMany(root => Directory.EnumerateDirectories(root!, "test_*").Order(StringComparer.Ordinal));
    }

    private static NodeCase Read(string folder)
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(folder, "model.onnx"));
        GraphProto graph = ModelProto.Parser.ParseFrom(bytes).Graph;
        var node = new NodeCase($"{Path.GetFileName(Path.GetDirectoryName(folder))}/{Path.GetFileName(folder)}", bytes, Feed(graph, Path.Combine(folder, "test_data_set_0")), null);
        bool plain = node.Feed is not null && graph.Output.All(Numbers);
        return plain ? node with { Expected = Run(node, bytes, out _) } : node;
    }

    private static Dictionary<string, Tensor>? Feed(GraphProto graph, string folder)
    {
        int count = Directory.Exists(folder) ? Directory.GetFiles(folder, "input_*.pb").Length : 0;
        if (count > graph.Input.Count || !graph.Input.Take(count).All(Numbers))
        {
            return null;
        }

        return Enumerable.Range(0, count).ToDictionary(i => graph.Input[i].Name, i => TensorFile.Read(Path.Combine(folder, $"input_{i}.pb")));
    }

    private static bool Numbers(ValueInfoProto value) => ((ElementType)(value.Type?.TensorType?.ElemType ?? 0)).Bits() > 0;
}
