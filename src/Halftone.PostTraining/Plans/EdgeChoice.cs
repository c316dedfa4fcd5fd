using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.Onnx.Targets;

namespace Halftone.PostTraining.Plans;

/// <summary>Decides which edges are quantized for the chosen nodes, who reads them in codes, and which share parameters.</summary>
/// <remarks>
/// ONNX Runtime fuses a node only as a unit: every input from a DequantizeLinear, every output to a QuantizeLinear alone (tools.md F1). So both ends of
/// an integer node are quantized, a Relu or Clip behind it is absorbed by the QuantizeLinear after it, nodes that only move codes share the parameters
/// of their input, and nothing else is wrapped. TensorRT wants inputs of products and sums alone, moves quantizers through what moves codes (T7), and of an
/// Add behind a convolution wants the other branch (T4, T5).
/// </remarks>
internal sealed class EdgeChoice(Graph graph, Target target, IReadOnlyDictionary<string, OperatorRole> nodes)
{
    private readonly Dictionary<string, List<string>> _joined = [];

    /// <summary>Quantized edges and their heads.</summary>
    public SortedDictionary<string, string> Edges { get; } = new(StringComparer.Ordinal);

    /// <summary>Constant operands.</summary>
    public List<InputSite> Operands { get; } = [];

    /// <summary>Inputs that read codes.</summary>
    public HashSet<InputSite> Readers { get; } = [];

    /// <summary>Graph outputs in codes.</summary>
    public HashSet<string> Outputs { get; } = [];

    /// <summary>The first input of a node that is a number: the condition of a Where is none.</summary>
    public static int FirstData(Node node) => node.Is("Where") ? 1 : 0;

    /// <summary>Chooses.</summary>
    public void Choose()
    {
        Node[] chosen = [.. graph.Nodes.Where(n => nodes.ContainsKey(n.Name))];
        foreach (Node node in chosen)
        {
            ChooseInputs(node, nodes[node.Name]);
        }

        if (target.QuantizesOutputs)
        {
            foreach (Node node in chosen)
            {
                ChooseOutputs(node);
            }

            ChooseReaders();
            Outputs.UnionWith(graph.Outputs.Select(o => o.Name).Where(o => Edges.ContainsKey(o) && graph.Producer(o) is { } p && nodes.ContainsKey(p.Name)));
        }

        foreach (Node node in chosen)
        {
            Share(node);
        }
    }

    /// <summary>Of every head the edges its range must hold.</summary>
    public ImmutableSortedDictionary<string, ImmutableArray<string>> Covers() =>
        Edges.Values.Distinct().ToImmutableSortedDictionary(h => h, h => ImmutableArray.Create([h, .. _joined.GetValueOrDefault(h, [])]), StringComparer.Ordinal);

    private void ChooseInputs(Node node, OperatorRole role)
    {
        // where quantizers stand at inputs alone the target moves them through what moves codes, to where they are multiplied
        if (role is OperatorRole.Absorbed || (role is OperatorRole.SameParameters && !target.QuantizesOutputs))
        {
            return;
        }

        int count = role is OperatorRole.Weighted ? 2 : role is OperatorRole.SameParameters ? 1 : node.Inputs.Count;
        for (int i = FirstData(node); i < count; i++)
        {
            string input = node.Input(i);
            if (input.Length == 0 || (!target.QuantizesOutputs && BranchThatStays(node, i)))
            {
                continue;
            }

            if (graph.Constant(input) is { } constant)
            {
                // a constant that a product multiplies its weight by is an operand, too
                if (constant.Type is ElementType.Float && (role is OperatorRole.Arithmetic || (role is OperatorRole.Weighted && i == 0)))
                {
                    Operands.Add(new(node.Name, i));
                }

                continue;
            }

            Edges.TryAdd(input, input);
            Readers.Add(new(node.Name, i));
        }
    }

    // TensorRT: the branch of an Add that comes straight from a convolution is fused with it, so only the other one is quantized
    private bool BranchThatStays(Node node, int input)
    {
        if (!node.Is("Add"))
        {
            return false;
        }

        bool FromConvolution(int i) =>
            graph.Producer(node.Input(i)) is { } p && p.Op is "Conv" && nodes.ContainsKey(p.Name) && graph.Consumers(node.Input(i)).Count == 1;
        return FromConvolution(input) && !(input == 1 && FromConvolution(0));
    }

    private void ChooseOutputs(Node node)
    {
        foreach (string output in node.Outputs.Where(o => o.Length > 0))
        {
            IReadOnlyList<Node> readers = graph.Consumers(output);
            if (readers.Count == 1 && nodes.GetValueOrDefault(readers[0].Name, OperatorRole.Weighted) is OperatorRole.Absorbed && !graph.IsOutput(output))
            {
                continue; // the QuantizeLinear comes behind the Relu or Clip
            }

            // a product may leave integers by itself: ONNX Runtime's QGemm and MatMulIntegerToFloat give floats
            if (node.Op is "Gemm" or "MatMul" && !readers.Any(r => nodes.ContainsKey(r.Name)))
            {
                continue;
            }

            Edges.TryAdd(output, output);
        }
    }

    // whoever reads a quantized edge reads its codes, so that the producer fuses; but a bias has a scale of its own
    private void ChooseReaders()
    {
        foreach (Node node in graph.Nodes)
        {
            bool weighted = nodes.GetValueOrDefault(node.Name, OperatorRole.Absorbed) is OperatorRole.Weighted;
            for (int i = 0; i < (weighted ? Math.Min(2, node.Inputs.Count) : node.Inputs.Count); i++)
            {
                if (Edges.ContainsKey(node.Inputs[i]))
                {
                    Readers.Add(new(node.Name, i));
                }
            }
        }
    }

    private void Share(Node node)
    {
        if (nodes[node.Name] is OperatorRole.SameParameters && Edges.TryGetValue(node.Input(0), out string? head))
        {
            foreach (string output in node.Outputs.Where(Edges.ContainsKey))
            {
                Edges[output] = head;
            }
        }
        else if (target.ConcatSharesScale && node.Is("Concat") && Edges.TryGetValue(node.Outputs[0], out string? all))
        {
            foreach (string input in node.Inputs.Where(Edges.ContainsKey))
            {
                Join(Edges[input], all);
            }
        }
    }

    private void Join(string head, string to)
    {
        if (head == to)
        {
            return;
        }

        foreach (string edge in Edges.Where(e => e.Value == head).Select(e => e.Key).ToArray())
        {
            Edges[edge] = to;
        }

        _joined.TryAdd(to, []);
        _joined[to].Add(head);
        if (_joined.Remove(head, out List<string>? more))
        {
            _joined[to].AddRange(more);
        }
    }
}
