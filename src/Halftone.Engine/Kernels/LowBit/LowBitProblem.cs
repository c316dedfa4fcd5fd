namespace Halftone.Engine.Kernels.LowBit;

/// <summary>In what numbers a product by low-bit weights is computed.</summary>
internal enum LowBitArithmetic
{
    /// <summary>Activations become 8-bit integers at run time, block by block, and products are summed in integers (MatMulNBits' accuracy level 4).</summary>
    Integer,

    /// <summary>Codes become floats, and products are summed in floats (MatMulNBits' accuracy levels 0 and 1).</summary>
    Float,
}

/// <summary>A matrix product of float rows by weights of few bits: DequantizeLinear (blocked or per channel) and MatMul, or MatMulNBits.</summary>
/// <remarks>
/// <para>y[r, n] = bias[n] + sum over k of x[r, k] * (code[n, k] - zero point[n, k / BlockSize]) * scale[n, k / BlockSize]. Float additions round, so their order is part of the
/// contract, and all tiers give the same bits (but for the payloads of NaN):</para>
/// <para>Integer. For every row and block of x: s = max|x| / 127, q = x / s rounded to an integer, ties to even, and clamped to -127..127; where s is 0 (zeros, or values too small for
/// their s to be a float) every q is 0, and where it is no finite number, it is NaN. dot = sum of (code - zero point) * q, exact in 32 bits. Starting at the bias,
/// y = fma(float(dot), s * scale, y), block after block, where float rounds to the nearest float, ties to even.</para>
/// <para>Float. In every block four sums start at 0, sum[j] = fma(x, float(code - zero point), sum[j]) over the k of the block, ascending, whose place in the block modulo 4 is j.
/// Starting at the bias, y = fma((sum[0] + sum[1]) + (sum[2] + sum[3]), scale, y), block after block.</para>
/// <para>Rows of x have K floats, rows of y have N, one after another.</para>
/// </remarks>
internal sealed record LowBitProblem
{
    /// <summary>The longest sum that is exact in 32 bits: 2^31 / (15 * 127), less than a block's padding.</summary>
    public const int LongestK = 1 << 20;

    /// <summary>Length of the sums, 1 to <see cref="LongestK"/>.</summary>
    public required int K { get; init; }

    /// <summary>Output channels.</summary>
    public required int N { get; init; }

    /// <summary>Bits of a code, 1 to 4. Ternary weights are 2 bits, with zero point 1.</summary>
    public required int Bits { get; init; }

    /// <summary>Elements along K that share a scale and a zero point; K or more for a scale a channel. The last block of a channel may be shorter.</summary>
    public required int BlockSize { get; init; }

    /// <summary>[N, K], one code a byte, 0 to 2^Bits - 1. Signed codes are moved up by 2^(Bits - 1), and their zero points with them.</summary>
    public required byte[] Codes { get; init; }

    /// <summary>[N, Blocks].</summary>
    public required float[] Scales { get; init; }

    /// <summary>[N, Blocks], 0 to 2^Bits - 1.</summary>
    public required byte[] ZeroPoints { get; init; }

    /// <summary>[N], or null for zeros.</summary>
    public float[]? Bias { get; init; }

    /// <summary>In what numbers.</summary>
    public LowBitArithmetic Arithmetic { get; init; } = LowBitArithmetic.Integer;

    /// <summary>Blocks of a channel.</summary>
    public int Blocks => (K + BlockSize - 1) / BlockSize;

    /// <summary>Makes sure of what the kernels rely on.</summary>
    /// <exception cref="ArgumentException">A length does not fit, or a code or zero point takes more bits.</exception>
    public void Verify()
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(Bits is >= 1 and <= 4, true);
        ArgumentOutOfRangeException.ThrowIfNotEqual(K is >= 1 and <= LongestK, true);
        ArgumentOutOfRangeException.ThrowIfLessThan(N, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockSize, 1);
        Require(Codes.LongLength == (long)N * K, $"{Codes.LongLength} codes, not {N} x {K}");
        Require(Scales.LongLength == (long)N * Blocks, $"{Scales.LongLength} scales, not {N} x {Blocks}");
        Require(ZeroPoints.LongLength == Scales.LongLength, $"{ZeroPoints.LongLength} zero points, not {N} x {Blocks}");
        Require(Bias is null || Bias.Length == N, "the bias has another length than N");
        byte most = (byte)((1 << Bits) - 1);
        Require(!Codes.AsSpan().ContainsAnyExceptInRange((byte)0, most), $"a code takes more than {Bits} bits");
        Require(!ZeroPoints.AsSpan().ContainsAnyExceptInRange((byte)0, most), $"a zero point takes more than {Bits} bits");
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new ArgumentException(otherwise);
        }
    }
}
