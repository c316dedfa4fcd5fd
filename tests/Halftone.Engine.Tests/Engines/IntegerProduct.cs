using Halftone.Onnx;

namespace Halftone.Engine.Tests.Engines;

/// <summary>A matrix product of random codes and zero points, and its sums by the triple loop.</summary>
internal sealed class IntegerProduct
{
    public IntegerProduct(int rows, int depth, int columns, bool signedWeights, bool perColumn, int seed)
    {
        (Rows, Depth, Columns) = (rows, depth, columns);
        var random = new Random(seed);
        var a = new byte[rows * depth];
        var b = new byte[depth * columns];
        random.NextBytes(a);
        random.NextBytes(b);
        if (seed % 4 == 0)
        {
            Array.ConvertAll(a, v => v < 128 ? (byte)0 : (byte)255).CopyTo(a, 0);
            Array.Fill(b, signedWeights ? (byte)0x80 : (byte)255); // -128
        }

        var zeros = new byte[perColumn ? columns : 1];
        random.NextBytes(zeros);
        int aZero = random.Next(256);
        A = Tensor.Of(a, rows, depth);
        AZero = Tensor.Scalar((byte)aZero);
        B = signedWeights ? Tensor.Of(Array.ConvertAll(b, v => (sbyte)v), depth, columns) : Tensor.Of(b, depth, columns);
        BZero = Zeros(zeros, signedWeights, perColumn);
        Sums = new int[rows * columns];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                int zero = Value(zeros[perColumn ? j : 0], signedWeights);
                for (int k = 0; k < depth; k++)
                {
                    Sums[(i * columns) + j] += (a[(i * depth) + k] - aZero) * (Value(b[(k * columns) + j], signedWeights) - zero);
                }
            }
        }
    }

    public static Gen<(int Rows, int Depth, int Columns, bool PerColumn, int Seed)> Cases { get; } =
        Gen.Select(Gen.Int[1, 33], Gen.Int[1, 33], Gen.Int[1, 33], Gen.Bool, Gen.Int[0, int.MaxValue - 1]);

    public int Rows { get; }

    public int Depth { get; }

    public int Columns { get; }

    public Tensor A { get; }

    public Tensor AZero { get; }

    public Tensor B { get; }

    public Tensor BZero { get; }

    public int[] Sums { get; }

    /// <summary>A scale that spreads the sums over the codes.</summary>
    public float Scale => 200f / Math.Max(1, Sums.Max() - Sums.Min());

    /// <summary>A QLinearMatMul whose output has the zero point 128.</summary>
    public OneNode QLinear(bool constantWeights)
    {
        Tensor scales = BZero.Count == 1 ? Tensor.Scalar(1f) : Tensor.Of([.. Enumerable.Repeat(1f, Columns)], Columns);
        Tensor[] inputs = [A, Tensor.Scalar(Scale), AZero, B, scales, BZero, Tensor.Scalar(1f), Tensor.Scalar((byte)128)];
        return OneNode.Of(new Node("node", "QLinearMatMul", [], []), ElementType.UInt8, inputs, constantWeights ? [0] : [0, 3]);
    }

    /// <summary>What it must give.</summary>
    public byte[] Codes() => [.. Sums.Select(s => (byte)Math.Clamp(MathF.Round(s * Scale, MidpointRounding.ToEven) + 128, 0, 255))];

    private static int Value(byte code, bool signed) => signed ? (sbyte)code : code;

    private static Tensor Zeros(byte[] zeros, bool signed, bool perColumn) => (signed, perColumn) switch
    {
        (true, true) => Tensor.Of(Array.ConvertAll(zeros, v => (sbyte)v), zeros.Length),
        (true, false) => Tensor.Scalar((sbyte)zeros[0]),
        (false, true) => Tensor.Of(zeros, zeros.Length),
        _ => Tensor.Scalar(zeros[0]),
    };
}
