namespace Halftone.Engine.Kernels.Products.Narrow;

/// <summary>A product that is summed in 16 bits, saturating, for a stretch of its depth at a time.</summary>
/// <remarks>
/// The depth is all segments one after another, as FBGEMM and ONNX Runtime lay out a convolution's windows. Within a stretch, for pairs of neighbours k and k + 1,
/// sum16 = clip16(sum16 + clip16(a[k] w[k] + a[k + 1] w[k + 1])); at its end sum16 is added to a sum of 32 bits and begins at 0 again. Outliers and zero points of weights are exact:
/// y = epilogue(bias + sum32 + sum of a[k] outlier[k] - zero point * sum of a[k]).
/// </remarks>
internal sealed record NarrowProblem
{
    /// <summary>Depth that FBGEMM sums in 16 bits (KCB).</summary>
    public const int FbgemmStretch = 256;

    /// <summary>Depth that vpmaddubsw sums in 16 bits.</summary>
    public const int PairStretch = 2;

    /// <summary>The product; its weights are codes as they are stored, without outliers.</summary>
    public required ProductProblem Product { get; init; }

    /// <summary>Depth that is summed in 16 bits, even.</summary>
    public required int Stretch { get; init; }

    /// <summary>Weights kept apart.</summary>
    public required OutlierColumns Outliers { get; init; }

    /// <summary>[Channels]: what is to be taken off weights and outliers.</summary>
    public required int[] ZeroPoints { get; init; }

    /// <summary>Length of a channel's weights.</summary>
    public int Depth => Product.SegmentOffsets.Length * Product.SegmentBytes;

    /// <summary>A product in this form.</summary>
    /// <param name="product">Its weights are differences from zero points, which may be kept as sums of several passes over the segments.</param>
    /// <param name="passes">How many.</param>
    /// <param name="zeroPoints">[Channels]; the differences and these make signed bytes.</param>
    /// <param name="stretch">Depth to be summed in 16 bits.</param>
    /// <param name="mainBits">Bits of weights that are no outliers; null where there shall be none.</param>
    public static NarrowProblem Of(ProductProblem product, int passes, int[] zeroPoints, int stretch, int? mainBits)
    {
        KernelChecks.Require(product);
        int depth = product.SegmentOffsets.Length / passes * product.SegmentBytes;
        var codes = new sbyte[product.Channels * depth];
        for (int i = 0; i < codes.Length; i++)
        {
            int channel = i / depth;
            int code = zeroPoints[channel];
            for (int pass = 0; pass < passes; pass++)
            {
                code += product.Weights[(((channel * passes) + pass) * depth) + (i % depth)];
            }

            codes[i] = checked((sbyte)code);
        }

        (sbyte[] main, OutlierColumns outliers) = OutlierColumns.Split(codes, product.Channels, mainBits);
        return new()
        {
            Product = product with { Weights = main, SegmentOffsets = product.SegmentOffsets[..(product.SegmentOffsets.Length / passes)] },
            Stretch = stretch,
            Outliers = outliers,
            ZeroPoints = zeroPoints,
        };
    }

    /// <summary>Where in a row a place along the depth is.</summary>
    public int Offset(int depth) => Product.SegmentOffsets[depth / Product.SegmentBytes] + (depth % Product.SegmentBytes);

    /// <summary>Channels that cannot saturate, whatever the activations; see <see cref="NarrowProduct"/>.</summary>
    public int ExactChannels()
    {
        const int Most = 128;
        return Enumerable.Range(0, Product.Channels).Count(c => Product.Weights.Skip(c * Depth).Take(Depth).Chunk(Stretch)
            .All(stretch => stretch.Sum(w => Math.Max((int)w, 0)) <= Most && stretch.Sum(w => Math.Min((int)w, 0)) >= -Most));
    }
}
