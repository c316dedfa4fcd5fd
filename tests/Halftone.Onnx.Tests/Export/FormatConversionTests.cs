using Halftone.Onnx.Export;

namespace Halftone.Onnx.Tests.Export;

public class FormatConversionTests
{
    [Fact]
    public void A_float_model_is_not_converted_to_a_quantized_format()
    {
        var draft = new Draft();
        draft.Output(draft.Node("Relu", [draft.Input("x", -1, 1, 2, 2)]));
        Model model = draft.Build();
        Assert.Equal(ModelFormat.Float, FormatConversion.Detect(model));
        var error = Assert.Throws<ModelException>(() => FormatConversion.Convert(model, ModelFormat.Qdq));
        Assert.Contains("quantize it first", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_input_model_is_left_alone()
    {
        var draft = new Draft();
        draft.Output(draft.Pair(draft.Input("x", -1, 1, 2, 2), 0.1f, 128, ElementType.UInt8));
        Model model = draft.Build();
        byte[] before = model.ToBytes();
        foreach (ModelFormat format in (ModelFormat[])[ModelFormat.Qdq, ModelFormat.QOperator, ModelFormat.Qonnx, ModelFormat.Qcdq, ModelFormat.Float, ModelFormat.Float16])
        {
            FormatConversion.Convert(model, format);
        }

        Assert.Equal(before, model.ToBytes());
    }

    [Fact]
    public void A_relu_that_only_saturation_did_is_back_in_the_float_model()
    {
        var draft = new Draft();
        string sum = draft.Node("Add", [draft.Input("x", -1, 1, 4, 4), draft.Const(Tensor.Scalar(0.1f))]);
        draft.Output(draft.Pair(sum, 1.1f / 255, 0, ElementType.UInt8));
        Model model = draft.Build();
        ConversionResult result = FormatConversion.Convert(model, ModelFormat.Float);
        Assert.Contains(result.Model.Graph.Nodes, n => n.Op == "Relu");
        Assert.InRange(Oracle.MaxDifference(Oracle.Output(model, draft.Feed), Oracle.Output(result.Model, draft.Feed)), 0, 1.1 / 255);
    }

    [Fact]
    public void Codes_that_leave_the_graph_cannot_be_taken_out()
    {
        var draft = new Draft();
        string codes = draft.Quantize(draft.Input("x", -1, 1, 2, 2), 0.1f, 128, ElementType.UInt8);
        draft.Output(codes, ElementType.UInt8, 2);
        var error = Assert.Throws<ModelException>(() => FormatConversion.Convert(draft.Build(), ModelFormat.Float));
        Assert.Contains("from Qdq to Float", error.Message, StringComparison.Ordinal);
        Assert.Contains("QuantizeLinear", error.Message, StringComparison.Ordinal);
    }
}
