using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Halftone.Formats;

namespace Halftone.Onnx.Export.Lowering;

/// <summary>Formats of single bits, eight to a byte: signs of binary bases, masks of sparse tensors.</summary>
internal static class BitLowering
{
    /// <summary>For each basis, Where(bit, scale, -scale); added in order.</summary>
    public static string Value(NodeWriter writer, BinaryBasisTensor bases)
    {
        if (bases.Bases == 0)
        {
            return Zeros(writer, bases);
        }

        string? sum = null;
        for (int m = 0; m < bases.Bases; m++)
        {
            ReadOnlySpan<float> scales = bases.Scales.AsSpan().Slice(m * bases.Groups, bases.Groups);
            float[] negative = [.. scales.ToArray().Select(s => -s)];
            string bits = writer.Cast(writer.Reshape(Unpack(writer, "signs", bases.Basis(m), bases.Count), NodeWriter.Dims(bases)), ElementType.Bool);
            string signed = writer.Node("Where", bits, writer.Spread("scale", scales, bases.Shape, bases.Granularity), writer.Spread("negative_scale", negative, bases.Shape, bases.Granularity));
            sum = sum is null ? signed : writer.Node("Add", sum, signed);
        }

        return sum!;
    }

    /// <summary>Dense codes where that is possible; else element i is the kept one whose number is the count of mask bits up to i, and 0 where the mask has none.</summary>
    public static string Value(NodeWriter writer, SparseTensor sparse)
    {
        if (sparse.Kept.Count == 0)
        {
            return Zeros(writer, sparse);
        }

        if (Dense(sparse) is { } dense)
        {
            return WeightLowering.Value(writer, dense);
        }

        var mask = new ulong[BinaryBasisTensor.WordCount(sparse.Count)];
        for (int i = 0; i < sparse.Count; i++)
        {
            mask[i / 64] |= sparse.IsKept(i) ? 1UL << (i % 64) : 0;
        }

        string bits = Unpack(writer, "mask", mask, sparse.Count);
        string count = writer.Node("CumSum", writer.Cast(bits, ElementType.Int32), writer.Constant("axis", Tensor.Scalar(0)));

        // before the first kept element the count is 0, and -1 is the last place, which the mask hides
        string place = writer.Node("Sub", count, writer.Constant("one", Tensor.Scalar(1)));
        string kept = writer.Reshape(WeightLowering.Value(writer, sparse.Kept), sparse.Kept.Count);
        string value = writer.Node("Where", writer.Cast(bits, ElementType.Bool), writer.Node("Gather", kept, place), writer.Constant("zero", Tensor.Scalar(0f)));
        return writer.Reshape(value, NodeWriter.Dims(sparse));
    }

    /// <summary>The same values as dense codes, or null: that takes one scale and zero point for all, whose code is that of 0.</summary>
    public static AffineTensor? Dense(SparseTensor sparse)
    {
        if (sparse.Kept is not AffineTensor { HalfCodes: false, Offsets.IsEmpty: true, Scales.Length: 1 } kept)
        {
            return null;
        }

        var codes = new int[sparse.Count];
        int next = 0;
        for (int i = 0; i < codes.Length; i++)
        {
            codes[i] = sparse.IsKept(i) ? kept.Code(next++) : kept.ZeroPoints[0];
        }

        return new AffineTensor(sparse.Shape, Granularity.Tensor, kept.Grid, codes, kept.Scales, kept.ZeroPoints);
    }

    private static string Zeros(NodeWriter writer, QuantizedTensor format)
    {
        ImmutableArray<int> shape = format.Shape;
        return writer.Node("Expand", writer.Constant("zero", Tensor.Scalar(0f)), writer.Constant("shape", Tensor.Of([.. shape.Select(d => (long)d)], shape.Length)));
    }

    /// <summary>Bits as uint8 0 and 1, in one row: bit k of a byte is (byte &lt;&lt; (7 - k)) &gt;&gt; 7.</summary>
    private static string Unpack(NodeWriter writer, string what, ReadOnlySpan<ulong> words, int count)
    {
        int bytes = (count + 7) / 8;
        string packed = writer.Constant(what, Tensor.Of(Bytes(words)[..bytes], bytes, 1));
        string left = writer.Node("BitShift", [packed, writer.Constant("left", Tensor.Of<byte>([7, 6, 5, 4, 3, 2, 1, 0], 8))], n => n.With("direction", "LEFT"));
        string bits = writer.Reshape(writer.Node("BitShift", [left, writer.Constant("right", Tensor.Of<byte>([7], 1))], n => n.With("direction", "RIGHT")), 8L * bytes);
        return count == 8 * bytes ? bits
            : writer.Node("Slice", bits, writer.Constant("start", Tensor.Of([0L], 1)), writer.Constant("end", Tensor.Of([(long)count], 1)));
    }

    // the first bit of a word is the lowest of its first byte, whatever the machine
    private static byte[] Bytes(ReadOnlySpan<ulong> words)
    {
        ulong[] copy = words.ToArray();
        if (!BitConverter.IsLittleEndian)
        {
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(copy, copy);
        }

        return MemoryMarshal.AsBytes(copy.AsSpan()).ToArray();
    }
}
