using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

/// <summary>Split and Slice of codes against ONNX Runtime, bit for bit.</summary>
public sealed class PieceTests
{
    [Fact]
    public void Split() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 9], Gen.Int[1, 9], Gen.Int[0, 3]).Sample((seed, first, second, axis) =>
    {
        long[] x = [2, 5, 4, 3];
        x[axis] = first + second + 1;
        var model = new QdqModel(seed, new Dictionary<string, long[]> { ["x"] = x }, "y1", "y2", "y3");
        bool signed = seed % 2 == 0;
        model.Constant("lengths", Tensor.Of([1L, first, second], 3));
        model.Node("Split", [model.Qdq("x", 0.02f, 128, signed), "lengths"], "a", "b", "c").With("axis", seed % 3 == 0 ? axis - 4 : axis);
        model.Quantize("a", 0.02f, 128, signed, "y1");
        model.Quantize("b", 0.02f, 128, signed, "y2");
        model.Quantize("c", 0.025f, 100, signed, "y3");
        UnitRun.Check(model.Model, model.Inputs, "Split", typeof(PieceStep), spread: 0);
    }, iter: 10);

    [Fact]
    public void Slice_of_images() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[0, 2], Gen.Int[1, 3]).Sample((seed, begin, length) =>
    {
        // the convolution has the slice read images with a border, and write such
        var model = new QdqModel(seed, new Dictionary<string, long[]> { ["x"] = [2, 7, 6, 5] }, "y1", "y2");
        string input = model.Qdq("x", 0.02f, 128, false);
        model.Constant("begins", Tensor.Of([(long)begin, begin - 6, begin], 3));
        model.Constant("ends", Tensor.Of([(long)begin + length, begin - 6 + length, begin + 2], 3));
        model.Constant("axes", Tensor.Of([1L, 2, -1], 3));
        model.Node("Conv", [input, model.Weight(0, false, 4, 7, 3, 3)], "full").With("pads", [1L, 1, 1, 1]);
        model.Quantize("full", 0.1f, 128, false, "y1");
        model.Node("Slice", [input, "begins", "ends", "axes"], "piece");
        model.Node("Conv", [model.Qdq("piece", 0.02f, 128, false), model.Weight(0, false, 4, length, 3, 3)], "part").With("pads", [1L, 1, 1, 1]);
        model.Quantize("part", 0.1f, 128, false, "y2");
        UnitRun.Check(model.Model, model.Inputs, "Slice", typeof(PieceStep));
    }, iter: 15);
}
