using Halftone.Onnx;

namespace Halftone.Engine.Bench.Layers;

/// <summary>One 8-bit layer with seeded data: uint8 codes and int8 weights give uint8 codes, round(scale of the channel * (sum of products + bias)), zero points 0.</summary>
internal interface ILayer
{
    /// <summary>Shape, as the table names it.</summary>
    string Name { get; }

    /// <summary>Multiplications.</summary>
    long MultiplyAdds { get; }

    /// <summary>Codes; images are NHWC.</summary>
    Tensor Input { get; }

    /// <summary>OIHW, or rows of a matrix.</summary>
    sbyte[] Weights { get; }

    /// <summary>In steps of the products; empty for none.</summary>
    int[] Bias { get; }

    /// <summary>One for each output channel.</summary>
    float[] Scales { get; }

    /// <summary>Lengths of the output.</summary>
    long[] OutputDims { get; }

    /// <summary>Elements of the output.</summary>
    long OutputCount => OutputDims.Aggregate(1L, (a, b) => a * b);

    /// <summary>The layer as a QDQ model.</summary>
    Model ToModel();

    /// <summary>What must come out, from integer sums one by one.</summary>
    byte[] Expected();
}
