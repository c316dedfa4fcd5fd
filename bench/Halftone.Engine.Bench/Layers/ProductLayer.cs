using Halftone.Onnx;

namespace Halftone.Engine.Bench.Layers;

/// <summary>Lengths of a matrix product: rows x depth by depth x columns.</summary>
internal sealed record ProductShape(int Rows, int Columns, int Depth)
{
    public long MultiplyAdds => (long)Rows * Columns * Depth;

    public string Name => $"{Rows}x{Depth} by {Depth}x{Columns}";
}

/// <summary>A matrix product with seeded data.</summary>
internal sealed class ProductLayer(ProductShape shape, int seed) : ILayer
{
    private const float Step = 1f / 32; // of input and output; a power of two, so that their quotient changes no scale

    public ProductShape Shape => shape;

    public string Name => shape.Name;

    public long MultiplyAdds => shape.MultiplyAdds;

    public Tensor Input { get; } = Tensor.Of(SeededCodes.Activations((long)shape.Rows * shape.Depth, seed), shape.Rows, shape.Depth);

    public sbyte[] Weights { get; } = SeededCodes.Weights((long)shape.Depth * shape.Columns, seed + 1);

    public int[] Bias => [];

    public float[] Scales { get; } = SeededCodes.Scales(shape.Columns, shape.Depth, seed + 3);

    public long[] OutputDims => [shape.Rows, shape.Columns];

    public Model ToModel()
    {
        Model model = Model.Create(17, [new ValueInfo("x", ElementType.UInt8, [shape.Rows, shape.Depth])], [new ValueInfo("y", ElementType.UInt8, [shape.Rows, shape.Columns])]);
        Graph graph = model.Graph;
        graph.SetConstant("step", Tensor.Scalar(Step));
        graph.SetConstant("zero", Tensor.Scalar((byte)0));
        graph.SetConstant("w", Tensor.Of(Weights, shape.Depth, shape.Columns));
        graph.SetConstant("w_scale", Tensor.Of(Scales, shape.Columns));
        graph.SetConstant("w_zero", Tensor.Of(new sbyte[shape.Columns], shape.Columns));
        graph.Add(new Node("x_dq", "DequantizeLinear", ["x", "step", "zero"], ["x_float"]));
        graph.Add(new Node("w_dq", "DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_float"]).With("axis", 1));
        graph.Add(new Node("matmul", "MatMul", ["x_float", "w_float"], ["y_float"]));
        graph.Add(new Node("y_q", "QuantizeLinear", ["y_float", "step", "zero"], ["y"]));
        return model;
    }

    public byte[] Expected()
    {
        var codes = new byte[shape.Rows * shape.Columns];
        for (int i = 0; i < codes.Length; i++)
        {
            int sum = 0;
            for (int k = 0; k < shape.Depth; k++)
            {
                sum += Input.Bytes[(i / shape.Columns * shape.Depth) + k] * Weights[(k * shape.Columns) + (i % shape.Columns)];
            }

            codes[i] = SeededCodes.Code(sum, Scales[i % shape.Columns]);
        }

        return codes;
    }
}
