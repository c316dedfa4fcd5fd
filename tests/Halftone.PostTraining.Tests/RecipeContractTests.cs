using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Tests.Odd;

namespace Halftone.PostTraining.Tests;

/// <summary>Every recipe on every odd layer: each node with numbers is in codes in the file, or named as left float with a reason; ONNX Runtime runs the result, and it is near the float model.</summary>
public sealed class RecipeContractTests
{
    public static TheoryData<string, string> Cases => [.. from recipe in RecipeFile.Names from layer in OddLayers.All select new TheoryDataRow<string, string>(recipe, layer.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Each_node_is_in_codes_or_named(string recipeName, string layerName)
    {
        OddLayer layer = OddLayers.Find(layerName);
        Recipe recipe = RecipeFile.Find(recipeName);
        Model model = layer.Build();
        IDataSet data = layer.Data(model);
        QuantizationPlan plan;
        Model result;
        using QuantizationJob job = Jobs.Start(model, recipe, data);
        try
        {
            (plan, result) = job.Solve();
        }
        catch (ModelException error)
        {
            // nothing to quantize: the nodes are named all the same
            Assert.All(Numbers(job.Prepared.Model.Graph), n => Assert.Contains(n.Name, job.Placement.KeptFloat.Keys));
            Assert.Contains("can be quantized", error.Message, StringComparison.Ordinal);
            Assert.Contains(job.Placement.KeptFloat.First().Key, error.Message, StringComparison.Ordinal);
            return;
        }

        Assert.All(plan.KeptFloat, k => Assert.NotEmpty(k.Value));
        string[] inCodes = [.. Numbers(job.Prepared.Model.Graph).Where(n => InCodes(job.Prepared.Model.Graph, result.Graph, n, recipe.Mode)).Select(n => n.Name)];
        Assert.All(Numbers(job.Prepared.Model.Graph), n => Assert.True(inCodes.Contains(n.Name) != plan.KeptFloat.ContainsKey(n.Name), $"{n} is {(inCodes.Contains(n.Name) ? "in codes and named" : "neither in codes nor named")}"));

        double sqnr = Fidelity.Sqnr(model, result, data);
        Assert.InRange(sqnr, inCodes.Length == 0 ? 90 : Floor(recipe), double.PositiveInfinity);
        Assert.Equal(model.Graph.Inputs.Select(i => i.Name), result.Graph.Inputs.Select(i => i.Name));
        Assert.Equal(model.Graph.Outputs.Select(o => o.Name), result.Graph.Outputs.Select(o => o.Name));
    }

    // what codes of so many bits leave on random layers of one or two products
    private static double Floor(Recipe recipe) => recipe.Mode switch
    {
        RecipeMode.Float16 => 60,
        RecipeMode.WeightOnly => WeightFloor(recipe.Weights),
        RecipeMode.Dynamic => 25,
        _ => (recipe.Weights.Bits, recipe.Activations.Bits) switch { (8, 8) or (null, _) => 20, (4, 8) => 8, (4, 4) => 3, _ => -4 },
    };

    // weights shared by a hash, or of which signs are left, are far from the float model without training
    private static double WeightFloor(WeightRecipe weights) => weights.Method switch
    {
        "hashed-nets" => double.NegativeInfinity,
        "bit-goes-down" => 0,
        "binarization" => 1,
        "product-quantization" or "residual-quantization" or "weight-discretization" => 10,
        _ => weights.Bits switch { <= 2 => -4, 3 => 6, 4 => 12, 5 => 4, _ => 30 }, // 5 bits: binary bases
    };

    // nodes that multiply, or hold a table or subgraphs
    private static IEnumerable<Node> Numbers(Graph graph) => graph.Nodes.Where(n =>
        n.Op is "Conv" or "ConvTranspose" or "Gemm" or "MatMul" or "LSTM" or "If" || (n.Is("Gather") && graph.Constant(n.Input(0)) is { Type: ElementType.Float }));

    // as the file says it, not the plan
    private static bool InCodes(Graph prepared, Graph result, Node node, RecipeMode mode)
    {
        Node? there = result.Nodes.FirstOrDefault(n => n.Name == node.Name);
        bool Codes(int place) => result.Producer(there!.Input(place)) is { } maker && maker.Is("DequantizeLinear");
        bool Restored(int place) => result.Producer(there!.Input(place)) is { } maker && Sources(result, maker).Exists(s => s.Type is not (ElementType.Float or ElementType.Int64));
        bool Levels(int place) => result.Producer(there!.Input(place)) is { Op: "Gather" or "Where" or "Add" or "Max" } maker && prepared.Nodes.All(n => n.Name != maker.Name);
        int weight = node.Is("Gather") ? 0 : 1;
        return mode switch
        {
            RecipeMode.Dynamic => there is null && result.Nodes.Any(n => n.Name == $"{node.Name}_integer" && n.Op is "ConvInteger" or "MatMulInteger"),
            RecipeMode.Float16 => Enumerable.Range(0, there!.Inputs.Count).Any(i => result.Producer(there.Input(i)) is { } cast && cast.Is("Cast") && result.Constant(cast.Input(0)) is { Type: ElementType.Float16 }),
            RecipeMode.WeightOnly => Codes(weight) || Restored(weight),
            _ => Enumerable.Range(0, 2).All(place => Codes(place) || Levels(place) || Restored(place)),
        };
    }

    // the constants that nodes without an input of the model restore a weight from; none where a sample's values are among the inputs
    private static List<Tensor> Sources(Graph graph, Node node)
    {
        List<Tensor> found = [];
        foreach (string input in node.Inputs.Where(i => i.Length > 0))
        {
            if (graph.Constant(input) is { } constant)
            {
                found.Add(constant);
            }
            else if (graph.Producer(input) is { } maker && Sources(graph, maker) is { Count: > 0 } further)
            {
                found.AddRange(further);
            }
            else
            {
                return [];
            }
        }

        return found;
    }
}
