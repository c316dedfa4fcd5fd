namespace Halftone.Engine.Dense.Linear;

/// <summary>The rows of a plane that a row of outputs sees, and the rows of the kernel it sees them through.</summary>
internal readonly struct SeenRows
{
    /// <summary>Of a row of outputs.</summary>
    public SeenRows(Window window, int z, int row)
    {
        ((int First, int End) tz, (int First, int End) ty) = (window.Inside(0, z), window.Inside(1, row));
        (Planes, Rows) = (Math.Max(tz.End - tz.First, 0), Math.Max(ty.End - ty.First, 0));
        (PlaneStride, RowStride) = ((long)window.Dilation[0] * window.Input[1] * window.Input[2], (long)window.Dilation[1] * window.Input[2]);
        KernelPlane = window.Kernel[1] * window.Kernel[2];
        if (Planes > 0 && Rows > 0)
        {
            First = (((long)window.At(0, z, tz.First) * window.Input[1]) + window.At(1, row, ty.First)) * window.Input[2];
            FirstTap = (tz.First * KernelPlane) + (ty.First * window.Kernel[2]);
        }
    }

    /// <summary>Planes that are inside.</summary>
    public int Planes { get; }

    /// <summary>Rows of each that are.</summary>
    public int Rows { get; }

    /// <summary>Elements from the first of the input to the first row.</summary>
    public long First { get; }

    /// <summary>Elements from a plane to the next.</summary>
    public long PlaneStride { get; }

    /// <summary>Elements from a row to the next.</summary>
    public long RowStride { get; }

    /// <summary>The first tap of the first row.</summary>
    public int FirstTap { get; }

    /// <summary>Taps of a plane of the kernel.</summary>
    public int KernelPlane { get; }
}
