using Halftone.Formats;

namespace Halftone.Onnx.Export.Lowering;

/// <summary>Activation quantizers other than affine ones in standard operators: what they compute is the quantizer's Quantize, bit for bit, NaN included.</summary>
internal static class ActivationLowering
{
    /// <summary>Adds the nodes after a value.</summary>
    /// <param name="model">The model.</param>
    /// <param name="value">The value to quantize.</param>
    /// <param name="edge">What the plan calls it; names are made from that.</param>
    /// <param name="quantizer">Levels or binary bases.</param>
    /// <param name="output">Name of the result; null for a fresh one.</param>
    /// <returns>Name of the result.</returns>
    public static string Quantize(Model model, string value, string edge, ActivationQuantizer quantizer, string? output = null)
    {
        var writer = new NodeWriter(model, edge);
        return quantizer switch
        {
            Levels levels => Search(writer, value, levels, output),
            BinaryBases bases => Signs(writer, value, bases, output),
            _ => throw new ModelException($"The value '{edge}' is to become {quantizer.GetType().Name}, which has no form in ONNX."),
        };
    }

    /// <summary>Binary search for the number of thresholds below the value: with 2^n - 1 of them, n times k += 2^i * [x above threshold k + 2^i - 1]; then Gather.</summary>
    private static string Search(NodeWriter writer, string value, Levels levels, string? output)
    {
        int steps = 1;
        while ((1 << steps) - 1 < levels.Thresholds.Length)
        {
            steps++;
        }

        // nothing compares with NaN, so what fills the thresholds up is above every value
        float[] thresholds = [.. levels.Thresholds, .. Enumerable.Repeat(float.NaN, (1 << steps) - 1 - levels.Thresholds.Length)];
        string table = writer.Constant("thresholds", Tensor.Of(thresholds, thresholds.Length));
        string compare = levels.UpperClosed ? "Greater" : "GreaterOrEqual";
        string none = writer.Constant("none", Tensor.Scalar(0));
        string? count = null;
        for (int i = steps - 1; i >= 0; i--)
        {
            int half = 1 << i;
            string threshold = count is null
                ? writer.Constant("threshold", Tensor.Scalar(thresholds[half - 1]))
                : writer.Node("Gather", table, writer.Node("Add", count, writer.Constant("half", Tensor.Scalar(half - 1))));
            string above = writer.Node("Where", writer.Node(compare, value, threshold), writer.Constant("step", Tensor.Scalar(half)), none);
            count = count is null ? above : writer.Node("Add", count, above);
        }

        return writer.Node("Gather", [writer.Constant("levels", Tensor.Of(levels.Values.AsSpan(), levels.Values.Length)), count!], _ => { }, output);
    }

    private static string Signs(NodeWriter writer, string value, BinaryBases bases, string? output)
    {
        string? sum = null;
        for (int n = 0; n < bases.Betas.Length; n++)
        {
            string above = writer.Node("GreaterOrEqual", value, writer.Constant("threshold", Tensor.Scalar(bases.Thresholds[n])));
            string plus = writer.Constant("beta", Tensor.Scalar(bases.Betas[n]));
            string minus = writer.Constant("negative_beta", Tensor.Scalar(-bases.Betas[n]));
            bool last = n == bases.Betas.Length - 1;
            string sign = writer.Node("Where", [above, plus, minus], _ => { }, last && sum is null ? output : null);
            sum = sum is null ? sign : writer.Node("Add", [sum, sign], _ => { }, last ? output : null);
        }

        return sum!;
    }
}
