using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Correction;

public sealed class SequentialQuantizationTests
{
    private static readonly Recipe s_four = new()
    {
        Name = "four",
        Target = "ort-x64-vnni",
        Weights = new WeightRecipe { Method = "gptq", Bits = 4 },
        Activations = new ActivationRecipe { Range = "mse", Bits = 4 },
    };

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void Each_part_brings_the_bundled_networks_nearer_to_float(string name)
    {
        using QuantizationJob job = Jobs.Start(FashionSamples.Load(name), s_four, FashionSamples.Calibration(64));
        (QuantizationPlan plan, Model _) = job.Solve();
        Graph graph = job.Prepared.Model.Graph;
        double before = job.Run!.Compare(plan).Sqnr;
        double inputs = job.Run.Compare(new SequentialQuantization { Samples = 64, MatchFloat = false }.Improve(graph, plan, job.Run)).Sqnr;
        double whole = job.Run.Compare(new SequentialQuantization { Samples = 64 }.Improve(graph, plan, job.Run)).Sqnr;
        Assert.True(inputs > before && whole > inputs + 1, $"{before} dB, {inputs} dB on the quantized inputs, {whole} dB making up for them");
    }

    // one linear layer behind 2-bit inputs: what no choice of codes can mend is the residual of the regression of W x on x~
    [Fact]
    public void With_fine_weights_the_layer_errs_as_little_as_linear_regression_on_its_quantized_inputs()
    {
        var net = new Net([null, 6]);
        net.Op("Gemm", ["x", net.Constant("w", 1, 6, 3), net.Constant("b", 1, 3)], "y");
        var data = new SeededData(net.Graph.Inputs, 512, seed: 3);
        Recipe recipe = new()
        {
            Name = "regression",
            Target = "ort-x64-vnni",
            QuantizeBias = false,
            Weights = new WeightRecipe { Bits = 8 },
            Activations = new ActivationRecipe { Range = "min-max", Bits = 2 },
        };
        using QuantizationJob job = Jobs.Start(net.Model, recipe, data);
        (QuantizationPlan plan, Model _) = job.Solve();
        QuantizationPlan improved = new SequentialQuantization { Samples = 512, Damping = 1e-9 }.Improve(job.Prepared.Model.Graph, plan, job.Run!);

        Node layer = job.Prepared.Model.Graph.Nodes.Single();
        List<(float[] X, float[] Student)> rows = [];
        StudentTap.Inputs(job.Run!, improved, layer, 512, (dims, teacher, student, _) =>
        {
            foreach ((float[] x, float[] s) in teacher.ToArray().Chunk(6).Zip(student.ToArray().Chunk(6)))
            {
                rows.Add((x, s));
            }
        }, TestContext.Current.CancellationToken);
        (double residual, double error, double plain) = (0, Error(job, improved, layer), Error(job, plan, layer));
        for (int output = 0; output < 3; output++)
        {
            residual += Residual(rows, [.. Enumerable.Range(0, 6).Select(i => net.Graph.Constant("w")!.ToFloats()[(i * 3) + output])]);
        }

        Assert.InRange(error / residual, 0.999, 1.01);
        Assert.True(plain > 1.1 * residual, "rounding alone errs as little, so nothing is tested");
    }

    [Fact]
    public void What_was_pruned_stays_so()
    {
        var net = new Net([null, 6]);
        float[] weights = Net.Normal(new CounterRandom(5), 18);
        int[] pruned = [0, 4, 7, 17];
        Array.ForEach(pruned, i => weights[i] = 0);
        net.Op("Gemm", ["x", net.Constant("w", Tensor.Of(weights, 6, 3)), net.Constant("b", 1, 3)], "y");
        Recipe recipe = s_four with { Weights = new WeightRecipe { Bits = 8 }, Activations = new ActivationRecipe { Range = "min-max", Bits = 2 } };
        using QuantizationJob job = Jobs.Start(net.Model, recipe, new SeededData(net.Graph.Inputs, 512, seed: 3));
        (QuantizationPlan plan, Model _) = job.Solve();
        QuantizationPlan improved = new SequentialQuantization { Samples = 512 }.Improve(job.Prepared.Model.Graph, plan, job.Run!);
        Assert.NotSame(plan, improved);
        float[] values = improved.Weights.Values.Single().Dequantize();
        Assert.Equal(pruned, Enumerable.Range(0, values.Length).Where(i => values[i] == 0));
    }

    private static double Error(QuantizationJob job, QuantizationPlan plan, Node node)
    {
        double sum = 0;
        StudentTap.Outputs(job.Run!, QdqExport.Apply(job.Run!.Model, plan), node, 512, (_, teacher, student, _) =>
        {
            for (int i = 0; i < teacher.Length; i++)
            {
                sum += ((double)teacher[i] - student[i]) * ((double)teacher[i] - student[i]);
            }
        }, TestContext.Current.CancellationToken);
        return sum;
    }

    // sum of squares of w x + b less its least-squares fit by 1 and x~, by Gram and Schmidt
    private static double Residual(List<(float[] X, float[] Student)> rows, float[] w)
    {
        double[] y = [.. rows.Select(r => r.X.Zip(w, (a, b) => (double)a * b).Sum())];
        List<double[]> basis = [];
        foreach (double[] column in (double[][])[[.. rows.Select(_ => 1.0)], .. Enumerable.Range(0, 6).Select(i => rows.Select(r => (double)r.Student[i]).ToArray())])
        {
            double[] left = [.. column];
            foreach (double[] b in basis)
            {
                Remove(left, b);
            }

            double norm = Math.Sqrt(left.Sum(v => v * v));
            basis.Add([.. left.Select(v => v / norm)]);
        }

        basis.ForEach(b => Remove(y, b));
        return y.Sum(v => v * v);

        static void Remove(double[] from, double[] unit)
        {
            double share = from.Zip(unit, (a, b) => a * b).Sum();
            for (int i = 0; i < from.Length; i++)
            {
                from[i] -= share * unit[i];
            }
        }
    }
}
