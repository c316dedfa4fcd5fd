using Halftone.Formats;

namespace Halftone.Core.Tests.Formats;

public sealed class ActivationQuantizerTests
{
    [Fact]
    public void A_level_is_the_number_of_thresholds_below() =>
        Gen.Select(Gen.Int[-8, 8].Array[1, 20], Gen.Int[-10, 10], Gen.Bool).Sample((borders, at, upperClosed) =>
        {
            // quarters: ties and repeated thresholds are common
            float[] thresholds = [.. borders.Select(b => b / 4f).Order()];
            float[] values = [.. Enumerable.Range(0, thresholds.Length + 1).Select(i => (i * 0.3f) - 1)];
            float x = at / 4f;
            int below = thresholds.Count(t => upperClosed ? t < x : t <= x);
            var levels = new Levels([.. values], [.. thresholds], upperClosed);
            return levels.Quantize(x) == values[below] && levels.Quantize(float.NaN) == values[0]
                && levels.Quantize(float.NegativeInfinity) == values[0] && levels.Quantize(float.PositiveInfinity) == values[^1];
        });

    [Fact]
    public void Bases_are_signs_of_clipped_sums() =>
        Gen.Select(Gen.Int[-4096, 4096].Array[1, 5], Gen.Int[-8192, 8192]).Sample((shifts, at) =>
        {
            // multiples of 1/2048 add without rounding
            float x = at / 2048f;
            float[] betas = [.. shifts.Select((_, i) => 1f / (1 << i))];
            float expected = shifts.Select((s, i) => betas[i] * (Math.Clamp(x + (s / 2048f), 0, 1) - 0.5f >= 0 ? 1 : -1)).Sum();
            return new BinaryBases([.. betas], [.. shifts.Select(s => s / 2048f)]).Quantize(x) == expected;
        });

    [Fact]
    public void The_sign_of_a_tiny_number_is_its_own()
    {
        // x + 0.5 rounds to 0.5
        var sign = new BinaryBases([1], [0.5f]);
        Assert.Equal([-1, 1, 1, 1, -1], new[] { -1e-30f, 1e-30f, 0, -0f, float.NaN }.Select(sign.Quantize));
        Assert.Equal([0f, 0.5f, MathF.BitIncrement(0.5f), 0.5f], new BinaryBases([1, 1, 1, 1], [0.5f, 0, -1e-20f, 1e-20f]).Thresholds);
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new BinaryBases([], []));
        Assert.Throws<ArgumentException>(() => new BinaryBases([1], [float.NaN]));
        Assert.Throws<ArgumentException>(() => new BinaryBases([float.PositiveInfinity], [0]));
        Assert.Throws<ArgumentException>(() => new Levels([0, float.PositiveInfinity], [1], upperClosed: true));
        Assert.Throws<ArgumentException>(() => new Levels([0, 0], [1], upperClosed: true));
        Assert.Throws<ArgumentException>(() => new Levels([0, 1, 2], [1, 0.5f], upperClosed: true));
        Assert.Throws<ArgumentException>(() => new Levels([0, 1], [1, 2], upperClosed: true));
    }
}
