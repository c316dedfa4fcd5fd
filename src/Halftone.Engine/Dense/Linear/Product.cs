using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Halftone.Engine.Dense.Linear;

/// <summary>Elements of the product that a tile holds.</summary>
internal readonly record struct Tile(int Batch, int Row, int Rows, int Column, int Columns);

/// <summary>Converts the left operand; once for every part, or once for all where the inputs it reads are constants.</summary>
internal unsafe delegate void LeftPrepare<T>(byte** inputs, T* prepared)
    where T : unmanaged;

/// <summary>The first element of the left operand of a batch.</summary>
internal unsafe delegate T* LeftOperand<T>(byte** inputs, T* prepared, int batch)
    where T : unmanaged;

/// <summary>Writes columns of the right operand into a panel [depth, 16]; those beyond the last are 0.</summary>
internal unsafe delegate void RightFill<T>(byte** inputs, T* panel, int batch, int column, int columns)
    where T : unmanaged;

/// <summary>Puts a tile [6, 16] of the product into the output.</summary>
internal unsafe delegate void TileStore<T>(byte** inputs, byte** outputs, T* prepared, T* tile, Tile place)
    where T : unmanaged;

/// <summary>Matrix products of every kind: float or int, of a matrix, of neighbourhoods of an image, of packed weights.</summary>
/// <remarks>
/// Every element is one chain of multiply-adds in the order of depth, whatever the tile and the part, so that splitting changes no bit.
/// Sums of ints wrap. The right operand goes through panels of 16 columns, packed once where it is a constant.
/// </remarks>
/// <typeparam name="T">float or int.</typeparam>
internal sealed unsafe class Product<T>
    where T : unmanaged
{
    /// <summary>Columns of a panel.</summary>
    public const int Width = 16;

    private const int Height = 6;
    private const int BlockRows = 48;

    public required int Batches { get; init; }

    public required int Rows { get; init; }

    public required int Columns { get; init; }

    public required int Depth { get; init; }

    public required LeftOperand<T> Left { get; init; }

    /// <summary>Elements from a row of the left operand to the next.</summary>
    public required nint RowStride { get; init; }

    /// <summary>Elements from one depth of the left operand to the next.</summary>
    public nint DepthStride { get; init; } = 1;

    public required RightFill<T> Fill { get; init; }

    public required TileStore<T> Store { get; init; }

    /// <summary>Converts the left operand, or does what else must be done first.</summary>
    public LeftPrepare<T>? Prepare { get; init; }

    /// <summary>Elements that <see cref="Prepare"/> writes.</summary>
    public long PreparedCount { get; init; }

    /// <summary>The inputs that <see cref="Prepare"/> reads.</summary>
    public ImmutableArray<int> LeftInputs { get; init; } = [];

    /// <summary>The inputs that <see cref="Fill"/> reads, where its panels are worth packing; else empty.</summary>
    public ImmutableArray<int> RightInputs { get; init; } = [];

    /// <summary>Batches of the right operand, for packing.</summary>
    public int RightBatches { get; init; } = 1;

    /// <summary>The batch of the right operand that a batch takes; itself where null.</summary>
    public int[]? RightBatch { get; init; }

    /// <summary>The plan: constants are packed now.</summary>
    public DensePlan Plan(DenseRequest request, TensorType output)
    {
        int panels = (Columns + Width - 1) / Width;
        T[]? prepared = Prepare is not null && AreConstant(request, LeftInputs) ? Constant(request, PreparedCount, Prepare) : null;
        T[]? packed = AreConstant(request, RightInputs) ? Pack(request, panels) : null;
        int blockRows = packed is not null || Batches * (long)panels < 16 ? BlockRows : Math.Max(Rows, 1);
        int blocks = (Rows + blockRows - 1) / blockRows;
        int units = request.Count([Batches, panels, blocks]);
        long head = prepared is null ? ((PreparedCount * sizeof(T)) + 63) / 64 * 64 : 0;
        long panelBytes = packed is null ? (long)Depth * Width * sizeof(T) : 0;
        return new DensePlan(
            [output],
            (inputs, outputs, scratch, part, parts) =>
            {
                fixed (T* fixedLeft = prepared, fixedRight = packed)
                {
                    T* left = fixedLeft;
                    if (left is null)
                    {
                        left = (T*)scratch;
                        Prepare?.Invoke(inputs, left);
                    }

                    (int begin, int end) = Parts.Units(units, part, parts);
                    Run(inputs, outputs, left, fixedRight, (T*)(scratch + head), new Split(begin, end, panels, blocks, blockRows));
                }
            })
        {
            MostParts = Parts.MostUnits(units),
            ScratchBytes = request.Scratch(head + panelBytes),
        };
    }

    private readonly record struct Split(int Begin, int End, int Panels, int Blocks, int BlockRows);

    private void Run(byte** inputs, byte** outputs, T* prepared, T* packed, T* scratch, Split split)
    {
        T* tile = stackalloc T[Height * Width];
        int filled = -1;
        for (int unit = split.Begin; unit < split.End; unit++)
        {
            int panelOf = unit / split.Blocks;
            int batch = panelOf / split.Panels;
            int column = panelOf % split.Panels * Width;
            int columns = Math.Min(Width, Columns - column);
            int right = RightBatch is null ? batch : RightBatch[batch];
            T* panel = scratch;
            if (packed is not null)
            {
                panel = packed + ((((long)right * split.Panels) + (column / Width)) * Depth * Width);
            }
            else if (filled != panelOf)
            {
                Fill(inputs, panel, right, column, columns);
                filled = panelOf;
            }

            T* left = Left(inputs, prepared, batch);
            int first = unit % split.Blocks * split.BlockRows;
            int last = Math.Min(Rows, first + split.BlockRows);
            for (int row = first; row < last; row += Height)
            {
                int rows = Math.Min(Height, last - row);
                T* a = left + (row * RowStride);
                Multiply(a, rows, panel, tile);
                Store(inputs, outputs, prepared, tile, new Tile(batch, row, rows, column, columns));
            }
        }
    }

    private void Multiply(T* a, int rows, T* panel, T* tile)
    {
        if (rows == Height)
        {
            MultiplySix(a, RowStride, DepthStride, panel, Depth, tile);
            return;
        }

        for (int r = 0; r < rows; r++)
        {
            MultiplyOne(a + (r * RowStride), DepthStride, panel, Depth, tile + (r * Width));
        }
    }

    private static void MultiplySix(T* a, nint rowStride, nint depthStride, T* panel, int depth, T* tile)
    {
        T* a1 = a + rowStride, a2 = a1 + rowStride, a3 = a2 + rowStride, a4 = a3 + rowStride, a5 = a4 + rowStride;
        Vector256<T> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector256<T> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += depthStride, panel += Width)
        {
            Vector256<T> b0 = Vector256.Load(panel), b1 = Vector256.Load(panel + 8);
            Vector256<T> v = Vector256.Create(a[at]);
            (c00, c01) = (MultiplyAdd(v, b0, c00), MultiplyAdd(v, b1, c01));
            v = Vector256.Create(a1[at]);
            (c10, c11) = (MultiplyAdd(v, b0, c10), MultiplyAdd(v, b1, c11));
            v = Vector256.Create(a2[at]);
            (c20, c21) = (MultiplyAdd(v, b0, c20), MultiplyAdd(v, b1, c21));
            v = Vector256.Create(a3[at]);
            (c30, c31) = (MultiplyAdd(v, b0, c30), MultiplyAdd(v, b1, c31));
            v = Vector256.Create(a4[at]);
            (c40, c41) = (MultiplyAdd(v, b0, c40), MultiplyAdd(v, b1, c41));
            v = Vector256.Create(a5[at]);
            (c50, c51) = (MultiplyAdd(v, b0, c50), MultiplyAdd(v, b1, c51));
        }

        c00.Store(tile);
        c01.Store(tile + 8);
        c10.Store(tile + 16);
        c11.Store(tile + 24);
        c20.Store(tile + 32);
        c21.Store(tile + 40);
        c30.Store(tile + 48);
        c31.Store(tile + 56);
        c40.Store(tile + 64);
        c41.Store(tile + 72);
        c50.Store(tile + 80);
        c51.Store(tile + 88);
    }

    private static void MultiplyOne(T* a, nint depthStride, T* panel, int depth, T* tile)
    {
        Vector256<T> c0 = default, c1 = default;
        for (int k = 0; k < depth; k++, a += depthStride, panel += Width)
        {
            Vector256<T> v = Vector256.Create(*a);
            (c0, c1) = (MultiplyAdd(v, Vector256.Load(panel), c0), MultiplyAdd(v, Vector256.Load(panel + 8), c1));
        }

        c0.Store(tile);
        c1.Store(tile + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> MultiplyAdd(Vector256<T> a, Vector256<T> b, Vector256<T> c) =>
        typeof(T) == typeof(float) ? Vector256.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>() : (a * b) + c;

    private static bool AreConstant(DenseRequest request, ImmutableArray<int> inputs) =>
        inputs.Length > 0 && inputs.All(i => !request.Has(i) || request.Constant(i) is not null);

    private T[] Pack(DenseRequest request, int panels)
    {
        long panelCount = (long)Depth * Width;
        return Constant(request, panelCount * panels * RightBatches, (inputs, all) =>
        {
            for (int b = 0; b < RightBatches; b++)
            {
                for (int p = 0; p < panels; p++)
                {
                    Fill(inputs, all + (((b * (long)panels) + p) * panelCount), b, p * Width, Math.Min(Width, Columns - (p * Width)));
                }
            }
        });
    }

    private static T[] Constant(DenseRequest request, long count, LeftPrepare<T> write)
    {
        var values = new T[request.Scratch(Math.Max(1, count) * sizeof(T)) / sizeof(T)];
        byte** inputs = stackalloc byte*[request.InputCount];
        var pins = new System.Buffers.MemoryHandle[request.InputCount];
        for (int i = 0; i < pins.Length; i++)
        {
            pins[i] = request.Constant(i)?.Pin() ?? default;
            inputs[i] = (byte*)pins[i].Pointer;
        }

        fixed (T* all = values)
        {
            write(inputs, all);
        }

        foreach (System.Buffers.MemoryHandle pin in pins)
        {
            pin.Dispose();
        }

        return values;
    }
}
