namespace Halftone.Onnx.Export;

/// <summary>The codes of an IntQuant: bits, sign, and whether the outermost code is left out (QONNX intquant specification, version 1).</summary>
internal readonly record struct QonnxGrid(int Bits, bool Signed, bool Narrow)
{
    public const string Domain = "qonnx.custom_op.general";

    /// <summary>What Brevitas wrote before.</summary>
    public const string OldDomain = "onnx.brevitas";

    public int Min => !Signed ? 0 : -(1 << (Bits - 1)) + (Narrow ? 1 : 0);

    public int Max => Signed ? (1 << (Bits - 1)) - 1 : (1 << Bits) - 1 - (Narrow ? 1 : 0);

    /// <summary>The grid that has just these codes, or null. One signed bit is bipolar in QONNX, so it is none.</summary>
    public static QonnxGrid? Of((int Low, int High) codes)
    {
        for (int bits = 1; bits <= 8; bits++)
        {
            foreach ((bool signed, bool narrow) in (ReadOnlySpan<(bool, bool)>)[(false, false), (true, false), (true, true), (false, true)])
            {
                var grid = new QonnxGrid(bits, signed, narrow);
                if ((grid.Min, grid.Max) == codes && (bits > 1 || (!signed && !narrow)))
                {
                    return grid;
                }
            }
        }

        return null;
    }
}
