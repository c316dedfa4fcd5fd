using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary>The parameters of channels as vector epilogues read them: a block of every 16 channels, of 16 biases and then 16 of each column of the epilogue; 0 where there is no channel.</summary>
internal sealed unsafe class ChannelBlocks : IDisposable
{
    /// <summary>Channels of a block.</summary>
    public const int Width = 16;

    /// <summary>Most bytes that the outputs of a block take.</summary>
    public const int MostBytes = Width * sizeof(int);

    private readonly NativeBuffer _memory;
    private readonly int _blockInts;

    /// <summary>Lays them out.</summary>
    public ChannelBlocks(ReadOnlySpan<int> bias, Epilogue epilogue)
    {
        int[][] columns = Columns(epilogue);
        _blockInts = Width * (1 + columns.Length);
        int blocks = (bias.Length + Width - 1) / Width;
        _memory = new NativeBuffer((long)blocks * _blockInts * sizeof(int));
        for (int c = 0; c < bias.Length; c++)
        {
            int* block = Block(c / Width) + (c % Width);
            *block = bias[c];
            for (int i = 0; i < columns.Length; i++)
            {
                block[Width * (1 + i)] = columns[i][c];
            }
        }
    }

    /// <summary>The biases of a block; the columns follow.</summary>
    public int* Block(int index) => (int*)_memory.Pointer + ((nint)index * _blockInts);

    /// <summary>Copies the first bytes of outputs that lie <see cref="MostBytes"/> apart to where they belong.</summary>
    public static void Copy(byte* from, byte* to, nint stride, int count, int bytes)
    {
        for (int i = 0; i < count; i++)
        {
            Unsafe.CopyBlockUnaligned(to + (i * stride), from + ((nint)i * MostBytes), (uint)bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private static int[][] Columns(Epilogue epilogue) => epilogue switch
    {
        StoreSums => [],
        ToFloat e => [Bits(e.Scale), Bits(e.Offset)],
        FloatRequantize e => [Bits(e.Scale)],
        FixedPointRequantize { Form: FixedPointForm.SingleRounding } e => [e.Multiplier, [.. e.Exponent.Select(x => 31 - x)]],
        FixedPointRequantize e => [e.Multiplier, [.. e.Exponent.Select(x => Math.Max(x, 0))], [.. e.Exponent.Select(x => Math.Max(-x, 0))]],
        _ => throw new ArgumentException($"{epilogue.GetType().Name} is no epilogue of kernels."),
    };

    private static int[] Bits(float[] values) => MemoryMarshal.Cast<float, int>(values).ToArray();
}
