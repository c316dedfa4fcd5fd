using Halftone.Engine.Kernels.LowBit;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Tests.LowBit;

/// <summary>The engine against ONNX Runtime, each judged by double precision. Error: root mean square over all outputs.</summary>
public class MatMulNBitsTests
{
    private const double WorstOfOnnxRuntime = 1.5;

    public static TheoryData<string, int, int, bool, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, int, bool, int>();
            foreach (LowBitTier tier in LowBitTiers.All)
            {
                foreach (int block in new[] { 16, 32, 64, 128 })
                {
                    cases.Add(tier.Name, 4, block, true, 3);
                    cases.Add(tier.Name, 4, block, false, 1);
                    cases.Add(tier.Name, 0, block, true, 1);
                    cases.Add(tier.Name, 0, block, false, 3);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Errs_no_more_than_onnx_runtime(string tierName, int accuracyLevel, int block, bool zeros, int rows)
    {
        LowBitTier tier = LowBitTiers.All.Single(t => t.Name == tierName);
        Assert.SkipUnless(tier.IsSupported(), $"this machine has no {tierName}");
        const int K = 512, N = 72;
        LowBitProblem problem = LowBitCase.Problem(5, K, N, 4, block, uniform: false, bias: true, accuracyLevel == 4 ? LowBitArithmetic.Integer : LowBitArithmetic.Float);
        if (!zeros)
        {
            Array.Fill(problem.ZeroPoints, (byte)8);
        }

        float[] x = LowBitModels.Rows(rows, rows, K);
        double[] truth = LowBitCase.Truth(problem, x);
        using OrtSession session = OrtSession.Load(LowBitModels.MatMulNBits(problem, accuracyLevel));
        float[] theirs = session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(x, rows, K) })["y"].ToFloats();
        using LowBitKernel kernel = tier.Build(problem);
        float[] ours = LowBitCase.Run(kernel, problem, x);
        double size = Error(truth, new float[truth.Length]);
        double theirError = Error(truth, theirs) / size;

        // theirs computes what it is asked for: floats to 6 digits, 8-bit activations to 2
        Assert.InRange(theirError, accuracyLevel == 4 ? 1e-4 : 1e-9, accuracyLevel == 4 ? 2e-2 : 1e-5);
        Assert.InRange(Error(truth, ours) / size, 0, WorstOfOnnxRuntime * theirError);
    }

    private static double Error(double[] truth, float[] values) => Math.Sqrt(truth.Zip(values, (t, v) => (t - v) * (t - v)).Average());
}
