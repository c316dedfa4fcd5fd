using Halftone.Onnx.Operators;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Tests.Operators;

/// <summary>ONNX's own node tests of the quantization operators, bit for bit.</summary>
public sealed class NodeTests
{
    private static readonly string[] s_operators = ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"];

    [Fact]
    public void Agrees_exactly_with_the_node_tests_of_onnx_1_20() => AssertAll(Paths.Shared("data/onnx-node-tests"), atLeast: 22);

    [Fact]
    public void Agrees_exactly_with_the_node_tests_of_onnx_1_12()
    {
        const string debian = "/usr/share/libonnx-testdata/data/node";
        Assert.SkipUnless(Directory.Exists(debian), "needs the Debian package libonnx-testdata, which is not here");
        AssertAll(debian, atLeast: 7);
    }

    private static void AssertAll(string folder, int atLeast)
    {
        int count = 0;
        foreach (string test in Directory.EnumerateDirectories(folder, "test_*quantizelinear*").Order())
        {
            Graph graph = Model.Load(Path.Combine(test, "model.onnx")).Graph;
            if (graph.Nodes.Count != 1 || !s_operators.Contains(graph.Nodes[0].Op))
            {
                continue; // bodies of functions, made of other operators
            }

            foreach (string set in Directory.EnumerateDirectories(test, "test_data_set_*"))
            {
                AssertSame(test, graph, set);
                count++;
            }
        }

        Assert.True(count >= atLeast, $"only {count} tests were found in {folder}");
    }

    private static void AssertSame(string test, Graph graph, string set)
    {
        Node node = graph.Nodes[0];
        Dictionary<string, Tensor> values = new(graph.Initializers);
        for (int i = 0; i < graph.Inputs.Count; i++)
        {
            values[graph.Inputs[i].Name] = Read(Path.Combine(set, $"input_{i}.pb"));
        }

        Tensor? Input(int place) => node.Input(place).Length == 0 ? null : values[node.Input(place)];
        var options = LinearOptions.Of(node);
        Tensor[] actual;
        if (node.Op == "DynamicQuantizeLinear")
        {
            (Tensor codes, Tensor scale, Tensor zero) = DynamicQuantizeLinear.Run(Input(0)!);
            actual = [codes, scale, zero];
        }
        else
        {
            actual = [node.Op == "QuantizeLinear" ? QuantizeLinear.Run(Input(0)!, Input(1)!, Input(2), options) : DequantizeLinear.Run(Input(0)!, Input(1)!, Input(2), options)];
        }

        for (int i = 0; i < actual.Length; i++)
        {
            Tensor expected = Read(Path.Combine(set, $"output_{i}.pb"));
            string which = $"{Path.GetFileName(test)}, output {i}";
            Assert.True(expected.Type == actual[i].Type && expected.Dims.SequenceEqual(actual[i].Dims), $"{which}: type or lengths differ");
            Assert.True(expected.Bytes.SequenceEqual(actual[i].Bytes), $"{which}: {Convert.ToHexString(actual[i].Bytes)} is not {Convert.ToHexString(expected.Bytes)}");
        }
    }

    private static Tensor Read(string path) => TensorFormat.Read(TensorProto.Parser.ParseFrom(File.ReadAllBytes(path)), new ExternalData(null));
}
