using System.Collections.Immutable;
using Halftone.Formats;

namespace Halftone.Onnx.Export.Lowering;

/// <summary>Adds the nodes and constants that restore one tensor, named after it.</summary>
internal sealed class NodeWriter(Model model, string tensor)
{
    public Graph Graph => model.Graph;

    public int Opset => model.Opset;

    public string Tensor => tensor;

    public string Constant(string what, Tensor value) => Graph.AddConstant($"{tensor}_{what}", value);

    public string Node(string op, params string[] inputs) => Node(op, inputs, _ => { });

    public string Node(string op, string[] inputs, Action<Node> attributes, string? output = null)
    {
        output ??= Graph.FreshName($"{tensor}_{op}_Output");
        var node = new Node(Graph.FreshName($"{tensor}_{op}"), op, inputs, [output]);
        attributes(node);
        Graph.Add(node);
        return output;
    }

    public string Cast(string value, ElementType to) => Node("Cast", [value], n => n.With("to", (long)to));

    public string Reshape(string value, params long[] dims) => Node("Reshape", value, Constant("shape", Onnx.Tensor.Of(dims, dims.Length)));

    /// <summary>One value a group, in a form that broadcasts over a tensor of that shape.</summary>
    /// <remarks>Values of blocks are repeated along their axis by a Gather; the others broadcast as they are.</remarks>
    public string Spread(string what, ReadOnlySpan<float> values, ImmutableArray<int> shape, Granularity granularity)
    {
        switch (granularity.Kind)
        {
            case GranularityKind.Channel:
                long[] channels = [values.Length, .. Enumerable.Repeat(1L, shape.Length - granularity.Axis - 1)];
                return Constant(what, Onnx.Tensor.Of(values, channels));
            case GranularityKind.Block:
                string blocks = Constant(what, Onnx.Tensor.Of(values, [.. granularity.ScaleShape(shape.AsSpan()).Select(d => (long)d)]));
                int[] block = [.. Enumerable.Range(0, shape[granularity.Axis]).Select(i => i / granularity.BlockSize)];
                return Node("Gather", [blocks, Constant("block", Onnx.Tensor.Of(block, block.Length))], n => n.With("axis", granularity.Axis));
            default:
                return Constant(what, Onnx.Tensor.Scalar(values[0]));
        }
    }

    /// <summary>Lengths as ONNX writes them.</summary>
    public static long[] Dims(QuantizedTensor value) => [.. value.Shape.Select(d => (long)d)];
}
