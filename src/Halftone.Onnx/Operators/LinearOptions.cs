namespace Halftone.Onnx.Operators;

/// <summary>The attributes of QuantizeLinear and DequantizeLinear, with ONNX's defaults.</summary>
public sealed record LinearOptions
{
    /// <summary>Axis of the scales, or of the blocks; negative counts from the end. Not looked at where there is one scale.</summary>
    public int Axis { get; init; } = 1;

    /// <summary>Elements along the axis that share a scale; 0 for one scale an index.</summary>
    public int BlockSize { get; init; }

    /// <summary>Whether values above the largest 8-bit float become it (QuantizeLinear).</summary>
    public bool Saturate { get; init; } = true;

    /// <summary>The type made; Undefined leaves it to the zero point (QuantizeLinear) or to the scale (DequantizeLinear).</summary>
    public ElementType OutputType { get; init; }

    /// <summary>The type the quotient is computed in; Undefined for the scale's (QuantizeLinear).</summary>
    public ElementType Precision { get; init; }

    /// <summary>The attributes of a node.</summary>
    public static LinearOptions Of(Node node) => new()
    {
        Axis = (int)node.Int("axis", 1),
        BlockSize = (int)node.Int("block_size", 0),
        Saturate = node.Int("saturate", 1) != 0,
        OutputType = (ElementType)node.Int("output_dtype", 0),
        Precision = (ElementType)node.Int("precision", 0),
    };
}
