using Google.Protobuf;
using Halftone.Onnx.Proto;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests;

/// <summary>Load and save give back the same model.</summary>
public sealed class RoundTripTests
{
    public static TheoryData<string> Models => RealModels.Names;

    [Theory]
    [MemberData(nameof(Models))]
    public void A_real_model_computes_the_same_after_load_and_save(string name)
    {
        string path = RealModels.PathOf(name);
        using TemporaryFolder folder = new();
        var model = Model.Load(path);
        Dictionary<string, Tensor> feed = RealModels.Feed(model, seed: 7);
        Tensor[] before = Ort.Run(File.ReadAllBytes(path), feed);

        model.Save(folder.File("inline.onnx"));
        Assert.True(Outputs.Same(before, Ort.Run(File.ReadAllBytes(folder.File("inline.onnx")), feed)), "saved in one file");

        model.Save(folder.File("external.onnx"), externalData: true);
        var external = Model.Load(folder.File("external.onnx"));
        Assert.All(external.Graph.Initializers.Values, t => Assert.Equal(t.ByteLength >= 1024, t.IsMapped));
        Assert.True(Outputs.Same(before, Ort.Run(external, feed)), "saved with external data");
        AssertSameContent(File.ReadAllBytes(path), model.ToBytes(), name);
        Assert.Equal(model.ToBytes(), Model.Parse(model.ToBytes()).ToBytes());
    }

    [Fact]
    public void Every_node_test_of_onnx_is_the_same_after_load_and_save()
    {
        List<string> failures = [];
        int ran = 0;
        foreach (NodeCase node in NodeCases.All)
        {
            byte[] saved = Model.Parse(node.Bytes, node.Name).ToBytes();
            AssertSameContent(node.Bytes, saved, node.Name);
            if (node.Expected is null)
            {
                continue;
            }

            ran++;
            if (NodeCases.Run(node, saved, out string error) is not { } after)
            {
                failures.Add($"{node.Name}: {error}");
            }
            else if (!Outputs.Same(node.Expected, after) && !Random(node))
            {
                failures.Add($"{node.Name}: other outputs");
            }
        }

        Assert.Empty(failures);
        Assert.True(ran >= NodeCases.All.Count * 3 / 4, $"ONNX Runtime ran only {ran} of {NodeCases.All.Count}");
    }

    /// <summary>Whether a case gives something else each time.</summary>
    internal static bool Random(NodeCase node) => !Outputs.Same(node.Expected!, NodeCases.Run(node, node.Bytes, out _)!);

    // what the reader may change: names of nodes that had none or another's, the place of nodes, and the field in which numbers stand
    private static void AssertSameContent(byte[] before, byte[] after, string name)
    {
        (ModelProto a, ModelProto b) = (ModelProto.Parser.ParseFrom(before), ModelProto.Parser.ParseFrom(after));
        Assert.Equal(a.Graph.Initializer.Select(i => i.Name).Order(StringComparer.Ordinal), b.Graph.Initializer.Select(i => i.Name).Order(StringComparer.Ordinal));
        Dictionary<string, TensorProto> saved = b.Graph.Initializer.ToDictionary(i => i.Name);
        foreach (TensorProto tensor in a.Graph.Initializer)
        {
            TensorProto other = saved[tensor.Name];
            Assert.True(tensor.DataType == other.DataType && tensor.Dims.Equals(other.Dims), $"{name}: {tensor.Name}");
            Assert.True(Payload(tensor).Span.SequenceEqual(Payload(other).Span), $"{name}: payload of {tensor.Name}");
        }

        foreach (ModelProto model in (ModelProto[])[a, b])
        {
            model.Graph.Initializer.Clear();
            NodeProto[] nodes = [.. model.Graph.Node.OrderBy(n => n.Output.FirstOrDefault(o => o.Length > 0), StringComparer.Ordinal)];
            model.Graph.Node.Clear();
            foreach (NodeProto node in nodes)
            {
                node.Name = "";
                model.Graph.Node.Add(node);
            }
        }

        a.IrVersion = a.IrVersion < 4 ? b.IrVersion : a.IrVersion; // raised where an initializer is not listed as an input
        Assert.True(a.ToByteString().Equals(b.ToByteString()), $"{name}: something besides the initializers changed");
    }

    private static ReadOnlyMemory<byte> Payload(TensorProto tensor) =>
        tensor.HasRawData ? tensor.RawData.Memory
        : tensor.FloatData.Count > 0 ? tensor.FloatData.SelectMany(BitConverter.GetBytes).ToArray()
        : tensor.Int64Data.Count > 0 ? tensor.Int64Data.SelectMany(BitConverter.GetBytes).ToArray()
        : tensor.DoubleData.Count > 0 ? tensor.DoubleData.SelectMany(BitConverter.GetBytes).ToArray()
        : tensor.StringData.Count > 0 ? tensor.StringData.SelectMany(s => s.ToByteArray()).ToArray()
        : tensor.Int32Data.SelectMany(v => BitConverter.GetBytes(v).Take(Math.Max(1, ((ElementType)tensor.DataType).Bits() / 8))).ToArray();
}
