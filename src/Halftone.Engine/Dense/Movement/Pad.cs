using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Pad: every axis maps its output indices to input indices, or to none, where the constant stands.</summary>
internal static unsafe class Pad
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Pad", Plan)];

    private static DensePlan Plan(DenseRequest request)
    {
        TensorType x = request.Input(0);
        (long[] before, long[] after) = Amounts(request, x.Rank);
        string mode = request.Node.Text("mode", "constant");
        TensorType y = request.Type(x.Element, x.Dims.Select((d, i) => d + before[i] + after[i]).ToArray());
        long[] strides = Lengths.Strides(x.Dims);
        int[][] maps = [.. x.Dims.Select((d, i) => y.Count == 0 ? [] : Map(request, mode, d, (int)before[i], y.Dims[i], strides[i]))];
        bool given = request.Has(2);
        if (given && (request.Input(2).Element != x.Element || request.Input(2).Count != 1))
        {
            throw request.Refusal($"its constant is no {x.Element.OnnxName()} scalar.");
        }

        ulong constant = given ? 0 : Bits(x.Element, request.Node.Float("value", 0));
        int last = x.Rank == 0 ? 1 : Math.Max(y.Dims[^1], 1); // negative pads may leave nothing
        maps = x.Rank == 0 ? [[0]] : maps;
        int[] dims = x.Rank == 0 ? [1] : [.. y.Dims];
        (int Start, int From, int Length) inner = Inner(maps[^1]);
        DenseKernel kernel = (x.Element.Bits() / 8) switch
        {
            1 => (inputs, outputs, _, part, parts) => Run(inputs[0], outputs[0], maps, dims, inner, given ? *inputs[2] : (byte)constant, part, parts),
            2 => (inputs, outputs, _, part, parts) => Run(inputs[0], outputs[0], maps, dims, inner, given ? *(ushort*)inputs[2] : (ushort)constant, part, parts),
            4 => (inputs, outputs, _, part, parts) => Run(inputs[0], outputs[0], maps, dims, inner, given ? *(uint*)inputs[2] : (uint)constant, part, parts),
            _ => (inputs, outputs, _, part, parts) => Run(inputs[0], outputs[0], maps, dims, inner, given ? *(ulong*)inputs[2] : constant, part, parts),
        };
        return new DensePlan([y], kernel) { MostParts = (int)Math.Min(Parts.Most(y.Count), Math.Max(1, y.Count / last)) };
    }

    private static (long[] Before, long[] After) Amounts(DenseRequest request, int rank)
    {
        long[] pads = request.Integers(1, request.Node.Has("paddings") ? "paddings" : "pads") ?? throw request.Refusal("it lacks its pads.");
        int[] axes = request.Has(3) ? request.Axes(request.Integers(3), rank) : [.. Enumerable.Range(0, rank)];
        if (pads.Length != 2 * axes.Length || pads.Any(p => p is < -Lengths.MostBytes or > Lengths.MostBytes))
        {
            throw request.Refusal($"its pads are not two for each of {axes.Length} axes.");
        }

        long[] before = new long[rank];
        long[] after = new long[rank];
        for (int i = 0; i < axes.Length; i++)
        {
            before[axes[i]] = pads[i];
            after[axes[i]] = pads[axes.Length + i];
        }

        return (before, after);
    }

    private static ulong Bits(ElementType element, float value) => element switch
    {
        ElementType.Float => BitConverter.SingleToUInt32Bits(value),
        ElementType.Double => BitConverter.DoubleToUInt64Bits(value),
        ElementType.Float16 => BitConverter.HalfToUInt16Bits((Half)value),
        ElementType.BFloat16 => new BFloat16(value).Bits,
        _ => unchecked((ulong)(long)value),
    };

    // where an axis's output indices lie in the input, in elements; -1 for the constant
    private static int[] Map(DenseRequest request, string mode, int length, int before, int padded, long stride)
    {
        if (mode != "constant" && length == 0 && padded > 0)
        {
            throw request.Refusal($"mode {mode} has nothing to repeat along an axis of length 0.");
        }

        Func<int, int> at = mode switch
        {
            "constant" => i => i >= 0 && i < length ? i : -1,
            "edge" => i => Math.Clamp(i, 0, length - 1),
            "wrap" => i => (int)((((long)i % length) + length) % length),
            "reflect" => i => Reflected(i, length),
            _ => throw request.Refusal($"there is no mode '{mode}'."),
        };
        var map = new int[padded];
        for (int i = 0; i < padded; i++)
        {
            int from = at(i - before);
            map[i] = from < 0 ? -1 : (int)(from * stride);
        }

        return map;
    }

    private static int Reflected(int i, int length)
    {
        if (length == 1)
        {
            return 0;
        }

        long period = 2 * (length - 1L);
        long at = ((i % period) + period) % period;
        return (int)(at < length ? at : period - at);
    }

    private static void Run<T>(byte* from, byte* to, int[][] maps, int[] dims, (int Start, int From, int Length) inner, T constant, int part, int parts)
        where T : unmanaged
    {
        int length = dims[^1];
        long rows = length == 0 ? 0 : Lengths.Product(dims) / length;
        int[] last = maps[^1];
        for (long row = rows * part / parts; row < rows * (part + 1) / parts; row++)
        {
            Span<T> y = new((T*)to + (row * length), length);
            long start = 0;
            long rest = row;
            for (int axis = dims.Length - 2; axis >= 0 && start >= 0; axis--)
            {
                int at = maps[axis][rest % dims[axis]];
                start = at < 0 ? -1 : start + at;
                rest /= dims[axis];
            }

            if (start < 0)
            {
                y.Fill(constant);
                continue;
            }

            T* x = (T*)from + start;
            Fill(y[..inner.Start], x, last, constant);
            new ReadOnlySpan<T>(x + inner.From, inner.Length).CopyTo(y[inner.Start..]);
            Fill(y[(inner.Start + inner.Length)..], x, last.AsSpan(inner.Start + inner.Length), constant);
        }
    }

    private static void Fill<T>(Span<T> y, T* x, ReadOnlySpan<int> map, T constant)
        where T : unmanaged
    {
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = map[i] < 0 ? constant : x[map[i]];
        }
    }

    // a stretch of the row that is copied as it lies: the input itself, or what is left of it
    private static (int Start, int From, int Length) Inner(int[] map)
    {
        int start = Math.Max(Array.IndexOf(map, 0), Array.FindIndex(map, at => at >= 0));
        int length = start < 0 ? 0 : 1;
        while (start >= 0 && start + length < map.Length && map[start + length] == map[start] + length)
        {
            length++;
        }

        return start < 0 ? (0, 0, 0) : (start, map[start], length);
    }
}
