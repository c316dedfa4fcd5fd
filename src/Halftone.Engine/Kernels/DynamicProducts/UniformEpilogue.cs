using System.Runtime.CompilerServices;
using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Kernels.DynamicProducts;

/// <summary>Epilogues whose one entry counts for all columns.</summary>
internal static unsafe class UniformEpilogue
{
    /// <summary>Stores what becomes of the sums of a row.</summary>
    public static void Row(Epilogue epilogue, int* sums, byte* y, int count)
    {
        switch (epilogue)
        {
            case StoreSums:
                Unsafe.CopyBlockUnaligned(y, sums, (uint)(count * sizeof(int)));
                break;
            case ToFloat e:
                LaneLoop.Run(new ScaleRow(sums, (float*)y, e.Scale[0], e.Offset[0]), count);
                break;
            case FloatRequantize e:
                LaneLoop.Run(new RequantizeRow(sums, y, e.Scale[0], CodeRange.Of(e)), count);
                break;
            default:
                for (int i = 0; i < count; i++)
                {
                    ScalarEpilogue.Store(epilogue, sums[i], 0, y + ((long)i * epilogue.ElementBytes));
                }

                break;
        }
    }

    private readonly struct ScaleRow(int* sums, float* y, float scale, float offset) : ILaneStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<TLanes>(int at)
            where TLanes : struct, ILanes<TLanes> =>
            TLanes.Store(y + at, TLanes.MultiplyAdd(TLanes.Load(sums + at, sums + at, 0), TLanes.All(scale), TLanes.All(offset)));
    }

    private readonly struct RequantizeRow(int* sums, byte* y, float scale, CodeRange range) : ILaneStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<TLanes>(int at)
            where TLanes : struct, ILanes<TLanes>
        {
            TLanes clamped = TLanes.Clamp(TLanes.Load(sums + at, sums + at, 0) * TLanes.All(scale), TLanes.All(range.LowSingle), TLanes.All(range.HighSingle));
            TLanes.Store(y + at, TLanes.Round(clamped) + TLanes.All(range.ZeroPoint));
        }
    }
}
