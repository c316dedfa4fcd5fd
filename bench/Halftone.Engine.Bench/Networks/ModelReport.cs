using System.Globalization;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Bench.Networks;

/// <summary>Whether a model's activations are alive, and whether it tells images apart: a benchmark of dead networks would measure nothing.</summary>
/// <param name="Classes">Distinct largest outputs over the images.</param>
/// <param name="Images">Images.</param>
/// <param name="Zeros">Of the activation codes, the fraction that stands for 0; the mean and the greatest over the tensors.</param>
/// <param name="Saturated">The fraction at an end of the codes that is not 0.</param>
/// <param name="Fewest">Distinct codes of the tensor that has the fewest.</param>
internal sealed record ModelReport(int Classes, int Images, (double Mean, double Most) Zeros, (double Mean, double Most) Saturated, int Fewest)
{
    /// <summary>Runs a quantized model over images it was neither built nor calibrated on.</summary>
    public static ModelReport Of(Network network, Model model, int images)
    {
        Graph graph = model.Graph;
        Dictionary<string, Node> codes = graph.Nodes
            .Where(n => n.Is("QuantizeLinear") && graph.Constant(n.Input(0)) is null).ToDictionary(n => n.Outputs[0]);
        string logits = graph.Outputs[0].Name;
        using OrtSession session = OrtSession.Load(TensorTap.Expose(model, [.. codes.Keys]), new OrtOptions { Optimize = false });
        HashSet<int> classes = [];
        Dictionary<string, long[]> counts = codes.Keys.ToDictionary(k => k, _ => new long[256]);
        NoiseImages data = BenchModels.FreshImages(network, images);
        for (int i = 0; i < images; i++)
        {
            IReadOnlyDictionary<string, Tensor> values = session.Run(data.Read(i).Inputs);
            float[] scores = values[logits].ToFloats();
            classes.Add(Array.IndexOf(scores, scores.Max()));
            foreach (string name in codes.Keys)
            {
                foreach (byte code in values[name].Bytes)
                {
                    counts[name][code]++;
                }
            }
        }

        double[] zeros = [.. codes.Select(c => Share(counts[c.Key], code => code == ZeroPoint(graph, c.Value)))];
        double[] saturated = [.. codes.Select(c => Share(counts[c.Key], code => code != ZeroPoint(graph, c.Value) && IsEnd(graph, c.Value, code)))];
        return new ModelReport(classes.Count, images, (zeros.Average(), zeros.Max()), (saturated.Average(), saturated.Max()), counts.Values.Min(c => c.Count(n => n > 0)));
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Classes} distinct classes over {Images} images; codes of 0: mean {Zeros.Mean:P1}, most {Zeros.Most:P1}; saturated: mean {Saturated.Mean:P2}, most {Saturated.Most:P2}; at least {Fewest} distinct codes a tensor");

    private static double Share(long[] counts, Func<byte, bool> fits) =>
        (double)Enumerable.Range(0, 256).Where(c => fits((byte)c)).Sum(c => counts[c]) / counts.Sum();

    private static byte ZeroPoint(Graph graph, Node quantize) => graph.Constant(quantize.Input(2)) is { } zero ? zero.Bytes[0] : (byte)0;

    private static bool IsEnd(Graph graph, Node quantize, byte code) =>
        graph.Constant(quantize.Input(2)) is { Type: ElementType.Int8 } ? (sbyte)code is sbyte.MinValue or sbyte.MaxValue : code is byte.MinValue or byte.MaxValue;
}
