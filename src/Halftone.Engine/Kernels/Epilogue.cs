namespace Halftone.Engine.Kernels;

/// <summary>What becomes of the 32-bit sums of a kernel. One entry of every array a channel.</summary>
internal abstract record Epilogue
{
    /// <summary>Bytes of one output element.</summary>
    public abstract int ElementBytes { get; }
}

/// <summary>y = sum, 32 bits.</summary>
internal sealed record StoreSums : Epilogue
{
    public override int ElementBytes => 4;
}

/// <summary>y = fma(float(sum), scale, offset), a 32-bit float.</summary>
internal sealed record ToFloat(float[] Scale, float[] Offset) : Epilogue
{
    public override int ElementBytes => 4;
}

/// <summary>y = clamp(round(float(sum) * scale) + zero point, 0, 255), then clamped to least..most; ties to even, as ONNX and MLAS requantize.</summary>
/// <remarks>float(sum) rounds to the nearest float (ties to even), as does the product; a product beyond 32 bits saturates, and one that is not a number, as of a scale that is none, gives the least code.</remarks>
internal sealed record FloatRequantize(float[] Scale, int ZeroPoint, byte Least = 0, byte Most = 255) : Epilogue
{
    public override int ElementBytes => 1;
}

/// <summary>The integer forms of requantization.</summary>
internal enum FixedPointForm
{
    /// <summary>gemmlowp and TensorFlow Lite's reference: saturating rounding doubling high multiply, then a rounding shift (methods: srdhm, rdpot).</summary>
    DoubleRounding,

    /// <summary>TensorFlow Lite's single rounding: (sum * multiplier + half) >> shift in 64 bits, ties towards plus infinity. FBGEMM's fixed point is this too.</summary>
    SingleRounding,

    /// <summary>QNNPACK's q31: its multiplier is read off the bits of a 32-bit float, and the scale must be below 1.</summary>
    Q31,
}

/// <summary>y = clamp(fixed-point product of sum and multiplier * 2^exponent / 2^31 + zero point, least, most).</summary>
internal sealed record FixedPointRequantize(FixedPointForm Form, int[] Multiplier, int[] Exponent, int ZeroPoint, byte Least = 0, byte Most = 255) : Epilogue
{
    public override int ElementBytes => 1;
}
