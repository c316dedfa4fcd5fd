using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx.Export;

namespace Halftone.Onnx.Tests.Export;

/// <summary>Activation quantizers in ONNX Runtime against their scalar definitions, bit for bit, at ties and beyond them.</summary>
public class ActivationLoweringTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Levels_of_any_number_with_either_end_closed(bool upperClosed)
    {
        var random = new Random(1);
        foreach (int count in (int[])[2, 3, 4, 5, 8, 9, 16, 17, 100, 256])
        {
            float[] values = [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 8) - 4).Distinct().Order()];
            float[] thresholds = [.. Enumerable.Range(1, values.Length - 1).Select(i => values[i - 1] + (random.NextSingle() * (values[i] - values[i - 1]))).Order()];
            if (thresholds.Length > 4)
            {
                thresholds[2] = thresholds[3] = thresholds[4]; // levels that are skipped
            }

            var levels = new Levels([.. values], [.. thresholds], upperClosed);
            Check(levels, levels.Quantize, thresholds);
        }

        var open = new Levels([-1, 0, 2], [float.NegativeInfinity, float.PositiveInfinity], upperClosed);
        Check(open, open.Quantize, [.. open.Thresholds]);
    }

    [Fact]
    public void Bases_of_any_number()
    {
        var random = new Random(2);
        float[][] shifts = [[0.5f], [0f, 0.5f], [-0.3f, 0.2f, 1.7f], [1e-20f, -1e-20f, 1e10f, -1e10f], [0.1f, 0.1f, 0.1f]];
        foreach (float[] shift in shifts)
        {
            var bases = new BinaryBases([.. shift.Select(_ => (random.NextSingle() * 2) - 1)], [.. shift]);
            Check(bases, bases.Quantize, [.. shift.Select(s => 0.5f - s), .. bases.Thresholds, 0]);
        }
    }

    [Theory]
    [InlineData(17)]
    [InlineData(21)]
    [InlineData(25)]
    public void Affine_codes_keep_to_their_width(int opset)
    {
        for (int bits = 1; bits <= 16; bits++)
        {
            foreach (bool signed in (bool[])[false, true])
            {
                if (bits <= 8 || opset >= 21)
                {
                    var grid = new IntegerGrid(bits, signed);
                    var parameters = new AffineParameters(0.37f, (grid.Min + grid.Max) / 2);
                    float[] borders = [.. Enumerable.Range(-3, 7).Select(i => (i + 0.5f) * parameters.Scale), parameters.Dequantize(grid.Min), parameters.Dequantize(grid.Max), 1e6f, -1e6f];

                    // the code of NaN is not defined by ONNX
                    Check(new AffineGrid(parameters, grid), x => parameters.Dequantize(parameters.Quantize(x, grid)), borders, opset, nan: false);
                }
            }
        }
    }

    [Fact]
    public void Affine_codes_by_channel_keep_to_their_width()
    {
        AffineParameters[] channels = [new(0.5f, 3), new(0.25f, 0)];
        var grid = new AffineGrid([.. channels], new(3, signed: false), axis: 1);
        Model model = Export(grid, 17, [2, 2]);
        Dictionary<string, Tensor> feed = new() { ["x"] = Tensor.Of([-9f, -9, 9, 9], 2, 2) };
        Assert.Equal([-1.5f, 0, 2, 1.75f], Oracle.Output(model, feed));
    }

    private static void Check(ActivationQuantizer quantizer, Func<float, float> scalar, float[] borders, int opset = 17, bool nan = true)
    {
        var random = new Random(3);
        float[] values =
        [
            .. borders, .. borders.Select(MathF.BitIncrement), .. borders.Select(MathF.BitDecrement), 0, -0f, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue,
            float.PositiveInfinity, float.NegativeInfinity, .. nan ? (float[])[float.NaN] : [], .. Enumerable.Range(0, 500).Select(_ => (random.NextSingle() * 12) - 6),
        ];
        float[] expected = [.. values.Select(scalar)];
        Model model = Export(quantizer, opset, [1, values.Length]);
        Dictionary<string, Tensor> feed = new() { ["x"] = Tensor.Of(values, 1, values.Length) };
        foreach (bool optimize in (bool[])[false, true])
        {
            Dictionary<string, Tensor> outputs = Oracle.Run(model, feed, optimize);
            Assert.Equal(expected, outputs["y"].ToFloats());
            Assert.Equal(expected.Select(v => -v), outputs["z"].ToFloats());
        }
    }

    /// <summary>y = quantize(x), a graph output of that name, and z = -quantize(x), read inside.</summary>
    private static Model Export(ActivationQuantizer quantizer, int opset, long[] dims)
    {
        long?[] declared = [.. dims.Select(d => (long?)d)];
        Model model = Model.Create(opset, [new("x", ElementType.Float, declared)], [new("y", ElementType.Float, declared), new("z", ElementType.Float, declared)]);
        model.Graph.Add(new Node("copy", "Identity", ["x"], ["y"]));
        model.Graph.Add(new Node("negate", "Neg", ["y"], ["z"]));
        return QdqExport.Apply(model, QuantizationPlan.Empty with
        {
            Edges = ImmutableDictionary<string, ActivationQuantizer>.Empty.Add("y", quantizer),
            Readers = [new InputSite("negate", 0)],
            QuantizedOutputs = ["y"],
        });
    }
}
