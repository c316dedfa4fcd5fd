using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

public sealed class DepthwiseTests
{
    /// <summary>One tap a channel makes an image one row of pixels, which goes by in pieces: the last is shorter.</summary>
    [Fact]
    public void One_tap_over_images_of_any_size() =>
        Gen.Select(Gen.Int[1, 2], Gen.Int[2, 70], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[0, 1 << 30]).Sample(
            (batch, channels, height, width, seed) =>
            {
                var model = new QdqModel(seed, new Dictionary<string, long[]> { ["x"] = [batch, channels, height, width] }, "y");
                string activation = model.Qdq("x", 2f / 127, seed % 256, signed: false);
                Node node = model.Node("Conv", [activation, model.Weight(null, false, [channels, 1, 1, 1])], "sums");
                node.With("group", channels);
                model.Quantize("sums", 0.02f, 100, signed: false, "y");
                UnitRun.Check(model.Model, model.Inputs, "Conv", typeof(DepthwiseStep));
            },
            iter: 40);
}
