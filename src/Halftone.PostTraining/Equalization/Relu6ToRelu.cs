using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Lets go of the upper bound of ReLU6, so that scales pass it: y = Clip(x, 0, 6)  =>  y = Relu(x).</summary>
/// <remarks>From: Nagel et al. 2019, arXiv:1906.04721, section 5.1.1, for nets that hardly reach the bound; Sheng et al. 2018, A Quantization-Friendly Separable Convolution for MobileNets, arXiv:1803.08607.
/// Some networks do rely on the bound: compare the outputs.</remarks>
public sealed record Relu6ToRelu : ILayerRewrite, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("relu6-to-relu", "ReLU6 becomes ReLU", "Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721");

    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        Node[] clips = [.. graph.Nodes.Where(n => n.Is("Clip") && ClipBounds.Of(graph, n) == (0, 6))];
        foreach (Node clip in clips)
        {
            graph.InsertBefore(clip, new Node(graph.FreshName($"{clip.Name}_relu"), "Relu", [clip.Input(0)], [clip.Outputs[0]]));
            graph.Remove(clip);
        }

        if (clips.Length > 0)
        {
            context.Log.Add($"{clips.Length} ReLU6 became ReLU");
            new RemoveDeadNodes().Apply(graph, context); // the bounds
        }

        return clips.Length > 0;
    }
}
