namespace Halftone.Onnx.Passes;

/// <summary>Folds batch normalization into the convolution or product before it.</summary>
/// <remarks>
/// y = BatchNormalization(Conv(x, W, b))  =>  y = Conv(x, W * g, (b - mean) * g + beta) with g = gamma / sqrt(variance + epsilon), for each output channel.
/// So too for ConvTranspose and Gemm. Left alone: normalization that does not directly follow (MatMul has no bias to take the shift), whose input others read
/// too or is an output, whose parameters are no constants, or that trains, as one with further outputs did before operator set 14.
/// Mean and deviation of the result, beta and |gamma|, stay in <see cref="PassContext.BatchNorm"/> under the node's name.
/// </remarks>
public sealed record FoldBatchNorm : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        int folded = 0;
        foreach (Node norm in graph.Nodes.Where(n => n.Is("BatchNormalization")).ToArray())
        {
            if (graph.Producer(norm.Input(0)) is { } node && Foldable(graph, node, norm) && Fold(graph, node, norm, context))
            {
                folded++;
            }
        }

        if (folded > 0)
        {
            context.Log.Add($"{folded} batch normalizations folded into the weights before them");
        }

        return folded > 0;
    }

    private static bool Foldable(Graph graph, Node node, Node norm) =>
        (node.Is("Conv") || node.Is("ConvTranspose") || (node.Is("Gemm") && node.Float("beta", 1) == 1 && node.Float("alpha", 1) == 1))
        && node.Output(0) == norm.Input(0)
        && graph.Consumers(node.Output(0)).Count == 1
        && !graph.IsOutput(node.Output(0))
        && norm.Int("training_mode", 0) == 0
        && norm.Int("spatial", 1) == 1
        && norm.Outputs.Skip(1).All(o => o.Length == 0)
        && graph.Constant(node.Input(1)) is { Type: ElementType.Float }
        && (node.Input(2).Length == 0 || graph.Constant(node.Input(2)) is { Type: ElementType.Float })
        && Enumerable.Range(1, 4).All(i => graph.Constant(norm.Input(i)) is { Type: ElementType.Float });

    private static bool Fold(Graph graph, Node node, Node norm, PassContext context)
    {
        float[][] p = [.. Enumerable.Range(1, 4).Select(i => graph.Constant(norm.Input(i))!.ToFloats())];
        (float[] gamma, float[] beta, float[] mean, float[] variance) = (p[0], p[1], p[2], p[3]);
        double epsilon = norm.Float("epsilon", 1e-5f);
        Tensor weight = graph.Constant(node.Input(1))!;
        int channels = gamma.Length;
        Tensor? biasTensor = graph.Constant(node.Input(2));
        int axis = node.Is("Conv") || (node.Is("Gemm") && node.Int("transB", 0) != 0) ? 0 : 1;
        long groups = node.Is("ConvTranspose") ? node.Int("group", 1) : 1;
        if (p.Any(values => values.Length != channels) || weight.Dims.Length < 2 || weight.Count == 0
            || groups < 1 || weight.Dims[0] % groups != 0 || weight.Dims[axis] * groups != channels
            || (biasTensor is not null && (biasTensor.Count != channels || biasTensor.Dims is not [.., var last] || last != channels))
            || !context.HasRoom(graph, weight.ByteLength))
        {
            return false; // damaged, or a Gemm whose bias is one for all, or one for each row
        }

        context.TakeRoom(weight.ByteLength);
        float[] bias = biasTensor?.ToFloats() ?? new float[channels];
        double[] gain = [.. gamma.Select((g, c) => g / Math.Sqrt(variance[c] + epsilon))];
        float[] values = weight.ToFloats();
        long inner = weight.Dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b);
        long inputsPerGroup = node.Is("ConvTranspose") ? weight.Dims[0] / groups : 1;
        for (long i = 0; i < values.Length; i++)
        {
            long channel = i / inner % weight.Dims[axis];
            if (node.Is("ConvTranspose"))
            {
                channel += i / inner / weight.Dims[1] / inputsPerGroup * weight.Dims[1];
            }

            values[i] = (float)(values[i] * gain[channel]);
        }

        float[] shifted = [.. bias.Select((b, c) => (float)(((b - (double)mean[c]) * gain[c]) + beta[c]))];

        // fresh names: the constants may have other readers
        graph.SetInput(node, 1, graph.AddConstant($"{node.Input(1)}_folded", Tensor.Of(values, weight.Dims.AsSpan())));
        graph.SetInput(node, 2, graph.AddConstant(node.Input(2).Length > 0 ? $"{node.Input(2)}_folded" : $"{node.Name}_bias", Tensor.Of(shifted, channels)));
        string output = norm.Outputs[0];
        graph.Remove(norm);
        graph.SetOutput(node, 0, output);
        context.BatchNorm[node.Name] = new BatchNormMoments(beta, [.. gamma.Select(Math.Abs)]);
        return true;
    }
}
