using Iced.Intel;
using static Halftone.Engine.Memory.KernelCode;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>Vector instructions on registers of 16, 32 or 64 bytes: narrow blocks of channels take narrow registers, which some processors do twice as fast.</summary>
internal readonly struct LaneCode(Assembler code, int bytes)
{
    public void Load(int to, AssemblerMemoryOperand from) =>
        Emit(c => c.vmovdqu64(Zmm(to), from), c => c.vmovdqu64(Ymm(to), from), c => c.vmovdqu64(Xmm(to), from));

    /// <summary>Loads half a register of 32 or 64 bytes.</summary>
    public void LoadHalf(int to, AssemblerMemoryOperand from) => Emit(c => c.vmovdqu64(Ymm(to), from), c => c.vmovdqu64(Xmm(to), from), Whole);

    /// <summary>Loads one half, 0 or 1; the other is that of another register.</summary>
    public void InsertHalf(int to, int other, AssemblerMemoryOperand from, int half) =>
        Emit(c => c.vinserti64x4(Zmm(to), Zmm(other), from, (byte)half), c => c.vinserti32x4(Ymm(to), Ymm(other), from, (byte)half), Whole);

    /// <summary>The upper half.</summary>
    public void ExtractHalf(int to, int from) => Emit(c => c.vextracti64x4(Ymm(to), Zmm(from), 1), c => c.vextracti32x4(Xmm(to), Ymm(from), 1), Whole);

    public void StoreHalf(AssemblerMemoryOperand to, int x) => Emit(c => c.vmovdqu8(to, Ymm(x)), c => c.vmovdqu8(to, Xmm(x)), Whole);

    public void Clear(int to) =>
        Emit(c => c.vpxord(Zmm(to), Zmm(to), Zmm(to)), c => c.vpxord(Ymm(to), Ymm(to), Ymm(to)), c => c.vpxord(Xmm(to), Xmm(to), Xmm(to)));

    public void UnpackLowBytes(int to, int a, int b) =>
        Emit(c => c.vpunpcklbw(Zmm(to), Zmm(a), Zmm(b)), c => c.vpunpcklbw(Ymm(to), Ymm(a), Ymm(b)), c => c.vpunpcklbw(Xmm(to), Xmm(a), Xmm(b)));

    public void UnpackHighBytes(int to, int a, int b) =>
        Emit(c => c.vpunpckhbw(Zmm(to), Zmm(a), Zmm(b)), c => c.vpunpckhbw(Ymm(to), Ymm(a), Ymm(b)), c => c.vpunpckhbw(Xmm(to), Xmm(a), Xmm(b)));

    public void UnpackLowWords(int to, int a, int b) =>
        Emit(c => c.vpunpcklwd(Zmm(to), Zmm(a), Zmm(b)), c => c.vpunpcklwd(Ymm(to), Ymm(a), Ymm(b)), c => c.vpunpcklwd(Xmm(to), Xmm(a), Xmm(b)));

    public void UnpackHighWords(int to, int a, int b) =>
        Emit(c => c.vpunpckhwd(Zmm(to), Zmm(a), Zmm(b)), c => c.vpunpckhwd(Ymm(to), Ymm(a), Ymm(b)), c => c.vpunpckhwd(Xmm(to), Xmm(a), Xmm(b)));

    public void Dot(int sum, int a, int b) =>
        Emit(c => c.vpdpbusd(Zmm(sum), Zmm(a), Zmm(b)), c => c.vpdpbusd(Ymm(sum), Ymm(a), Ymm(b)), c => c.vpdpbusd(Xmm(sum), Xmm(a), Xmm(b)));

    public void ToFloats(int x) =>
        Emit(c => c.vcvtdq2ps(Zmm(x), Zmm(x)), c => c.vcvtdq2ps(Ymm(x), Ymm(x)), c => c.vcvtdq2ps(Xmm(x), Xmm(x)));

    public void Multiply(int x, AssemblerMemoryOperand by) =>
        Emit(c => c.vmulps(Zmm(x), Zmm(x), by), c => c.vmulps(Ymm(x), Ymm(x), by), c => c.vmulps(Xmm(x), Xmm(x), by));

    public void Multiply(int x, int by) =>
        Emit(c => c.vmulps(Zmm(x), Zmm(x), Zmm(by)), c => c.vmulps(Ymm(x), Ymm(x), Ymm(by)), c => c.vmulps(Xmm(x), Xmm(x), Xmm(by)));

    public void Minimum(int to, int a, int b) =>
        Emit(c => c.vminps(Zmm(to), Zmm(a), Zmm(b)), c => c.vminps(Ymm(to), Ymm(a), Ymm(b)), c => c.vminps(Xmm(to), Xmm(a), Xmm(b)));

    public void ToIntegers(int x) =>
        Emit(c => c.vcvtps2dq(Zmm(x), Zmm(x)), c => c.vcvtps2dq(Ymm(x), Ymm(x)), c => c.vcvtps2dq(Xmm(x), Xmm(x)));

    public void PackToWords(int to, int a, int b) =>
        Emit(c => c.vpackssdw(Zmm(to), Zmm(a), Zmm(b)), c => c.vpackssdw(Ymm(to), Ymm(a), Ymm(b)), c => c.vpackssdw(Xmm(to), Xmm(a), Xmm(b)));

    public void AddWords(int to, int a, int b) =>
        Emit(c => c.vpaddsw(Zmm(to), Zmm(a), Zmm(b)), c => c.vpaddsw(Ymm(to), Ymm(a), Ymm(b)), c => c.vpaddsw(Xmm(to), Xmm(a), Xmm(b)));

    public void PackToBytes(int to, int a, int b) =>
        Emit(c => c.vpackuswb(Zmm(to), Zmm(a), Zmm(b)), c => c.vpackuswb(Ymm(to), Ymm(a), Ymm(b)), c => c.vpackuswb(Xmm(to), Xmm(a), Xmm(b)));

    public void LargerBytes(int to, int a, int b) =>
        Emit(c => c.vpmaxub(Zmm(to), Zmm(a), Zmm(b)), c => c.vpmaxub(Ymm(to), Ymm(a), Ymm(b)), c => c.vpmaxub(Xmm(to), Xmm(a), Xmm(b)));

    public void SmallerBytes(int to, int a, int b) =>
        Emit(c => c.vpminub(Zmm(to), Zmm(a), Zmm(b)), c => c.vpminub(Ymm(to), Ymm(a), Ymm(b)), c => c.vpminub(Xmm(to), Xmm(a), Xmm(b)));

    public void Store(AssemblerMemoryOperand to, int x) =>
        Emit(c => c.vmovdqu8(to, Zmm(x)), c => c.vmovdqu8(to, Ymm(x)), c => c.vmovdqu8(to, Xmm(x)));

    private static void Whole(Assembler code) => throw new InvalidOperationException("Registers of 16 bytes have no halves here.");

    private void Emit(Action<Assembler> wide, Action<Assembler> half, Action<Assembler> quarter) => (bytes switch { 64 => wide, 32 => half, _ => quarter })(code);
}
