namespace Halftone.OnnxRuntime.Tests;

public sealed class OutputComparisonTests
{
    private static OutputFidelity One(long[] dims, float[] reference, float[] quantized)
    {
        OutputComparison comparison = new();
        comparison.Add("y", dims, reference, quantized);
        return Assert.Single(comparison.Results());
    }

    [Fact]
    public void Equal_outputs_are_perfect()
    {
        OutputFidelity result = One([2, 2], [1, -2, 3, 4], [1, -2, 3, 4]);

        Assert.Equal(double.PositiveInfinity, result.SqnrDecibels);
        Assert.Equal(1, result.Cosine, 12);
        Assert.Equal(0, result.LargestDifference);
        Assert.Equal(1, result.ArgmaxAgreement);
    }

    [Fact]
    public void A_tenth_of_the_signal_as_noise_is_twenty_decibels() => Assert.Equal(20, One([1, 3], [10, 20, -30], [11, 22, -33]).SqnrDecibels, 5);

    [Fact]
    public void Scaling_keeps_the_cosine_and_right_angles_have_none()
    {
        Assert.Equal(1, One([1, 3], [1, 2, 3], [2, 4, 6]).Cosine, 12);
        Assert.Equal(-1, One([1, 3], [1, 2, 3], [-2, -4, -6]).Cosine, 12);
        Assert.Equal(0, One([1, 2], [1, 0], [0, 1]).Cosine, 12);
    }

    [Fact]
    public void Samples_come_together_whatever_the_batches()
    {
        float[] r = [.. Enumerable.Range(0, 12).Select(i => MathF.Sin(i))];
        float[] q = [.. r.Select(v => MathF.Round(v * 4) / 4)];
        OutputComparison parts = new();
        parts.Add("y", [1, 3], r.AsSpan(0, 3), q.AsSpan(0, 3));
        parts.Add("y", [3, 3], r.AsSpan(3), q.AsSpan(3));

        Assert.Equal(One([4, 3], r, q), Assert.Single(parts.Results()));
    }

    [Theory]
    [InlineData(new long[] { 2, 3 }, 2)]
    [InlineData(new long[] { 2, 3, 1, 1 }, 2)]
    [InlineData(new long[] { 1, 3, 1, 2 }, 2)] // class axis 1 of four
    [InlineData(new long[] { 6 }, 1)]
    [InlineData(new long[] { 6, 1 }, 1)] // one axis is left, which is the classes'
    [InlineData(new long[] { 1, 1, 2, 3 }, 0)] // one channel: no classes
    public void Counts_rows_along_the_class_axis(long[] dims, long rows) => Assert.Equal(rows, One(dims, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]).Rows);

    [Fact]
    public void Argmax_is_taken_along_the_channels_of_an_image()
    {
        // [1, 2, 1, 2]: channel 0 is (1, 4), channel 1 is (2, 3): places 1 and 0; then 1 and 1
        OutputFidelity result = One([1, 2, 1, 2], [1, 4, 2, 3], [1, 3, 2, 4]);

        Assert.Equal(0.5, result.ArgmaxAgreement);
    }

    [Fact]
    public void A_broken_output_is_infinitely_bad_and_never_agrees()
    {
        OutputFidelity result = One([2, 2], [1, 2, 3, 4], [1, float.NaN, float.PositiveInfinity, 4]);

        Assert.Equal(2, result.NotFinite);
        Assert.Equal(double.NegativeInfinity, result.SqnrDecibels);
        Assert.Equal(0, result.ArgmaxAgreement);
        Assert.Equal(1, One([1, 2], [float.NaN, 2], [1, 2]).ReferenceNotFinite);
    }

    [Fact]
    public void Dead_and_stuck_outputs_are_told_apart()
    {
        OutputFidelity dead = One([2, 2], [1, 2, 3, 4], [5, 5, 5, 5]);
        OutputFidelity stuck = One([2, 2], [1, 2, 3, 4], [5, 6, 5, 6]);
        OutputFidelity alive = One([2, 2], [1, 2, 3, 4], [1, 2, 3, 5]);

        Assert.True(dead.Constant && dead.SameForAllSamples);
        Assert.True(!stuck.Constant && stuck.SameForAllSamples);
        Assert.True(!alive.Constant && !alive.SameForAllSamples);
        Assert.False(One([2, 2], [7, 7, 7, 7], [5, 5, 5, 5]).Constant);
    }

    [Fact]
    public void Refuses_values_that_do_not_fit() => Assert.Throws<ArgumentException>(() => One([2, 2], [1, 2, 3], [1, 2, 3]));
}
