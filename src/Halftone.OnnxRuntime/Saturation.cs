using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>Measures whether the integer kernels of this machine are exact for u8 x s8, or add pairs of products in saturating 16 bits.</summary>
/// <remarks>All activations are 255 and all weights 127: a pair sums to 64770, which 16 bits cut to 32767. Exact and saturated sums differ by almost a factor of two.</remarks>
public static class Saturation
{
    private const int Length = 64; // products in a sum
    private const int Exact = 255 * 127 * Length;
    private const float OutputScale = Exact / 200f; // the exact sum becomes code 200, the saturated one 101

    /// <summary>Whether MatMulInteger (dynamic quantization) saturates.</summary>
    /// <exception cref="ModelException">ONNX Runtime cannot run the probe.</exception>
    public static bool OfMatMulInteger(bool exactProducts = false) => Run(Start("MatMulInteger", ["x", "w"], [8, Length], weights: [Length, 8], ElementType.Int32), exactProducts) < Exact;

    /// <summary>Whether QLinearMatMul saturates.</summary>
    /// <exception cref="ModelException">ONNX Runtime cannot run the probe.</exception>
    public static bool OfQLinearMatMul(bool exactProducts = false) =>
        Run(Start("QLinearMatMul", ["x", "one", "zero", "w", "one", "wzero", "yscale", "zero"], [8, Length], weights: [Length, 8], ElementType.UInt8), exactProducts) < 200;

    /// <summary>Whether QLinearConv saturates.</summary>
    /// <exception cref="ModelException">ONNX Runtime cannot run the probe.</exception>
    public static bool OfQLinearConv(bool exactProducts = false) =>
        Run(Start("QLinearConv", ["x", "one", "zero", "w", "one", "wzero", "yscale", "zero"], [1, Length, 4, 4], weights: [16, Length, 1, 1], ElementType.UInt8), exactProducts) < 200;

    private static Model Start(string op, string[] inputs, long[] dims, long[] weights, ElementType output)
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.UInt8, [.. dims])], [new ValueInfo("y", output, null)]);
        var w = new sbyte[weights.Aggregate(1L, (a, b) => a * b)];
        w.AsSpan().Fill(127);
        model.Graph.SetConstant("w", Tensor.Of(w, weights));
        if (inputs.Length > 2)
        {
            model.Graph.SetConstant("one", Tensor.Scalar(1f));
            model.Graph.SetConstant("yscale", Tensor.Scalar(OutputScale));
            model.Graph.SetConstant("zero", Tensor.Scalar((byte)0));
            model.Graph.SetConstant("wzero", Tensor.Scalar((sbyte)0));
        }

        model.Graph.Add(new Node("probe", op, inputs, ["y"]));
        return model;
    }

    private static long Run(Model model, bool exactProducts)
    {
        using OrtSession session = OrtSession.Load(model, new OrtOptions { ExactProducts = exactProducts });
        long[] dims = [.. session.Inputs[0].Dims!.Select(d => d!.Value)];
        var x = new byte[dims.Aggregate(1L, (a, b) => a * b)];
        x.AsSpan().Fill(255);
        return session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(x, dims) })["y"].ToInt64s().Min();
    }
}
