using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>What takes the place of samples in a recipe whose ranges follow from the network's own normalization.</summary>
internal static class DataFree
{
    /// <summary>Zeros for every input, lengths left open taken as 1: types and lengths of values can be learned from them.</summary>
    public static IReadOnlyDictionary<string, Tensor> Zeros(Graph graph) => graph.Inputs.ToDictionary(i => i.Name, i =>
    {
        long[] dims = [.. (i.Dims ?? []).Select(d => d ?? 1)];
        return new Tensor(i.Type, dims, new byte[checked((int)i.Type.ByteCount(dims.Aggregate(1L, (a, d) => a * d)))]);
    });

    /// <summary>The distributions.</summary>
    /// <param name="prepared">After the passes.</param>
    /// <param name="recipe">May name the range of the inputs.</param>
    /// <param name="inputs">The samples' own, where there are any.</param>
    public static DerivedMoments Moments(Preparation prepared, Recipe recipe, IReadOnlyDictionary<string, TensorStatistics> inputs)
    {
        Graph graph = prepared.Model.Graph;
        Dictionary<string, ClipRange> ranges = [];
        foreach (ValueInfo input in graph.Inputs.Where(i => i.Type is ElementType.Float))
        {
            if (recipe.Activations.InputRange is [var min, var max])
            {
                ranges[input.Name] = new ClipRange(min, max);
            }
            else if (inputs.TryGetValue(input.Name, out TensorStatistics? seen))
            {
                ranges[input.Name] = new ClipRange(seen.Min, seen.Max);
            }
        }

        return MomentPropagation.Of(graph, prepared.Passes.BatchNorm, prepared.Values, ranges);
    }

    /// <summary>Statistics of the edges that a placement quantizes.</summary>
    /// <param name="prepared">After the passes.</param>
    /// <param name="placement">Says which edges.</param>
    /// <param name="moments">The distributions.</param>
    /// <param name="measured">Statistics of those that do not follow, where there are samples.</param>
    /// <exception cref="DataException">One does not follow from the network, and there are no samples.</exception>
    public static Dictionary<string, TensorStatistics> Statistics(Preparation prepared, Placement placement, DerivedMoments moments, IReadOnlyDictionary<string, TensorStatistics>? measured)
    {
        Dictionary<string, TensorStatistics> found = [];
        foreach (string edge in placement.Observed)
        {
            found[edge] = moments.Statistics(edge) ?? measured?.GetValueOrDefault(edge) ?? throw new DataException(
                prepared.Model.Graph.Inputs.Any(i => i.Name == edge)
                    ? $"The range of the input '{edge}' is not known without samples: give --input-range, or 'activations.inputRange' in the recipe."
                    : prepared.Passes.BatchNorm.Count == 0
                    ? $"The range of '{edge}' does not follow from the network: it has no batch normalization. Give the model as it was before that was folded, or a recipe that calibrates on --data."
                    : $"The range of '{edge}' does not follow from the network: there is no rule for {string.Join(", ", moments.Unknown.Take(3))}. Take a recipe that calibrates on --data.");
        }

        return found;
    }
}
