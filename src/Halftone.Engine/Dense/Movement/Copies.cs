using System.Runtime.CompilerServices;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Plans that move elements without computing with them.</summary>
internal static unsafe class Copies
{
    /// <summary>The first input's bytes under another type of as many bytes.</summary>
    public static DensePlan Whole(TensorType output)
    {
        long bytes = output.Bytes;
        return new DensePlan([output], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(bytes, part, parts);
            Buffer.MemoryCopy(inputs[0] + from, outputs[0] + from, to - from, to - from);
        })
        {
            MostParts = Parts.Most(bytes),
        };
    }

    /// <summary>Values known already.</summary>
    public static DensePlan Known(TensorType output, ReadOnlyMemory<byte> bytes) =>
        new([output], (_, outputs, _, _, _) => bytes.Span.CopyTo(new Span<byte>(outputs[0], bytes.Length)));

    /// <summary>The first input, seen through a walk.</summary>
    public static DensePlan Strided(TensorType output, Walk walk)
    {
        DenseKernel kernel = (output.Element.Bits() / 8) switch
        {
            1 => (inputs, outputs, _, part, parts) => Strided<byte>(inputs[0], outputs[0], walk, part, parts),
            2 => (inputs, outputs, _, part, parts) => Strided<ushort>(inputs[0], outputs[0], walk, part, parts),
            4 => (inputs, outputs, _, part, parts) => Strided<uint>(inputs[0], outputs[0], walk, part, parts),
            _ => (inputs, outputs, _, part, parts) => Strided<ulong>(inputs[0], outputs[0], walk, part, parts),
        };
        return new DensePlan([output], kernel) { MostParts = Parts.Most(walk.Count) };
    }

    private static void Strided<T>(byte* from, byte* to, Walk walk, int part, int parts)
        where T : unmanaged
    {
        (long first, long end) = Parts.Range(walk.Count, part, parts);
        var x = (T*)from;
        Rows rows = new(walk, first, end, stackalloc int[walk.Dims.Length]);
        long stride = walk.Strides[0][^1];
        while (rows.Next())
        {
            Row(x + rows.A, (T*)to + rows.Y, stride, rows.Length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<T>(T* x, T* y, long stride, int length)
        where T : unmanaged
    {
        if (stride == 1 && length > 4)
        {
            new ReadOnlySpan<T>(x, length).CopyTo(new Span<T>(y, length));
        }
        else if (stride == 0)
        {
            new Span<T>(y, length).Fill(*x);
        }
        else
        {
            for (int i = 0; i < length; i++)
            {
                y[i] = x[i * stride];
            }
        }
    }
}
