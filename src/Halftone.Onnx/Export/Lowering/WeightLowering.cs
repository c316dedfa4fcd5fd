using Halftone.Formats;

namespace Halftone.Onnx.Export.Lowering;

/// <summary>How a weight's format is written in ONNX: the one switch over the closed set of formats. What runs gives the values of Dequantize, bit for bit.</summary>
/// <remarks>
/// <list type="bullet">
/// <item>Affine: codes and a DequantizeLinear for each reader, as integer kernels want it; codes at halves as 2q + 1; an Add for offsets.</item>
/// <item>Float: Cast from the ONNX type; other types look their numbers up; a Mul where blocks have exponents.</item>
/// <item>Codebook, hashed: Gather of codewords by indices of as few bits as ONNX has.</item>
/// <item>Binary bases: bits, eight to a byte, unpacked by BitShift; Where and Add.</item>
/// <item>Sum: Add. Sparse: dense codes where one scale and zero point serve all, else the mask's bits, counted by CumSum, place the elements that are kept.</item>
/// </list>
/// All but the affine forms are read as floats: a runtime folds their nodes into a constant when it loads the model.
/// </remarks>
internal static class WeightLowering
{
    /// <summary>Adds the constants of a weight to the graph.</summary>
    /// <returns>Gives the name of the restored weight for a node that reads it.</returns>
    /// <exception cref="ModelException">The opset is too low for the format, or ONNX has no type for it.</exception>
    public static Func<Node, string> Store(Model model, string tensor, QuantizedTensor format)
    {
        var writer = new NodeWriter(model, tensor);
        if (format is AffineTensor affine && format.Count > 0)
        {
            return AffineLowering.Store(writer, affine);
        }

        string value = Value(writer, format);
        return _ => value;
    }

    /// <summary>The restored value, which any node may read.</summary>
    public static string Value(NodeWriter writer, QuantizedTensor format) => format switch
    {
        { Count: 0 } => writer.Constant("empty", Tensor.Of(Array.Empty<float>(), NodeWriter.Dims(format))),
        AffineTensor affine => AffineLowering.Store(writer, affine)(null),
        FloatTensor floats => FloatLowering.Value(writer, floats),
        CodebookTensor codebook => LookupLowering.Value(writer, codebook),
        HashedTensor hashed => LookupLowering.Value(writer, hashed),
        BinaryBasisTensor bases => BitLowering.Value(writer, bases),
        SparseTensor sparse => BitLowering.Value(writer, sparse),
        SumTensor sum => Sum(writer, sum),
        _ => throw new ModelException($"The weight '{writer.Tensor}' is a {format.GetType().Name}, which has no form in ONNX."),
    };

    /// <summary>How a format is stored in a model of that opset, in a few words: what its deployed bytes are spent on.</summary>
    public static string Describe(QuantizedTensor format, int opset) => format switch
    {
        AffineTensor affine => AffineLowering.Describe(affine, opset),
        FloatTensor floats => FloatLowering.Describe(floats, opset),
        CodebookTensor codebook => $"{codebook.CodebookSize} codewords, indices of {codebook.IndexBits} bits stored as {LookupLowering.IndexType(LookupLowering.Largest(codebook), opset).OnnxName()}",
        HashedTensor hashed => $"{hashed.Buckets.Length} buckets; the hash is not computed while the model runs, so each element stores its index as {LookupLowering.IndexType((2 * hashed.Buckets.Length) - 1, opset).OnnxName()}",
        BinaryBasisTensor bases => $"{bases.Bases} bits an element, eight to a byte",
        SparseTensor sparse when BitLowering.Dense(sparse) is { } dense => $"zeros stored too; {Describe(dense, opset)}",
        SparseTensor sparse => $"a bit an element and {sparse.Kept.Count} of {sparse.Count} elements; {Describe(sparse.Kept, opset)}",
        SumTensor sum => string.Join(" plus ", sum.Terms.Select(t => Describe(t, opset))),
        _ => format.GetType().Name,
    };

    private static string Sum(NodeWriter writer, SumTensor sum)
    {
        string total = Value(writer, sum.Terms[0]);
        foreach (QuantizedTensor term in sum.Terms.Skip(1))
        {
            total = writer.Node("Add", total, Value(writer, term));
        }

        return total;
    }
}
