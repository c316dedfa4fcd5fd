using Google.Protobuf;

namespace Halftone.Onnx.Tests.Mutations;

/// <summary>The models whose mutants are read.</summary>
internal static class Victims
{
    private const int SliceBytes = 12_000;
    private const int WholeBytes = 130_000;

    /// <summary>One to six neighbouring nodes of every real model with their weights, where these are small: real structure, cheap to read.</summary>
    public static WireMap[] Slices { get; } = [.. RealModels.Files.SelectMany(f => SlicesOf(Model.Load(f))).Select(m => new WireMap(m.ToBytes()))];

    /// <summary>The small real models as they are.</summary>
    public static WireMap[] Whole { get; } = [.. RealModels.Files.Where(f => new FileInfo(f).Length <= WholeBytes).Select(File.ReadAllBytes).Select(b => new WireMap(b))];

    /// <summary>The models of the repository as they are.</summary>
    public static WireMap[] Samples { get; } = [.. Directory.EnumerateFiles(Paths.InRepository("samples"), "*.onnx").Order(StringComparer.Ordinal).Select(File.ReadAllBytes).Select(b => new WireMap(b))];

    /// <summary>Graphs with subgraphs, and ONNX's own tests: every kind of attribute and type.</summary>
    public static WireMap[] Odd { get; } =
    [
        new WireMap(BadModelTests.Good().ToByteArray()),
        .. Paths.SharedOrNull("data/onnx-node-tests") is { } tests
            ? Directory.EnumerateDirectories(tests, "test_*").Order(StringComparer.Ordinal).Where((_, i) => i % 7 == 0)
                .Concat(Directory.EnumerateDirectories(tests, "test_*").Where(d => Path.GetFileName(d).Split('_')[1] is "if" or "loop" or "scan" or "constant" or "constantofshape" or "gather" or "slice").Order(StringComparer.Ordinal))
                .Select(d => new WireMap(File.ReadAllBytes(Path.Combine(d, "model.onnx"))))
            : [],
    ];

    private static IEnumerable<Model> SlicesOf(Model model)
    {
        Graph graph = model.Graph;
        for (int start = 0, length = 1; start < graph.Nodes.Count; start += length, length = (length % 6) + 1)
        {
            Node[] nodes = [.. graph.Nodes.Skip(start).Take(length)];
            string[] reads = [.. nodes.SelectMany(n => n.Inputs.Concat(n.CapturedNames)).Where(i => i.Length > 0).Except(nodes.SelectMany(n => n.Outputs)).Distinct()];
            string[] makes = [.. nodes.SelectMany(n => n.Outputs).Where(o => o.Length > 0).Except(nodes.SelectMany(n => n.Inputs))];
            if (makes.Length == 0 || reads.Sum(r => graph.Constant(r)?.ByteLength ?? 0) + nodes.Sum(n => n.Proto.CalculateSize()) > SliceBytes)
            {
                continue;
            }

            var slice = Model.Create(model.Opset, reads.Where(r => graph.Constant(r) is null).Select(r => new ValueInfo(r, ElementType.Float, [1, null])), makes.Select(m => new ValueInfo(m, ElementType.Float, null)));
            foreach (string name in model.Domains.Where(d => d.Length > 0))
            {
                slice.SetOpset(name, model.OpsetOf(name));
            }

            foreach (string read in reads.Where(r => graph.Constant(r) is not null))
            {
                slice.Graph.SetConstant(read, graph.Constant(read)!);
            }

            foreach (Node node in nodes)
            {
                slice.Graph.Add(new Node(node.Proto.Clone()) { CapturedNames = node.CapturedNames });
            }

            yield return slice;
        }
    }
}
