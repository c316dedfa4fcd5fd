namespace Halftone.Onnx.Export;

/// <summary>MatMul and Gemm by a dequantized constant to com.microsoft.MatMulNBits.</summary>
/// <remarks>
/// <para>B is uint8 [N, ceil(K / block), block * bits / 8], low nibble first, K padded with the zero point; scales [N, ceil(K / block)]; zero points packed
/// [N, ceil(ceil(K / block) * bits / 8)], left out where all are 2^(bits - 1). Signed codes are moved up by 2^(bits - 1).</para>
/// <para>Weights with a scale a column or a tensor get it repeated for blocks of <see cref="ConversionOptions.BlockSize"/>. The values are the same; the sums are taken in another order.</para>
/// </remarks>
internal static class ToMatMulNBits
{
    public static void Apply(Conversion work)
    {
        FromQcdq.Apply(work);
        Graph graph = work.Graph;
        int converted = 0;
        foreach (Node node in graph.Nodes.Where(n => n.Is("MatMul") || n.Is("Gemm")).ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            if (Weight(graph, node) is not { } weight)
            {
                continue;
            }

            if (Convert(work, node, weight.Dequantize, weight.Transposed) is { } obstacle)
            {
                work.Note($"Node '{node.Name}' ({node.Op}) stays as it is: {obstacle}.");
            }
            else
            {
                converted++;
            }
        }

        if (converted == 0 && graph.Nodes.FirstOrDefault(Codes.IsDequantize) is { } first)
        {
            throw work.Refuse(first, "feeds no MatMul with a constant weight of 4 or 8 bits and float inputs, and neither does any other.");
        }

        work.ImportMicrosoft();
    }

    /// <summary>The DequantizeLinear of the right factor, and whether it holds [N, K].</summary>
    private static (Node Dequantize, bool Transposed)? Weight(Graph graph, Node node)
    {
        bool transposed = node.Is("Gemm") && node.Int("transB", 0) != 0;
        Node? maker = graph.Producer(node.Input(1));
        if (maker is not null && maker.Is("Transpose") && graph.Producer(maker.Input(0)) is { } before && (maker.Ints("perm") is null or [1, 0]))
        {
            (maker, transposed) = (before, !transposed);
        }

        return maker is not null && Codes.IsDequantize(maker) && graph.Constant(maker.Input(0)) is { Dims.Length: 2 } ? (maker, transposed) : null;
    }

    private static string? Convert(Conversion work, Node node, Node dequantize, bool transposed)
    {
        Graph graph = work.Graph;
        Tensor codes = graph.Constant(dequantize.Input(0))!;
        AffineMap map = Codes.Map(dequantize);
        if (Codes.Dequantizer(graph, node.Input(0)) is not null)
        {
            return "its other input is quantized too";
        }

        if (node.Is("Gemm") && (node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1))
        {
            return "MatMulNBits has neither transA, alpha nor beta";
        }

        if (codes.Type is not (ElementType.Int4 or ElementType.UInt4 or ElementType.Int8 or ElementType.UInt8))
        {
            return $"its weight is {codes.Type.OnnxName()}, and 4 or 8 bits are needed";
        }

        if (graph.Constant(map.Scale) is not { Type: ElementType.Float } scale || (map.Zero.Length > 0 && graph.Constant(map.Zero) is null))
        {
            return "its scale or zero point is not constant, or not float";
        }

        int axisOfK = transposed ? 1 : 0;
        int axis = map.Axis < 0 ? map.Axis + 2 : map.Axis;
        if (map.BlockSize > 0 ? axis != axisOfK || map.BlockSize < 16 || !int.IsPow2(map.BlockSize) : scale.Count > 1 && axis == axisOfK)
        {
            return "its blocks are not 16, 32, 64, ... elements along the summed axis";
        }

        Packed packed = Pack(codes, map, scale, graph.Constant(map.Zero), transposed, map.BlockSize > 0 ? map.BlockSize : work.Options.BlockSize);
        Emit(graph, node, dequantize, packed);
        return null;
    }

    private sealed record Packed(int K, int N, int Bits, int Block, byte[] Codes, float[] Scales, int[] Zeros);

    private static Packed Pack(Tensor codes, AffineMap map, Tensor scale, Tensor? zero, bool transposed, int block)
    {
        (int k, int n) = transposed ? ((int)codes.Dims[1], (int)codes.Dims[0]) : ((int)codes.Dims[0], (int)codes.Dims[1]);
        int bits = codes.Type.Bits();
        int shift = Codes.Grid(codes.Type)!.Value.Signed ? 1 << (bits - 1) : 0;
        int blocks = (k + block - 1) / block;
        float[] scales = scale.ToFloats();
        long[] zeros = zero?.ToInt64s() ?? [0];
        long[] q = codes.ToInt64s();
        Func<int, int> group = Codes.Groups(codes, map, scales.Length);
        var packed = new byte[(long)n * blocks * block * bits / 8];
        var blockScales = new float[n * blocks];
        var blockZeros = new int[n * blocks];
        for (int column = 0; column < n; column++)
        {
            for (int row = 0; row < blocks * block; row++)
            {
                int at = Math.Min(row, k - 1);
                int element = transposed ? (column * k) + at : (at * n) + column;
                int g = group(element);
                int z = (int)zeros[zeros.Length == 1 ? 0 : g] + shift;
                int code = row < k ? (int)q[element] + shift : z;
                int b = (column * blocks) + (row / block);
                (blockScales[b], blockZeros[b]) = (scales[g], z);
                long bit = ((long)column * blocks * block + row) * bits;
                packed[bit / 8] |= (byte)(code << (int)(bit % 8));
            }
        }

        return new Packed(k, n, bits, block, packed, blockScales, blockZeros);
    }

    private static void Emit(Graph graph, Node node, Node dequantize, Packed p)
    {
        int blocks = p.Scales.Length / p.N;
        string weight = dequantize.Input(0);
        List<string> inputs =
        [
            node.Input(0),
            graph.AddConstant(weight + $"_Q{p.Bits}", Tensor.Of(p.Codes, p.N, blocks, p.Block * p.Bits / 8)),
            graph.AddConstant(weight + "_scales", Tensor.Of(p.Scales, p.N, blocks)),
        ];
        if (p.Zeros.Any(z => z != 1 << (p.Bits - 1)))
        {
            int rowBytes = ((blocks * p.Bits) + 7) / 8;
            var zeros = new byte[p.N * rowBytes];
            for (int i = 0; i < p.Zeros.Length; i++)
            {
                int bit = i % blocks * p.Bits;
                zeros[(i / blocks * rowBytes) + (bit / 8)] |= (byte)(p.Zeros[i] << (bit % 8));
            }

            inputs.Add(graph.AddConstant(weight + "_zero_points", Tensor.Of(zeros, p.N, rowBytes)));
        }

        bool bias = node.Is("Gemm") && node.Input(2).Length > 0;
        string product = bias ? graph.FreshName(node.Name + "_product") : node.Outputs[0];
        graph.InsertBefore(node, new Node(node.Name, "MatMulNBits", inputs, [product], Codes.Microsoft)
            .With("K", p.K).With("N", p.N).With("bits", p.Bits).With("block_size", p.Block));
        if (bias)
        {
            graph.InsertBefore(node, new Node(graph.FreshName(node.Name + "_bias"), "Add", [product, node.Input(2)], [node.Outputs[0]]));
        }

        graph.Remove(node);
    }
}
