using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.DynamicProducts;

namespace Halftone.Engine.Steps;

/// <summary>A zero point: a code, or one known at run time.</summary>
/// <param name="Code">The code, unsigned, where it is known.</param>
/// <param name="Place">Where it lies at run time, or null.</param>
/// <param name="Mask">What makes that one unsigned.</param>
internal readonly record struct ZeroPoint(byte Code, Place? Place, byte Mask)
{
    /// <summary>Reads it.</summary>
    public unsafe int At(RunContext context) => Place is null ? Code : *Place.At(context) ^ Mask;
}

/// <summary>Packs the right operands of products.</summary>
internal sealed unsafe class PackStep(DynamicProduct kernel, Place b, ZeroPoint zero, int matrices, long bytes, Place packed) : Step
{
    public override int MostParts => matrices;

    public override long Nanoseconds => matrices * bytes / 8;

    public override void Run(RunContext context, int part, int parts)
    {
        int last = Share(matrices, part + 1, parts);
        for (int i = Share(matrices, part, parts); i < last; i++)
        {
            kernel.Pack(b.At(context) + (i * bytes), zero.At(context), (int*)(packed.At(context) + (i * kernel.PackedBytes)));
        }
    }
}

/// <summary>Matrices that products read and write.</summary>
/// <param name="Left">The left matrix of every product.</param>
/// <param name="Right">The right one.</param>
/// <param name="Rows">Rows of each.</param>
/// <param name="RowBytes">Bytes of a row of the left.</param>
/// <param name="OutputRowBytes">Bytes of a row of the output.</param>
internal sealed record ProductBatches(int[] Left, int[] Right, int Rows, long RowBytes, long OutputRowBytes);

/// <summary>Products of left matrices and packed right ones, some rows at a time.</summary>
internal sealed unsafe class DynamicProductStep(
    DynamicProduct kernel, ProductBatches batches, Place a, ZeroPoint zero, Place packed, Place y, Place scratch, long scratchPitch, int threads, long nanoseconds) : Step
{
    private const int Block = 16;

    private int Blocks => (batches.Rows + Block - 1) / Block;

    public override int MostParts => Math.Min(threads, Blocks * batches.Left.Length);

    public override long Nanoseconds => nanoseconds;

    public override void Run(RunContext context, int part, int parts)
    {
        int units = Blocks * batches.Left.Length;
        int last = Share(units, part + 1, parts);
        for (int at = Share(units, part, parts); at < last; at++)
        {
            int batch = at / Blocks;
            int row = (at - (batch * Blocks)) * Block;
            byte* from = a.At(context) + ((((long)batches.Left[batch] * batches.Rows) + row) * batches.RowBytes);
            byte* to = y.At(context) + ((((long)batch * batches.Rows) + row) * batches.OutputRowBytes);
            int* right = (int*)(packed.At(context) + (batches.Right[batch] * kernel.PackedBytes));
            kernel.Run(from, zero.At(context), right, to, Math.Min(Block, batches.Rows - row), scratch.At(context) + (part * scratchPitch));
        }
    }
}
