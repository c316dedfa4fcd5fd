using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

public sealed class TensorTapTests
{
    private static readonly Dictionary<string, Tensor> s_x = new() { ["x"] = Tensor.Of([1f, 2f, 3f], 1, 3) };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Shows_inner_values_after_the_outputs_and_leaves_the_model_alone(bool optimize)
    {
        Model model = Samples.Linear();

        using OrtSession session = OrtSession.Load(TensorTap.Expose(model, ["s", "y", "p"]), new OrtOptions { Optimize = optimize });

        Assert.Equal(["y", "s", "p"], session.Outputs.Select(o => o.Name));
        Assert.All(session.Outputs, o => Assert.Equal(ElementType.Float, o.Type));
        IReadOnlyDictionary<string, Tensor> values = session.Run(s_x);
        Assert.Equal([22, 28], values["p"].ToFloats());
        Assert.Equal([12, 38], values["s"].ToFloats());
        Assert.Single(model.Graph.Outputs);
    }

    [Theory]
    [InlineData("w")]
    [InlineData("x")]
    [InlineData("")]
    [InlineData("nothing")]
    public void Refuses_what_no_node_makes(string name) =>
        Assert.Contains($"'{name}'", Assert.Throws<ModelException>(() => TensorTap.Expose(Samples.Linear(), [name])).Message);

    [Fact]
    public void Exposes_every_value_of_real_models_without_changing_their_outputs()
    {
        foreach (string name in (string[])["resnet8_cifar10", "silero_vad_16k_op15", "blazeface_front_128", "resnet8_cifar10_int8_qdq"])
        {
            Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
            Model tapped = TensorTap.Expose(model, TensorTap.Exposable(model.Graph));

            using OrtSession session = OrtSession.Load(tapped, new OrtOptions { Optimize = false });

            Assert.Equal(model.Graph.Outputs.Select(o => o.Name), session.Outputs.Take(model.Graph.Outputs.Count).Select(o => o.Name));
            Assert.True(session.Outputs.Count > 10);
        }
    }
}
