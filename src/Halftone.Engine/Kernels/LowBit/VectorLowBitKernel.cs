using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Integer arithmetic in vectors of 256 bits.</summary>
internal sealed unsafe class VectorLowBitKernel<TProducts, TWidth>(LowBitPanels packed) : IntegerLowBitKernel(packed)
    where TProducts : struct, IByteProducts
    where TWidth : struct, ICodeWidth
{
    private const int Half = LowBitPanels.Width / 2;

    // four rows of half a panel fit the registers, with what they share
    private const int Rows = 4;

    /// <inheritdoc/>
    protected override int TileRows(int left) => left >= Rows ? Rows : 1;

    /// <inheritdoc/>
    protected override void Compute(LowBitTile* tile, int rows)
    {
        for (; tile->Panels > 0; tile->Panels--)
        {
            if (rows == 1)
            {
                OneRow(in *tile);
            }
            else
            {
                FourRows(in *tile, 0);
                FourRows(in *tile, Half);
            }

            tile->Weights += Packed.PanelBytes;
            tile->Zeros += tile->Zeros is null ? 0 : tile->Blocks * LowBitPanels.Width;
            tile->Bias += LowBitPanels.Width;
            tile->Output += LowBitPanels.Width;
        }
    }

    /// <summary>Both halves of a panel, so that memory goes by once.</summary>
    private void OneRow(in LowBitTile tile)
    {
        byte* weights = tile.Weights;
        byte* zeros = tile.Zeros;
        byte* q = tile.Activations;
        int steps = Packed.Steps;
        Vector256<float> y0 = Vector256.Load(tile.Bias);
        Vector256<float> y1 = Vector256.Load(tile.Bias + Half);
        for (long block = tile.Blocks; block > 0; block--)
        {
            byte* s = q + Packed.PaddedLength;
            int start = *(int*)(s + sizeof(float));
            Vector256<int> sum0 = Start(zeros, start);
            Vector256<int> sum1 = Start(zeros is null ? null : zeros + Half, start);
            for (int step = 0; step < steps; step++)
            {
                sum0 = VectorSums<TProducts, TWidth>.Step(sum0, Vector256.Load(weights), (int*)q);
                sum1 = VectorSums<TProducts, TWidth>.Step(sum1, Vector256.Load(weights + 32), (int*)q);
                weights += LowBitPanels.StepBytes;
                q += 32 / TWidth.Bits;
            }

            var scales = (float*)weights;
            y0 = Finish(y0, sum0, *(float*)s, Vector256.Load(scales));
            y1 = Finish(y1, sum1, *(float*)s, Vector256.Load(scales + Half));
            weights += LowBitPanels.Width * sizeof(float);
            zeros += zeros is null ? 0 : LowBitPanels.Width;
            q = s + sizeof(float) + sizeof(int);
        }

        Store(y0, tile.Output, (int)tile.Mask);
        Store(y1, tile.Output + Half, (int)tile.Mask >> Half);
    }

    private void FourRows(in LowBitTile tile, int half)
    {
        byte* weights = tile.Weights;
        byte* zeros = tile.Zeros is null ? null : tile.Zeros + half;
        byte* q = tile.Activations;
        int padded = Packed.PaddedLength;
        int steps = Packed.Steps;
        Vector256<float> y0 = Vector256.Load(tile.Bias + half);
        Vector256<float> y1 = y0, y2 = y0, y3 = y0;
        for (long block = tile.Blocks; block > 0; block--)
        {
            var s = (float*)(q + ((long)Rows * padded));
            var starts = (int*)(s + Rows);
            Vector256<int> sum0 = Start(zeros, starts[0]);
            Vector256<int> sum1 = Start(zeros, starts[1]);
            Vector256<int> sum2 = Start(zeros, starts[2]);
            Vector256<int> sum3 = Start(zeros, starts[3]);
            for (int step = 0; step < steps; step++)
            {
                Vector256<byte> words = Vector256.Load(weights + (half * sizeof(int)));
                sum0 = VectorSums<TProducts, TWidth>.Step(sum0, words, (int*)q);
                sum1 = VectorSums<TProducts, TWidth>.Step(sum1, words, (int*)(q + padded));
                sum2 = VectorSums<TProducts, TWidth>.Step(sum2, words, (int*)(q + (2L * padded)));
                sum3 = VectorSums<TProducts, TWidth>.Step(sum3, words, (int*)(q + (3L * padded)));
                weights += LowBitPanels.StepBytes;
                q += 32 / TWidth.Bits;
            }

            Vector256<float> scales = Vector256.Load((float*)weights + half);
            y0 = Finish(y0, sum0, s[0], scales);
            y1 = Finish(y1, sum1, s[1], scales);
            y2 = Finish(y2, sum2, s[2], scales);
            y3 = Finish(y3, sum3, s[3], scales);
            weights += LowBitPanels.Width * sizeof(float);
            zeros += zeros is null ? 0 : LowBitPanels.Width;
            q = (byte*)(starts + Rows);
        }

        int mask = (int)tile.Mask >> half;
        byte* output = (byte*)(tile.Output + half);
        Store(y0, (float*)output, mask);
        Store(y1, (float*)(output + tile.OutputStride), mask);
        Store(y2, (float*)(output + (2 * tile.OutputStride)), mask);
        Store(y3, (float*)(output + (3 * tile.OutputStride)), mask);
    }

    /// <summary>Where the sums of a block start: minus zero point times sum of q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Start(byte* zeros, int start) =>
        zeros is null ? Vector256.Create(start) : Avx2.ConvertToVector256Int32(zeros) * Vector256.Create(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Finish(Vector256<float> y, Vector256<int> dot, float s, Vector256<float> scales) =>
        Fma.MultiplyAdd(Vector256.ConvertToSingle(dot), scales * Vector256.Create(s), y);

    private static void Store(Vector256<float> values, float* output, int mask)
    {
        if ((mask & 0xFF) == 0xFF)
        {
            values.Store(output);
            return;
        }

        for (int lane = 0; lane < Half && (mask >> lane & 1) != 0; lane++)
        {
            output[lane] = values[lane];
        }
    }
}
