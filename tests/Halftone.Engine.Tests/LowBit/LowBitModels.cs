using Halftone.Engine.Kernels.LowBit;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.LowBit;

/// <summary>Products by low-bit weights as models for ONNX Runtime.</summary>
internal static class LowBitModels
{
    /// <summary>Rows of x drawn from a seed, from -1 to 1.</summary>
    public static float[] Rows(int seed, int rows, int k)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows * k).Select(_ => (2 * random.NextSingle()) - 1)];
    }

    /// <summary>A model of one MatMulNBits, from x [rows, K] to y [rows, N].</summary>
    /// <param name="problem">4 bits, and a block size that is a power of 2 from 16 on.</param>
    /// <param name="accuracyLevel">0 or 1 for floats, 4 for integers.</param>
    public static Model MatMulNBits(LowBitProblem problem, int accuracyLevel)
    {
        if (problem.Bits != 4)
        {
            throw new ArgumentException("ONNX Runtime computes with 4 bits here.", nameof(problem));
        }

        (int k, int n, int block, int blocks) = (problem.K, problem.N, problem.BlockSize, problem.Blocks);
        var packed = new byte[n * blocks * block / 2];
        var zeros = new byte[n * ((blocks + 1) / 2)];
        for (int channel = 0; channel < n; channel++)
        {
            for (int place = 0; place < blocks * block; place++)
            {
                int code = place < k ? problem.Codes[(channel * k) + place] : problem.ZeroPoints[(channel * blocks) + (place / block)];
                packed[((channel * blocks * block) + place) / 2] |= (byte)(code << (place % 2 * 4));
            }

            for (int b = 0; b < blocks; b++)
            {
                zeros[(channel * ((blocks + 1) / 2)) + (b / 2)] |= (byte)(problem.ZeroPoints[(channel * blocks) + b] << (b % 2 * 4));
            }
        }

        Model model = Model.Create(21, [new ValueInfo("x", ElementType.Float, [null, k])], [new ValueInfo("y", ElementType.Float, [null, n])]);
        model.SetOpset("com.microsoft", 1);
        List<string> inputs =
        [
            "x",
            model.Graph.AddConstant("codes", Tensor.Of(packed, n, blocks, block / 2)),
            model.Graph.AddConstant("scales", Tensor.Of(problem.Scales, n, blocks)),
        ];
        if (problem.ZeroPoints.AsSpan().ContainsAnyExcept((byte)8) || problem.Bias is not null)
        {
            inputs.Add(model.Graph.AddConstant("zeros", Tensor.Of(zeros, n, (blocks + 1) / 2)));
        }

        if (problem.Bias is { } bias)
        {
            inputs.AddRange(["", model.Graph.AddConstant("bias", Tensor.Of(bias, n))]);
        }

        model.Graph.Add(new Node("product", "MatMulNBits", inputs, ["y"], "com.microsoft")
            .With("K", k).With("N", n).With("bits", problem.Bits).With("block_size", block).With("accuracy_level", accuracyLevel));
        return model;
    }
}
