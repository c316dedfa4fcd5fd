using System.Collections.Immutable;

namespace Halftone.Onnx.Export;

/// <summary>How a model writes its numbers down.</summary>
public enum ModelFormat
{
    /// <summary>QuantizeLinear and DequantizeLinear around float operators.</summary>
    Qdq,

    /// <summary>Integer operators: QLinearConv, QLinearMatMul, MatMulInteger, com.microsoft.QLinearAdd, ...</summary>
    QOperator,

    /// <summary>IntQuant and BipolarQuant of the QONNX dialect, 1 to 8 bits.</summary>
    Qonnx,

    /// <summary>QDQ with a Clip of the codes between, for less than 8 bits.</summary>
    Qcdq,

    /// <summary>Weights of MatMul in 4 or 8 bit blocks (com.microsoft.MatMulNBits).</summary>
    MatMulNBits,

    /// <summary>Half-precision constants, or half precision throughout.</summary>
    Float16,

    /// <summary>Not quantized.</summary>
    Float,
}

/// <summary>What is half in a float16 model.</summary>
public enum Float16Mode
{
    /// <summary>The weights are stored as halves and cast to float: half the size, the same arithmetic (TensorFlow Lite's float16 quantization).</summary>
    Weights,

    /// <summary>Every operator that knows halves computes in them.</summary>
    Full,
}

/// <summary>Choices of a conversion.</summary>
public sealed record ConversionOptions
{
    /// <summary>Block length for MatMulNBits where a weight has no blocks of its own: a power of two, at least 16.</summary>
    public int BlockSize
    {
        get;
        init => field = value >= 16 && int.IsPow2(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The block size of MatMulNBits is a power of two, 16 or more.");
    }
    = 32;

    /// <summary>What becomes half in float16.</summary>
    public Float16Mode Float16 { get; init; } = Float16Mode.Weights;

    /// <summary>Whether graph inputs and outputs become half as well, in <see cref="Float16Mode.Full"/>.</summary>
    public bool HalfInputsAndOutputs { get; init; }

    /// <summary>Largest magnitude seen of each value, by name: nodes that read or make one over 65504 stay float.</summary>
    public IReadOnlyDictionary<string, double>? AbsoluteMaxima { get; init; }
}

/// <summary>A converted model.</summary>
/// <param name="Model">The result; the input is not changed.</param>
/// <param name="Notes">What was left as it was, or is not exactly the same, one sentence each, with node names.</param>
public sealed record ConversionResult(Model Model, ImmutableArray<string> Notes);

/// <summary>Rewrites a quantized model from one format into another.</summary>
/// <remarks>QDQ is the hub: every format has one way to it and one from it, each in a file of its own.</remarks>
public static class FormatConversion
{
    /// <summary>The format of a model; of several, the one that is furthest from plain ONNX.</summary>
    public static ModelFormat Detect(Model model)
    {
        Graph graph = model.Graph;
        bool Any(Func<Node, bool> match) => graph.Nodes.Any(match);
        return Any(FromMatMulNBits.Takes) ? ModelFormat.MatMulNBits
            : Any(FromQonnx.Takes) ? ModelFormat.Qonnx
            : Any(FromQOperator.Takes) ? ModelFormat.QOperator
            : Any(n => Codes.IsClip(graph, n)) ? ModelFormat.Qcdq
            : Any(n => Codes.IsQuantize(n) || Codes.IsDequantize(n)) ? ModelFormat.Qdq
            : graph.Initializers.Values.Any(t => t.Type is ElementType.Float16) || graph.Inputs.Concat(graph.Outputs).Any(v => v.Type is ElementType.Float16) ? ModelFormat.Float16
            : ModelFormat.Float;
    }

    /// <summary>Converts.</summary>
    /// <exception cref="ModelException">The conversion is not possible; the message names both formats and the first node in the way.</exception>
    public static ConversionResult Convert(Model model, ModelFormat to, ConversionOptions? options = null, CancellationToken cancel = default)
    {
        ModelFormat from = Detect(model);
        var work = new Conversion(model.Clone(), from, to, options ?? new(), cancel);
        if (from == to && to is not ModelFormat.Qdq)
        {
            work.Note($"The model is {to} already; nothing was changed.");
            return work.Result();
        }

        if (from is ModelFormat.Float && to is not (ModelFormat.Float16 or ModelFormat.Float))
        {
            throw new ModelException($"The model is not quantized, so it cannot be converted from {from} to {to}: quantize it first.");
        }

        ConstantNodes.ToInitializers(work.Graph);
        if (from is ModelFormat.Float16)
        {
            FromFloat16.Apply(work);
        }

        FromMatMulNBits.Apply(work);
        FromQonnx.Apply(work);
        FromQOperator.Apply(work);
        switch (to)
        {
            case ModelFormat.Qdq:
                FromQcdq.Apply(work);
                break;
            case ModelFormat.QOperator:
                FromQcdq.Apply(work);
                ToQOperator.Apply(work);
                break;
            case ModelFormat.Qonnx:
                ToQonnx.Apply(work);
                break;
            case ModelFormat.Qcdq:
                ToQcdq.Apply(work);
                break;
            case ModelFormat.MatMulNBits:
                ToMatMulNBits.Apply(work);
                break;
            case ModelFormat.Float16:
                ToFloat.Apply(work);
                ToFloat16.Apply(work);
                break;
            default:
                ToFloat.Apply(work);
                break;
        }

        Unused.Remove(work.Graph);
        work.Graph.ForgetDeclaredTypes();
        work.Graph.Sort();

        // IR 4 has constants that are not inputs, IR 10 the 4-bit types; the lowest that carries the model, so that old runtimes load it
        bool fourBits = work.Graph.Initializers.Values.Any(t => t.Type is ElementType.Int4 or ElementType.UInt4);
        work.Model.IrVersion = Math.Max(work.Model.IrVersion, fourBits ? 10 : 4);
        return work.Result();
    }
}
