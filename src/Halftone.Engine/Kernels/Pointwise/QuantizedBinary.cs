using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Scale and zero point of unsigned bytes: value = (code - ZeroPoint) * Scale.</summary>
internal readonly record struct QuantizedRange(float Scale, byte ZeroPoint);

/// <summary>Two operands and a result of an elementwise operator.</summary>
/// <param name="A">Of the first operand.</param>
/// <param name="B">Of the second operand.</param>
/// <param name="Y">Of the result.</param>
/// <param name="Least">Least code of the result: a fused Relu or Clip.</param>
/// <param name="Most">Largest code of the result.</param>
/// <param name="Signed">Whether all codes are int8 ones raised by 128: floats round by how large they are, so these are computed with as they were.</param>
internal readonly record struct QuantizedBinary(QuantizedRange A, QuantizedRange B, QuantizedRange Y, byte Least = 0, byte Most = 255, bool Signed = false)
{
    /// <summary>What codes are raised by.</summary>
    public float Raised => Signed ? 128 : 0;

    /// <summary>With the operands in the other order.</summary>
    public QuantizedBinary Swapped => this with { A = B, B = A };
}

/// <summary>An operation on codes of two operands.</summary>
internal interface IBinaryStep<TSelf>
    where TSelf : struct, IBinaryStep<TSelf>
{
    /// <summary>Whether operands may change places. ONNX Runtime puts the one that is broadcast second.</summary>
    static abstract bool Commutes { get; }

    /// <summary>Makes it ready: constants that no element changes.</summary>
    static abstract TSelf Of(QuantizedBinary range);

    /// <summary>The result, neither rounded nor clamped yet, from codes.</summary>
    TLanes Compute<TLanes>(TLanes a, TLanes b)
        where TLanes : struct, ILanes<TLanes>;
}

/// <summary>Add as ONNX Runtime's QLinearAdd computes it with AVX2.</summary>
/// <remarks>fma(a, ra, fma(b, rb, fixed)), where ra and rb are the operands' scales over the result's and fixed is what the zero points come to.</remarks>
internal readonly struct AddStep(float a, float b, float constant, float raised) : IBinaryStep<AddStep>
{
    public static bool Commutes => true;

    /// <summary>What codes of the first operand are multiplied by.</summary>
    public float A => a;

    /// <summary>What codes of the second operand are multiplied by.</summary>
    public float B => b;

    /// <summary>What is added.</summary>
    public float Constant => constant;

    public static AddStep Of(QuantizedBinary range)
    {
        (float a, float b) = (range.A.Scale / range.Y.Scale, range.B.Scale / range.Y.Scale);
        float raised = range.Raised;
        return new AddStep(a, b, range.Y.ZeroPoint - raised - MathF.FusedMultiplyAdd(a, range.A.ZeroPoint - raised, b * (range.B.ZeroPoint - raised)), raised);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Compute<TLanes>(TLanes codesA, TLanes codesB)
        where TLanes : struct, ILanes<TLanes>
    {
        if (raised == 0)
        {
            return TLanes.MultiplyAdd(codesA, TLanes.All(a), TLanes.MultiplyAdd(codesB, TLanes.All(b), TLanes.All(constant)));
        }

        TLanes by = TLanes.All(raised);
        return TLanes.Round(TLanes.MultiplyAdd(codesA - by, TLanes.All(a), TLanes.MultiplyAdd(codesB - by, TLanes.All(b), TLanes.All(constant)))) + by;
    }
}

/// <summary>Sub: both operands dequantized, subtracted and quantized, as the nodes of a QDQ model do in floats.</summary>
internal readonly struct SubStep(QuantizedBinary range) : IBinaryStep<SubStep>
{
    public static bool Commutes => false;

    public static SubStep Of(QuantizedBinary range) => new(range);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Compute<TLanes>(TLanes codesA, TLanes codesB)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes a = (codesA - TLanes.All(range.A.ZeroPoint)) * TLanes.All(range.A.Scale);
        TLanes b = (codesB - TLanes.All(range.B.ZeroPoint)) * TLanes.All(range.B.Scale);

        // rounded before the zero point is added: their sum may round otherwise
        return TLanes.Round((a - b) / TLanes.All(range.Y.Scale)) + TLanes.All(range.Y.ZeroPoint);
    }
}

/// <summary>Mul as ONNX Runtime's QLinearMul computes it with SSE2.</summary>
/// <remarks>(a - za) * (b - zb) is a whole number below 2^24, so a float holds it; times the ratio of scales, plus the zero point, each rounded.</remarks>
internal readonly struct MulStep(float zeroA, float zeroB, float ratio, float zeroY, float raised) : IBinaryStep<MulStep>
{
    public static bool Commutes => true;

    public static MulStep Of(QuantizedBinary range) =>
        new(range.A.ZeroPoint, range.B.ZeroPoint, range.A.Scale * range.B.Scale / range.Y.Scale, range.Y.ZeroPoint - range.Raised, range.Raised);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Compute<TLanes>(TLanes codesA, TLanes codesB)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes product = ((codesA - TLanes.All(zeroA)) * (codesB - TLanes.All(zeroB)) * TLanes.All(ratio)) + TLanes.All(zeroY);
        return raised == 0 ? product : TLanes.Round(product) + TLanes.All(raised);
    }
}

/// <summary>A row of an operation on two operands.</summary>
internal readonly unsafe struct BinaryRow<TStep>(TStep step, byte* a, byte* b, byte* y, float least, float most) : ILaneStep
    where TStep : struct, IBinaryStep<TStep>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, ILanes<TLanes> =>
        TLanes.Store(y + at, TLanes.Clamp(step.Compute(TLanes.Load(a + at), TLanes.Load(b + at)), TLanes.All(least), TLanes.All(most)));
}
