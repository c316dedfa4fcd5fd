using Halftone.Onnx;

namespace Halftone.PostTraining.Calibration;

/// <summary>What becomes of errors below zero in the functions that read a value: where all of them flatten it there, its range may favour the values above.</summary>
internal static class NegativeSlopes
{
    /// <summary>The mean squared slope below zero of what reads a value, the greatest of several readers; null where one of them is not such a function.</summary>
    public static double? Behind(Graph graph, string value)
    {
        double greatest = 0;
        foreach (Node reader in graph.Consumers(value))
        {
            if (graph.IsOutput(value) || reader.Input(0) != value || Of(graph, reader) is not { } slope)
            {
                return null;
            }

            greatest = Math.Max(greatest, slope);
        }

        return graph.Consumers(value).Count == 0 ? null : greatest;
    }

    private static double? Of(Graph graph, Node node) => node.Domain.Length > 0 ? null : node.Op switch
    {
        "Relu" => 0,
        "LeakyRelu" => Math.Pow(node.Float("alpha", 0.01f), 2),
        "PRelu" when graph.Constant(node.Input(1)) is { Type: ElementType.Float } slopes => slopes.ToFloats().Average(a => (double)a * a),
        "Elu" => 0.5, // e^2x from 1 down to 0
        "HardSwish" => 1.0 / 12, // x / 3 + 1 / 2 from -3 to 0
        _ => null,
    };
}
