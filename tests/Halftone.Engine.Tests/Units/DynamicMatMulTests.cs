using Halftone.Engine.Steps;
using Halftone.Engine.Tests.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

/// <summary>Products of two computed operands against ONNX Runtime: codes of QLinearMatMul and sums of MatMulInteger bit for bit.</summary>
public sealed class DynamicMatMulTests
{
    private static readonly Gen<(int Seed, int M, int K, int N, int Batches)> s_lengths =
        Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 40], Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[0, 3]);

    [Fact]
    public void Between_quantizers() => s_lengths.Sample((seed, m, k, n, batches) =>
    {
        (long[] a, long[] b) = Lengths(m, k, n, batches);
        var model = new QdqModel(seed, new Dictionary<string, long[]> { ["a"] = a, ["b"] = b }, "y", "z");
        (bool aSigned, bool bSigned) = (seed % 2 == 0, seed % 3 == 0);
        model.Node("MatMul", [model.Qdq("a", 0.016f, 120 + (seed % 10), aSigned), model.Qdq("b", 0.015f, 100 + (seed % 50), bSigned)], "product");
        model.Quantize("product", 0.1f, 120, aSigned, "y");
        model.Node("MatMul", [model.Qdq("a", 0.018f, 128, aSigned), model.Qdq("b", 0.017f, 128, bSigned)], "z");
        UnitRun.Check(model.Model, model.Inputs, "MatMul", typeof(DynamicProductStep), tolerance: 1e-5);
    }, iter: 15);

    [Fact]
    public void QLinearMatMul() => s_lengths.Sample((seed, m, k, n, batches) =>
    {
        (long[] a, long[] b) = Lengths(m, k, n, batches);
        (bool aSigned, bool bSigned) = (seed % 2 == 0, seed % 2 == 0 || seed % 3 == 0);
        Dictionary<string, Tensor> inputs = new() { ["a"] = RandomTensors.Codes(seed, aSigned, a), ["b"] = RandomTensors.Codes(seed + 1, bSigned, b) };
        Model model = Create(inputs);
        model.Graph.SetConstant("as", RandomTensors.Scales(seed));
        model.Graph.SetConstant("az", RandomTensors.Codes(seed + 2, aSigned));
        model.Graph.SetConstant("bs", RandomTensors.Scales(seed + 3));
        model.Graph.SetConstant("bz", RandomTensors.Codes(seed + 4, bSigned));
        model.Graph.SetConstant("ys", Tensor.Scalar(0.1f));
        model.Graph.SetConstant("yz", RandomTensors.Codes(seed + 5, aSigned));
        model.Graph.Add(new Node("n", "QLinearMatMul", ["a", "as", "az", "b", "bs", "bz", "ys", "yz"], ["y"]));
        UnitRun.Check(model, inputs, "QLinearMatMul", typeof(DynamicProductStep), spread: 0);
    }, iter: 15);

    [Fact]
    public void MatMulInteger() => s_lengths.Sample((seed, m, k, n, batches) =>
    {
        (long[] a, long[] b) = Lengths(m, k, n, batches);
        (bool aSigned, bool bSigned) = (seed % 2 == 0, seed % 2 == 0 || seed % 3 == 0);
        Dictionary<string, Tensor> inputs = new()
        {
            ["a"] = RandomTensors.Codes(seed, aSigned, a),
            ["b"] = RandomTensors.Codes(seed + 1, bSigned, b),
            ["az"] = RandomTensors.Codes(seed + 2, aSigned),
            ["bz"] = RandomTensors.Codes(seed + 4, bSigned),
        };
        Model model = Create(inputs);
        model.Graph.Add(new Node("n", "MatMulInteger", ["a", "b", "az", "bz"], ["y"]));
        UnitRun.Check(model, inputs, "MatMulInteger", typeof(DynamicProductStep));
    }, iter: 15);

    private static (long[] A, long[] B) Lengths(int m, int k, int n, int batches) => batches switch
    {
        0 => ([m, k], [k, n]),
        1 => ([2, 3, m, k], [2, 3, k, n]),
        2 => ([2, 1, m, k], [3, k, n]),
        _ => ([m, k], [3, 1, k, n]),
    };

    private static Model Create(Dictionary<string, Tensor> inputs) => Model.Create(
        21, inputs.Select(i => new ValueInfo(i.Key, i.Value.Type, [.. i.Value.Dims.Select(d => (long?)d)])), [new ValueInfo("y", ElementType.Undefined, null)]);
}
