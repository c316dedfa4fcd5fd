using Halftone.Onnx.Export;

namespace Halftone.Onnx.Tests.Export;

public class QonnxTests
{
    private const string Domain = "qonnx.custom_op.general";

    /// <summary>The sample implementation of the QONNX specification, element by element: clamp, then round.</summary>
    private static float IntQuant(float x, float scale, float zero, int bits, bool signed, bool narrow)
    {
        float max = signed ? MathF.Pow(2, bits - 1) - 1 : MathF.Pow(2, bits) - 1 - (narrow ? 1 : 0);
        float min = signed ? -MathF.Pow(2, bits - 1) + (narrow ? 1 : 0) : 0;
        float y = (x / scale) + zero;
        y = y > max ? max : y < min ? min : y;
        return (MathF.Round(y, MidpointRounding.ToEven) - zero) * scale;
    }

    /// <summary>Runs a QONNX model of one input, quantizers of it and of constants, and a MatMul.</summary>
    private static float[] Evaluate(Model model, IReadOnlyDictionary<string, Tensor> feed)
    {
        Dictionary<string, Tensor> values = new(model.Graph.Initializers.Concat(feed));
        foreach (Node node in model.Graph.Nodes)
        {
            Tensor x = values[node.Input(0)];
            float[] data = x.ToFloats();
            float[] Along(int place)
            {
                // only the last axis carries several scales here
                float[] v = values[node.Input(place)].ToFloats();
                return v;
            }

            values[node.Outputs[0]] = node.Op switch
            {
                "IntQuant" or "Quant" => Tensor.Of(
                    [.. data.Select((v, i) => IntQuant(v, Along(1)[i % Along(1).Length], Along(2)[i % Along(2).Length], (int)Along(3)[0], node.Int("signed", 1) != 0, node.Int("narrow", 0) != 0))], x.Dims.AsSpan()),
                "BipolarQuant" => Tensor.Of([.. data.Select(v => v >= 0 ? Along(1)[0] : -Along(1)[0])], x.Dims.AsSpan()),
                "MatMul" => MatMul(x, values[node.Input(1)]),
                _ => throw new NotSupportedException(node.Op),
            };
        }

        return values[model.Graph.Outputs[0].Name].ToFloats();
    }

    private static Tensor MatMul(Tensor a, Tensor b)
    {
        (int m, int k, int n) = ((int)a.Dims[0], (int)a.Dims[1], (int)b.Dims[1]);
        (float[] x, float[] y, float[] z) = (a.ToFloats(), b.ToFloats(), new float[m * n]);
        for (int i = 0; i < z.Length; i++)
        {
            z[i] = (float)Enumerable.Range(0, k).Sum(t => (double)x[(i / n * k) + t] * y[(t * n) + (i % n)]);
        }

        return Tensor.Of(z, m, n);
    }

    private static Draft Layer(int bits, bool signed, bool narrow, float zero, int weightBits, int opset, string op = "IntQuant", string domain = Domain, int seed = 4)
    {
        var draft = new Draft(opset, seed);
        string F(float v) => draft.Const(Tensor.Scalar(v));
        void Kind(Node n, bool s, bool t) => n.With("signed", s ? 1L : 0).With("narrow", t ? 1L : 0).With("rounding_mode", "ROUND");
        string x = draft.Node(op, [draft.Input("x", -3, 3, 4, 8), F(0.125f * 1.01f), F(zero), F(bits)], n => Kind(n, signed, narrow), domain);
        string scales = draft.Const(draft.Floats(0.05f, 0.2f, 1, 5));
        string w = draft.Node(op, [draft.Const(draft.Floats(-1, 1, 8, 5)), scales, F(0), F(weightBits)], n => Kind(n, true, true), domain);
        draft.Output(draft.Node("MatMul", [x, w]));
        return draft;
    }

    [Theory]
    [InlineData(17)]
    [InlineData(21)]
    public void Every_width_sign_and_narrowness_computes_the_same_in_onnx_runtime(int opset) =>
        Gen.Select(Gen.Int[1, 8], Gen.Bool, Gen.Bool, Gen.Int[2, 8], Gen.Int[0, 3]).Sample(
            (bits, signed, narrow, weightBits, zero) =>
            {
                bool tooFew = bits == 1 && (signed || narrow);
                Draft draft = Layer(bits, signed && !tooFew, narrow && !tooFew, signed ? 0 : 2 * zero % (1 << bits), weightBits, opset, seed: (bits * 10) + zero);
                Model model = draft.Build();
                float[] expected = Evaluate(model, draft.Feed);
                foreach (ModelFormat format in (ModelFormat[])[ModelFormat.Qdq, ModelFormat.Qcdq])
                {
                    Model converted = FormatConversion.Convert(model, format).Model;
                    Assert.DoesNotContain(converted.Domains, d => d == Domain);
                    Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(converted, draft.Feed)), 0, 1e-4);

                    Model back = FormatConversion.Convert(converted, ModelFormat.Qonnx).Model;
                    Assert.InRange(Oracle.MaxDifference(expected, Evaluate(back, draft.Feed)), 0, 1e-4);
                    Assert.Equal(Oracle.Output(converted, draft.Feed), Oracle.Output(FormatConversion.Convert(back, format).Model, draft.Feed));
                }
            },
            iter: 25,
            threads: 1);

    [Fact]
    public void Qcdq_keeps_the_widths()
    {
        Draft draft = Layer(3, signed: false, narrow: false, 0, 5, 17);
        Model qcdq = FormatConversion.Convert(draft.Build(), ModelFormat.Qcdq).Model;
        Assert.Equal(ModelFormat.Qcdq, FormatConversion.Detect(qcdq));
        Assert.Equal(2, qcdq.Graph.Nodes.Count(n => n.Op == "Clip"));
        Model qonnx = FormatConversion.Convert(qcdq, ModelFormat.Qonnx).Model;
        Assert.Equal([3, 5], qonnx.Graph.Nodes.Where(n => n.Op == "IntQuant").Select(n => qonnx.Graph.Constant(n.Input(3))!.ToFloats()[0]).Order());
    }

    [Fact]
    public void Four_bits_become_four_bit_types_where_the_opset_has_them()
    {
        Draft draft = Layer(4, signed: false, narrow: false, 6, 3, 21);
        Model qdq = FormatConversion.Convert(draft.Build(), ModelFormat.Qdq).Model;
        Assert.DoesNotContain(qdq.Graph.Nodes, n => n.Op == "Clip");
        Assert.Contains(qdq.Graph.Initializers.Values, t => t.Type is ElementType.UInt4);
    }

    [Fact]
    public void The_old_name_and_domain_are_read()
    {
        Draft draft = Layer(4, signed: true, narrow: false, 0, 4, 17, "Quant", "onnx.brevitas");
        Model model = draft.Build();
        Assert.Equal(ModelFormat.Qonnx, FormatConversion.Detect(model));
        Assert.InRange(Oracle.MaxDifference(Evaluate(model, draft.Feed), Oracle.Output(FormatConversion.Convert(model, ModelFormat.Qdq).Model, draft.Feed)), 0, 1e-4);
    }

    [Fact]
    public void Signs_go_there_and_back()
    {
        var draft = new Draft();
        string scale = draft.Const(Tensor.Scalar(0.3f));
        string x = draft.Node("BipolarQuant", [draft.Input("x", -1, 1, 4, 8), scale], domain: Domain);
        string w = draft.Node("BipolarQuant", [draft.Const(draft.Floats(-1, 1, 8, 3)), scale], domain: Domain);
        draft.Output(draft.Node("MatMul", [x, w]));
        Model model = draft.Build();
        float[] expected = Evaluate(model, draft.Feed);

        Model qdq = FormatConversion.Convert(model, ModelFormat.Qdq).Model;
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(qdq, draft.Feed)), 0, 1e-5);
        Model back = FormatConversion.Convert(qdq, ModelFormat.Qonnx).Model;
        Assert.Contains(back.Graph.Nodes, n => n.Op == "BipolarQuant");
        Assert.InRange(Oracle.MaxDifference(expected, Evaluate(back, draft.Feed)), 0, 1e-5);
        Assert.InRange(Oracle.MaxDifference(Oracle.Output(qdq, draft.Feed), Oracle.Output(FormatConversion.Convert(qdq, ModelFormat.Float).Model, draft.Feed)), 0, 10);
    }

    [Fact]
    public void An_odd_zero_point_is_said_to_move_ties_and_does()
    {
        var draft = new Draft();
        draft.Input("x", Tensor.Of([0.5f, 0.75f], 2));
        draft.Output(draft.Pair("x", 1, 1, ElementType.UInt8));
        ConversionResult result = FormatConversion.Convert(draft.Build(), ModelFormat.Qonnx);
        Assert.Contains(result.Notes, n => n.Contains("odd zero point", StringComparison.Ordinal));
        Assert.Equal([1f, 1f], Evaluate(result.Model, draft.Feed));
        Assert.Equal([0f, 1f], Oracle.Output(draft.Build(), draft.Feed));
    }

    [Theory]
    [InlineData("Trunc", "ROUND", 0f, "no equivalent")]
    [InlineData("IntQuant", "FLOOR", 0f, "FLOOR")]
    [InlineData("IntQuant", "ROUND", 0.5f, "whole numbers")]
    public void What_qdq_cannot_say_is_refused_by_name(string op, string rounding, float zero, string why)
    {
        var draft = new Draft();
        string F(float v) => draft.Const(Tensor.Scalar(v));
        string y = draft.Node(op, [draft.Input("x", -1, 1, 2, 2), F(0.1f), F(zero), F(4)], n => n.With("rounding_mode", rounding), Domain);
        draft.Output(y);
        Model model = draft.Build();
        var error = Assert.Throws<ModelException>(() => FormatConversion.Convert(model, ModelFormat.Qdq));
        Assert.Contains("from Qonnx to Qdq", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{model.Graph.Nodes[0].Name}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }
}
