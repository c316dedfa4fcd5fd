using System.Collections.Immutable;
using Halftone.Engine.Kernels.LowBit;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Products of floats by weights of 4 bits and fewer, in blocks or by channel.</summary>
internal sealed partial class Matcher
{
    /// <summary>ONNX Runtime's MatMulNBits: [N, blocks, bytes of a block], the lowest bits first; zero points packed along the blocks of a channel.</summary>
    private LowBitUnit? MatMulNBits(Node node)
    {
        (int k, int n, int bits, int block) = ((int)node.Int("K", 0), (int)node.Int("N", 0), (int)node.Int("bits", 4), (int)node.Int("block_size", 0));
        ImmutableArray<int> x = typed.Type(node.Input(0)).Dims;
        if (bits is not (2 or 4) || k < 1 || n < 1 || block < 1 || k > LowBitProblem.LongestK || x.IsEmpty || x[^1] != k || x.Any(d => d == 0)
            || typed.Type(node.Input(0)).Element != ElementType.Float
            || typed.Constant(node.Input(1)) is not { Type: ElementType.UInt8 } codes || typed.Constant(node.Input(2)) is not { Type: ElementType.Float } scales)
        {
            return null;
        }

        int blocks = (k + block - 1) / block;
        int blob = ((block * bits) + 7) / 8;
        int zeroPitch = ((blocks * bits) + 7) / 8;
        Tensor? zeros = node.Input(3).Length == 0 ? null : typed.Constant(node.Input(3));
        Tensor? bias = node.Input(5).Length == 0 ? null : typed.Constant(node.Input(5));
        if (codes.Count != (long)n * blocks * blob || scales.Count != (long)n * blocks || node.Input(4).Length > 0
            || (node.Input(3).Length > 0 && (zeros is not { Type: ElementType.UInt8 } || zeros.Count != (long)n * zeroPitch))
            || (node.Input(5).Length > 0 && (bias is not { Type: ElementType.Float } || bias.Count != n)))
        {
            return null;
        }

        return new()
        {
            Node = node,
            Input = node.Input(0),
            Rows = x[..^1].Aggregate(1, (a, b) => a * b),
            Problem = () => new()
            {
                K = k,
                N = n,
                Bits = bits,
                BlockSize = block,
                Codes = Unpack(codes.Bytes, bits, n * blocks, block, blob, blocks, k),
                Scales = scales.ToFloats(),
                ZeroPoints = zeros is null ? Filled(n * blocks, 1 << (bits - 1)) : Unpack(zeros.Bytes, bits, n, blocks, zeroPitch, 1, blocks),
                Bias = bias?.ToFloats(),
                Arithmetic = node.Int("accuracy_level", 0) == 4 ? LowBitArithmetic.Integer : LowBitArithmetic.Float,
            },
        };
    }

    /// <summary>Rows of packed codes, one code a byte; several rows make a channel, whose codes past its length are dropped.</summary>
    private static byte[] Unpack(ReadOnlySpan<byte> packed, int bits, int rows, int perRow, int pitch, int rowsPerChannel, int perChannel)
    {
        var codes = new byte[(long)rows / rowsPerChannel * perChannel];
        int mask = (1 << bits) - 1;
        for (int row = 0; row < rows; row++)
        {
            int channel = row / rowsPerChannel;
            int first = (row - (channel * rowsPerChannel)) * perRow;
            for (int i = 0; i < Math.Min(perRow, perChannel - first); i++)
            {
                codes[((long)channel * perChannel) + first + i] = (byte)((packed[(row * pitch) + (i * bits / 8)] >> (i * bits % 8)) & mask);
            }
        }

        return codes;
    }

    private static byte[] Filled(int count, int value)
    {
        var bytes = new byte[count];
        bytes.AsSpan().Fill((byte)value);
        return bytes;
    }

    /// <summary>MatMul by a DequantizeLinear of 4- or 2-bit codes [K, N], scales in blocks along K or one a channel.</summary>
    private LowBitUnit? LowBitMatMul(Node node)
    {
        ImmutableArray<int> x = typed.Type(node.Input(0)).Dims;
        if (!node.Is("MatMul") || typed.Type(node.Input(0)).Element != ElementType.Float || x.Length < 2 || x.Any(d => d == 0)
            || Graph.Producer(node.Input(1)) is not { } dequantize || !dequantize.Is("DequantizeLinear")
            || Graph.Constant(dequantize.Input(0)) is not { Dims.Length: 2 } codes || codes.Type is not (ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2)
            || typed.Constant(dequantize.Input(1)) is not { Type: ElementType.Float } scales)
        {
            return null;
        }

        (int k, int n) = ((int)codes.Dims[0], (int)codes.Dims[1]);
        int block = (int)dequantize.Int("block_size", 0);
        long axis = dequantize.Int("axis", 1) is var a && a < 0 ? a + 2 : a;
        Tensor? zeros = dequantize.Input(2).Length == 0 ? null : typed.Constant(dequantize.Input(2));
        bool blocked = block > 0 && axis == 0;
        long expected = blocked ? (long)((k + block - 1) / block) * n : scales.Count == 1 ? 1 : n;
        if (k < 1 || n < 1 || k > LowBitProblem.LongestK || scales.Count != expected || (block > 0 && !blocked) || (!blocked && scales.Count > 1 && axis != 1)
            || (dequantize.Input(2).Length > 0 && zeros?.Count != scales.Count))
        {
            return null;
        }

        return new()
        {
            Node = node,
            Input = node.Input(0),
            Rows = x[..^1].Aggregate(1, (p, d) => p * d),
            Problem = () => Blocked(codes, scales, zeros, k, n, blocked ? block : k),
        };
    }

    /// <summary>Codes, scales and zero points by channel, unsigned.</summary>
    private static LowBitProblem Blocked(Tensor codes, Tensor scales, Tensor? zeros, int k, int n, int block)
    {
        int bits = codes.Type.Bits();
        int lift = codes.Type is ElementType.Int4 or ElementType.Int2 ? 1 << (bits - 1) : 0;
        int blocks = (k + block - 1) / block;
        long[] read = codes.ToInt64s();
        float[] s = scales.ToFloats();
        long[] z = zeros?.ToInt64s() ?? new long[s.Length];
        var problem = new LowBitProblem
        {
            K = k,
            N = n,
            Bits = bits,
            BlockSize = block,
            Codes = new byte[(long)n * k],
            Scales = new float[n * blocks],
            ZeroPoints = new byte[n * blocks],
            Arithmetic = LowBitArithmetic.Float,
        };
        for (int c = 0; c < n; c++)
        {
            for (int i = 0; i < k; i++)
            {
                problem.Codes[((long)c * k) + i] = (byte)(read[((long)i * n) + c] + lift);
            }

            for (int b = 0; b < blocks; b++)
            {
                int at = s.Length == 1 ? 0 : (b * n) + c;
                problem.Scales[(c * blocks) + b] = s[at];
                problem.ZeroPoints[(c * blocks) + b] = (byte)(z[at] + lift);
            }
        }

        return problem;
    }
}
