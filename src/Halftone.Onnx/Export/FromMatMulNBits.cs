namespace Halftone.Onnx.Export;

/// <summary>com.microsoft.MatMulNBits to a DequantizeLinear in blocks along K and a MatMul; to a float weight where the target is not quantized.</summary>
/// <remarks>The weight's values are the same; a missing zero point means 2^(bits - 1) and gives a signed type with zero point 0.</remarks>
internal static class FromMatMulNBits
{
    /// <summary>Whether a node is a MatMulNBits.</summary>
    public static bool Takes(Node node) => node.Op == "MatMulNBits" && node.Domain == Codes.Microsoft;

    public static void Apply(Conversion work)
    {
        foreach (Node node in work.Graph.Nodes.Where(Takes).ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            bool toFloat = work.To is ModelFormat.Float or ModelFormat.Float16;
            if (!toFloat && work.Model.Opset < FromQcdq.FourBitOpset)
            {
                throw work.Refuse(node, $"needs DequantizeLinear in blocks, which opset {FromQcdq.FourBitOpset} brings: upgrade the model from opset {work.Model.Opset} first.");
            }

            Convert(work, node, toFloat);
        }
    }

    private static void Convert(Conversion work, Node node, bool toFloat)
    {
        Graph graph = work.Graph;
        (int k, int n, int bits, int block) = ((int)node.Int("K", 0), (int)node.Int("N", 0), (int)node.Int("bits", 4), (int)node.Int("block_size", 0));
        int blocks = block > 0 ? (k + block - 1) / block : 0;
        if (bits is not (4 or 8) || k <= 0 || n <= 0 || blocks == 0)
        {
            throw work.Refuse(node, $"has {bits} bits, K {k}, N {n} and block size {block}; 4 or 8 bits and positive lengths are converted.");
        }

        if (graph.Constant(node.Input(1)) is not { } b || b.ByteLength != (long)n * blocks * block * bits / 8 || graph.Constant(node.Input(2)) is not { } scale || scale.Count != (long)n * blocks)
        {
            throw work.Refuse(node, "has weights or scales that are not constant, or of another length than K, N, bits and block size say.");
        }

        if (node.Input(4).Length > 0 && (graph.Constant(node.Input(4)) is not { } order || !order.ToInt64s().Select((g, i) => g == i / block).All(same => same)))
        {
            throw work.Refuse(node, "orders its groups by g_idx, which blocks cannot do.");
        }

        int[]? zeros = Zeros(work, node, n, blocks, bits);
        int shift = zeros is null ? 1 << (bits - 1) : 0;
        var codes = new int[k * n];
        ReadOnlySpan<byte> packed = b.Bytes;
        for (int column = 0; column < n; column++)
        {
            for (int row = 0; row < k; row++)
            {
                long bit = (((long)column * blocks * block) + row) * bits;
                codes[(row * n) + column] = ((packed[(int)(bit / 8)] >> (int)(bit % 8)) & ((1 << bits) - 1)) - shift;
            }
        }

        string weight = toFloat ? FloatWeight(graph, node, codes, scale, zeros, k, n, block) : Blocked(graph, node, codes, scale, zeros, k, n, block, bits);
        string bias = node.Input(5);
        string product = bias.Length > 0 ? graph.FreshName(node.Name + "_product") : node.Outputs[0];
        graph.InsertBefore(node, new Node(node.Name, "MatMul", [node.Input(0), weight], [product]));
        if (bias.Length > 0)
        {
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_bias"), "Add", [product, bias], [node.Outputs[0]]));
        }

        graph.Remove(node);
    }

    /// <summary>Zero points [N, blocks], or null where they are the default.</summary>
    private static int[]? Zeros(Conversion work, Node node, int n, int blocks, int bits)
    {
        if (node.Input(3).Length == 0)
        {
            return null;
        }

        Tensor zero = work.Graph.Constant(node.Input(3)) ?? throw work.Refuse(node, "has zero points that are not constant.");
        if (zero.Type is not ElementType.UInt8)
        {
            float[] values = zero.ToFloats();
            return values.Length == n * blocks && values.All(v => v == MathF.Round(v) && v >= 0 && v < 1 << bits)
                ? [.. values.Select(v => (int)v)]
                : throw work.Refuse(node, "has zero points that are no codes, which DequantizeLinear cannot hold.");
        }

        int rowBytes = ((blocks * bits) + 7) / 8;
        if (zero.Count != n * rowBytes)
        {
            throw work.Refuse(node, $"has {zero.Count} bytes of zero points where {n * rowBytes} are needed.");
        }

        var zeros = new int[n * blocks];
        for (int i = 0; i < zeros.Length; i++)
        {
            int bit = i % blocks * bits;
            zeros[i] = (zero.Bytes[(i / blocks * rowBytes) + (bit / 8)] >> (bit % 8)) & ((1 << bits) - 1);
        }

        return zeros;
    }

    private static string Blocked(Graph graph, Node node, int[] codes, Tensor scale, int[]? zeros, int k, int n, int block, int bits)
    {
        int blocks = (k + block - 1) / block;
        ElementType type = (bits, zeros is null) switch
        {
            (4, true) => ElementType.Int4,
            (4, false) => ElementType.UInt4,
            (_, true) => ElementType.Int8,
            _ => ElementType.UInt8,
        };
        string name = node.Input(1);
        List<string> inputs =
        [
            graph.AddConstant(name + "_quantized", Codes.Pack(codes, [k, n], type)),
            graph.AddConstant(name + "_scale", new Tensor(scale.Type, [blocks, n], Turned(scale.Bytes, n, blocks, scale.Type.Bits() / 8))),
        ];
        if (zeros is not null)
        {
            int[] turned = [.. Enumerable.Range(0, zeros.Length).Select(i => zeros[(i % n * blocks) + (i / n)])];
            inputs.Add(graph.AddConstant(name + "_zero_point", Codes.Pack(turned, [blocks, n], type)));
        }

        string value = graph.FreshName(name + "_DequantizeLinear_Output");
        graph.InsertBefore(node, new Node(graph.FreshName(name + "_DequantizeLinear"), "DequantizeLinear", inputs, [value]).With("axis", 0L).With("block_size", block));
        return value;
    }

    private static string FloatWeight(Graph graph, Node node, int[] codes, Tensor scale, int[]? zeros, int k, int n, int block)
    {
        int blocks = (k + block - 1) / block;
        float[] scales = scale.ToFloats();
        var weight = new float[codes.Length];
        for (int i = 0; i < weight.Length; i++)
        {
            int b = (i % n * blocks) + (i / n / block);
            weight[i] = (codes[i] - (zeros?[b] ?? 0)) * scales[b];
        }

        return graph.AddConstant(node.Input(1) + "_float", Tensor.Of(weight, k, n));
    }

    private static byte[] Turned(ReadOnlySpan<byte> rows, int n, int blocks, int size)
    {
        var turned = new byte[rows.Length];
        for (int i = 0; i < n * blocks; i++)
        {
            rows.Slice(i * size, size).CopyTo(turned.AsSpan(((i % blocks * n) + (i / blocks)) * size));
        }

        return turned;
    }
}
