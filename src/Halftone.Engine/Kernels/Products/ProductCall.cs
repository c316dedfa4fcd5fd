using System.Runtime.InteropServices;

namespace Halftone.Engine.Kernels.Products;

/// <summary>What an assembled product kernel is called with.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ProductCall
{
    /// <summary>The first row of the first line.</summary>
    public byte* A;

    /// <summary>The panel's packed weights, from the first segment that counts.</summary>
    public sbyte* Weights;

    /// <summary>The first output row, first channel of the panel.</summary>
    public byte* Y;

    /// <summary>Number of lines, 1 or more.</summary>
    public long Lines;

    /// <summary>16 * vectors sums to begin with.</summary>
    public int* Bias;

    /// <summary>Constants of the epilogue, laid out by <see cref="PanelConstants"/>.</summary>
    public byte* Constants;

    /// <summary>Where each segment that counts begins.</summary>
    public int* Offsets;

    /// <summary>How many segments count.</summary>
    public long Segments;

    /// <summary>Bytes from a line to the next.</summary>
    public long LineStride;

    /// <summary>Bytes from a line of the output to the next.</summary>
    public long OutputLineStride;

    /// <summary>What is added to the first row of the line.</summary>
    public byte* Others;

    /// <summary>Bytes from a line of what is added to the next.</summary>
    public long OthersLineStride;

    /// <summary>Where the kernel keeps what is added to the first row of the tile.</summary>
    public byte* OthersTile;
}
