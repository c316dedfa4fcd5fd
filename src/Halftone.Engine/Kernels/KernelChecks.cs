using Halftone.Engine.Kernels.Depthwise;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Products.Narrow;
using Halftone.Engine.Kernels.Winograd;

namespace Halftone.Engine.Kernels;

/// <summary>What every tier requires of a problem, since kernels check nothing while they run.</summary>
internal static class KernelChecks
{
    /// <summary>Refuses a problem whose arrays do not fit.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static void Require(ProductProblem problem)
    {
        Require(problem.Channels > 0 && problem.SegmentBytes > 0 && !problem.SegmentOffsets.IsDefaultOrEmpty, "a product has channels, segments and bytes");
        Lengths(problem.Channels, (long)problem.SegmentOffsets.Length * problem.SegmentBytes, problem.Weights, problem.Bias, problem.Epilogue);
        Require(problem.Residual is null || problem.Epilogue is FloatRequantize or FixedPointRequantize, "a residual is added to codes");
        Packed(problem);
    }

    /// <summary>Refuses a problem whose arrays do not fit.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static void Require(DepthwiseProblem problem)
    {
        Require(problem.Channels > 0 && problem.KernelWidth > 0 && !problem.RowOffsets.IsDefaultOrEmpty, "a depthwise convolution has channels and taps");
        Lengths(problem.Channels, (long)problem.RowOffsets.Length * problem.KernelWidth, problem.Weights, problem.Bias, problem.Epilogue);
    }

    /// <summary>Refuses a problem whose arrays do not fit, or whose sums may not.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static void Require(WinogradProblem problem)
    {
        Require(problem.Outputs > 0 && problem.Images > 0 && problem.Height > 0 && problem.Width > 0, "a convolution has images, pixels and channels");
        Require(problem.Inputs > 0 && problem.Inputs % WinogradTransform.Lanes == 0, $"Winograd convolutions take multiples of {WinogradTransform.Lanes} channels, not {problem.Inputs}");
        Require(problem.Outputs <= WinogradProblem.MostOutputs, $"Winograd convolutions make {WinogradProblem.MostOutputs} channels at most, not {problem.Outputs}");
        Lengths(problem.Outputs, 9L * problem.Inputs, problem.Weights, problem.Bias, problem.Epilogue);
        Require(problem.Epilogue.ElementBytes == 1, "Winograd convolutions make codes");
        Require(WinogradTransform.Fits(problem.Weights, problem.Bias), "sums of Winograd convolutions have 26 bits");
    }

    /// <summary>Refuses a problem whose arrays do not fit.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static void Require(NarrowProblem problem)
    {
        Require(problem.Product);
        Require(problem.Product.Residual is null, "saturating products have no residual");
        int channels = problem.Product.Channels;
        Require(problem.Stretch >= 2 && problem.Stretch % 2 == 0, $"16-bit sums go over pairs, not over {problem.Stretch} places");
        Require(problem.ZeroPoints.Length == channels, $"{channels} channels need as many zero points, not {problem.ZeroPoints.Length}");
        OutlierColumns outliers = problem.Outliers;
        Require(outliers.Starts.Length == channels + 1 && outliers.Starts[^1] == outliers.Count && outliers.Depths.Length == outliers.Count, $"{channels} channels need as many columns of outliers");
        Require(outliers.Depths.All(d => d >= 0 && d < problem.Depth), $"outliers lie within a depth of {problem.Depth}");
    }

    private static void Packed(ProductProblem problem)
    {
        int bits = problem.WeightBits;
        Require(bits is 8 or 4 or 2, $"weights have 8, 4 or 2 bits, not {bits}");
        if (bits < 8)
        {
            int most = (1 << (bits - 1)) - 1;
            Require(problem.Weights.AsSpan().IndexOfAnyExceptInRange((sbyte)(-most - 1), (sbyte)most) < 0, $"weights of {bits} bits lie in {-most - 1}..{most}");
            long depth = (long)problem.SegmentOffsets.Length * problem.SegmentBytes;
            Require(depth <= ProductProblem.DeepestPacked, $"products by packed weights are at most {ProductProblem.DeepestPacked} deep, not {depth}");
        }
    }

    private static void Lengths(int channels, long weightsEach, sbyte[] weights, int[] bias, Epilogue epilogue)
    {
        Require(weights.Length == channels * weightsEach, $"{channels} channels of {weightsEach} weights are not {weights.Length}");
        Require(bias.Length == channels, $"{channels} channels need as many biases, not {bias.Length}");
        switch (epilogue)
        {
            case ToFloat e:
                Require(e.Scale.Length == channels && e.Offset.Length == channels, $"{channels} channels need as many scales and offsets");
                break;
            case FloatRequantize e:
                Require(e.Scale.Length == channels, $"{channels} channels need as many scales, not {e.Scale.Length}");
                Codes(e.ZeroPoint, e.Least, e.Most);
                break;
            case FixedPointRequantize e:
                Require(e.Multiplier.Length == channels && e.Exponent.Length == channels, $"{channels} channels need as many multipliers and exponents");
                Require(e.Multiplier.All(m => m >= 0), "multipliers are not negative");
                int most = e.Form == FixedPointForm.Q31 ? 0 : FixedPoint.MostExponent;
                Require(e.Exponent.All(x => x >= FixedPoint.LeastExponent && x <= most), $"exponents of {e.Form} go from {FixedPoint.LeastExponent} to {most}");
                Codes(e.ZeroPoint, e.Least, e.Most);
                break;
        }
    }

    private static void Codes(int zeroPoint, byte least, byte most)
    {
        Require(zeroPoint is >= 0 and <= 255, $"the zero point of bytes cannot be {zeroPoint}");
        Require(least <= most, $"no code lies in {least}..{most}");
    }

    private static void Require(bool holds, string rule)
    {
        if (!holds)
        {
            throw new ArgumentException($"Not a problem a kernel can take: {rule}.");
        }
    }
}
