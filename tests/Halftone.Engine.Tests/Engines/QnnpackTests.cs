using System.Numerics;
using Halftone.Engine.Kernels;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Engines;

/// <summary>What QNNPACK promises: borders of the input's zero point, and its own fixed point.</summary>
public sealed class QnnpackTests
{
    public static TheoryData<string> Tiers => OneNode.Tiers;

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Convolutions_equal_the_naive_one(string tier) =>
        Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Bool, Gen.Bool).Sample(
            (seed, bytes, zeros) =>
            {
                var conv = new WindowedConv(seed, bytes, zeros);
                Assert.Equal(conv.Expected(conv.Exact, conv.Nearest), conv.Node().Run(new EngineOptions { Tier = tier }).As<byte>().ToArray());
                Assert.Equal(
                    conv.Expected(conv.Exact, (sum, output) => (long)Q31(sum, conv.Scales[output])),
                    conv.Node().Run(new EngineOptions { Tier = tier, Requantization = Requantization.Q31 }).As<byte>().ToArray());
            },
            iter: 60,
            threads: 1);

    /// <summary>Keeps the test above honest: a border of zeros would show.</summary>
    [Fact]
    public void The_border_matters()
    {
        var conv = new WindowedConv(3);
        Assert.NotEqual(conv.Expected(conv.Exact, conv.Nearest, padding: 0), conv.Expected(conv.Exact, conv.Nearest));
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(1.5f)]
    [InlineData(1e-10f)]
    public void Scales_outside_of_the_fixed_point_are_refused(float scale)
    {
        Tensor[] inputs =
        [
            Tensor.Of((byte[])[1, 2], 1, 2), Tensor.Scalar(scale), Tensor.Scalar((byte)0), Tensor.Of((sbyte[])[3, 4], 2, 1), Tensor.Scalar(1f), Tensor.Scalar((sbyte)0),
            Tensor.Scalar(1f), Tensor.Scalar((byte)0),
        ];
        OneNode node = OneNode.Of(new Node("node", "QLinearMatMul", [], []), ElementType.UInt8, inputs, 0);
        ModelException error = Assert.Throws<ModelException>(() => EngineSession.Load(node.Model, new EngineOptions { Requantization = Requantization.Q31 }));
        Assert.Contains("'node' (QLinearMatMul)", error.Message, StringComparison.Ordinal);
        Assert.Contains("below 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Products_whose_scales_by_column_are_not_constant_cannot_be_requantized_otherwise_than_onnx_says()
    {
        OneNode node = new IntegerProduct(2, 3, 4, signedWeights: true, perColumn: true, 1).QLinear(constantWeights: false);
        ModelException error = Assert.Throws<ModelException>(() => node.Run(new EngineOptions { Requantization = Requantization.Q31 }));
        Assert.Contains("'node' (QLinearMatMul)", error.Message, StringComparison.Ordinal);
        Assert.Contains("Q31", error.Message, StringComparison.Ordinal);
    }

    // the float's 24 bits as a fraction in [0.5, 1) times 2^31; then rounded twice
    private static BigInteger Q31(int sum, float scale)
    {
        int shift = 0;
        for (; scale < 0.5f; shift++)
        {
            scale *= 2;
        }

        return ExactEpilogue.HalfAway(ExactEpilogue.HalfUp(sum * (BigInteger)(scale * (double)(1L << 31)), 31), shift);
    }
}
