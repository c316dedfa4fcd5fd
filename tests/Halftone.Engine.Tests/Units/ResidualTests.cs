using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

/// <summary>Additions that become part of the product before them, against the same network with the product's codes as an output, where additions are steps of their own.</summary>
public sealed class ResidualTests
{
    [Fact]
    public void Of_images() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 2], Gen.Int[1, 70], Gen.Int[1, 12], Gen.Int[1, 12]).Sample(
        (seed, batch, channels, height, width) =>
        {
            // bits of the seed choose: a shortcut of its own, groups, a kernel of 3, order, Relu on either side, borders of the other operand and of the sum
            bool Chance(int bit) => (seed >> bit & 1) == 1;
            int groups = Chance(1) ? 2 : 1;
            (int filters, int kernel) = (groups * channels, Chance(2) ? 3 : 1);
            Same(seed, new() { ["x"] = [batch, 2 * groups, height, width], ["r"] = [batch, filters, height, width] }, (model, mark) =>
            {
                string x = model.Qdq("x", 2f / 127, seed % 256, signed: Chance(10));
                string product = Activate(model, Conv(model, x, kernel, groups, filters, 2 * groups), Chance(3));
                mark(product);
                string left = Read(model, product, Chance(10), Chance(9));
                string right = Chance(0) ? model.Qdq(Conv(model, x, 1, 1, filters, 2 * groups), 0.04f, 120, signed: Chance(10)) : model.Qdq("r", 0.02f, 90, signed: Chance(10));
                if (Chance(6))
                {
                    model.Quantize(Conv(model, right, 3, 1, 3, filters), 0.5f, 128, false, "z");
                }
                else
                {
                    model.Quantize(right, 0.02f, 128, false, "z");
                }

                string sum = Activate(model, model.Node("Add", Chance(4) ? [left, right] : [right, left], "sum").Outputs[0], Chance(5));
                string codes = model.Qdq(sum, 0.05f, Chance(5) ? 0 : 77, signed: Chance(10));
                model.Quantize(Chance(7) ? Conv(model, codes, 3, 1, 3, filters) : codes, 0.06f, 100, false, "y");
            });
        },
        iter: 150);

    [Fact]
    public void Of_matrices() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 40], Gen.Int[1, 20], Gen.Int[1, 130]).Sample(
        (seed, rows, depth, channels) => Same(seed, new() { ["x"] = [2, rows, depth], ["r"] = [2, rows, channels] }, (model, mark) =>
        {
            string product = model.Node("MatMul", [model.Qdq("x", 2f / 127, seed % 256, false), model.Weight(null, false, depth, channels)], "product").Outputs[0];
            mark(product);
            string left = model.Qdq(product, 0.03f, 100, false);
            string right = model.Qdq("r", 0.02f, 90, false);
            string sum = model.Node("Add", seed % 2 == 0 ? [left, right] : [right, left], "sum").Outputs[0];
            model.Quantize(sum, 0.05f, 77, false, "y");
            model.Quantize(right, 0.02f, 90, false, "z");
        }),
        iter: 60);

    private static string Conv(QdqModel model, string x, int kernel, int groups, int filters, int channels)
    {
        string name = $"c{model.Model.Graph.Nodes.Count}";
        model.Node("Conv", [x, model.Weight(0, false, filters, channels / groups, kernel, kernel)], name).With("group", groups).With("pads", Enumerable.Repeat(kernel / 2L, 4).ToArray());
        return name;
    }

    /// <summary>A product's codes, perhaps read as something else than they were made for.</summary>
    private static string Read(QdqModel model, string product, bool signed, bool otherwise)
    {
        string value = model.Qdq(product, 0.03f, 100, signed);
        if (otherwise)
        {
            model.Model.Graph.SetInput(model.Model.Graph.Producer(value)!, 1, model.Constant($"{value}_scale", Tensor.Scalar(0.02f)));
        }

        return value;
    }

    private static string Activate(QdqModel model, string x, bool relu) => relu ? model.Node("Relu", [x], $"{x}_relu").Outputs[0] : x;

    /// <summary>Makes the network twice, once with the product's codes as a third output.</summary>
    private static void Same(int seed, Dictionary<string, long[]> inputs, Action<QdqModel, Action<string>> make)
    {
        QdqModel fused = new(seed, inputs, "y", "z"), apart = new(seed, inputs, "y", "z", "t");
        make(fused, _ => { });
        string product = "";
        make(apart, name => product = name);
        Node quantize = apart.Model.Graph.Nodes.Single(n => n.Op == "QuantizeLinear" && n.Inputs[0] == product);
        apart.Model.Graph.Add(new Node("watch", "DequantizeLinear", [quantize.Outputs[0], quantize.Inputs[1], quantize.Inputs[2]], ["t"]));
        foreach (EngineTier tier in EngineTiers.All.Where(t => t.IsSupported))
        {
            foreach ((int threads, Requantization arithmetic) in (ReadOnlySpan<(int, Requantization)>)[(1, Requantization.Float), (2, Requantization.Float), (3, Requantization.SingleRounding)])
            {
                var options = new EngineOptions { Tier = tier.Name, Threads = threads, Requantization = arithmetic };
                using EngineSession one = EngineSession.Load(fused.Model, options), two = EngineSession.Load(apart.Model, options);
                (IReadOnlyDictionary<string, Tensor> actual, IReadOnlyDictionary<string, Tensor> expected) = (one.Run(fused.Inputs), two.Run(apart.Inputs));
                Assert.Equal(expected["y"].Bytes.ToArray(), actual["y"].Bytes.ToArray());
                Assert.Equal(expected["z"].Bytes.ToArray(), actual["z"].Bytes.ToArray());
                Assert.Contains(one.RecentPlan!.Steps, s => s is ProductStep && s.Name.Contains(", Add", StringComparison.Ordinal));
                Assert.DoesNotContain(one.RecentPlan!.Steps, s => s.Name.StartsWith("Add", StringComparison.Ordinal));
            }
        }
    }
}
