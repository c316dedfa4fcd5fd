using Halftone.PostTraining.Proofs;

namespace Halftone.PostTraining.Tests.Proofs;

/// <summary>The bounds of a collapse: agreement under half of plain min/max's, output SQNR under 5 dB, more than 3 points or 6 dB behind plain min/max.</summary>
public sealed class VerdictTests
{
    [Theory]
    [InlineData(5.0, null, null, null, false)]
    [InlineData(4.99, null, null, null, true)]
    [InlineData(double.NaN, null, null, null, true)]
    [InlineData(double.NegativeInfinity, null, null, null, true)]
    [InlineData(double.PositiveInfinity, null, null, null, false)]
    [InlineData(20.0, 63 / 64.0, 26.0, 1.0, false)] // 1.6 points and 6 dB behind
    [InlineData(20.0, 62 / 64.0, 26.0, 1.0, true)] // 3.1 points
    [InlineData(19.9, 1.0, 26.0, 1.0, true)]
    [InlineData(30.0, 0.02, 26.0, 0.045, true)] // under half, though within 3 points
    [InlineData(30.0, 0.03, 26.0, 0.045, false)]
    [InlineData(30.0, 1.0, 20.0, 0.5, false)] // ahead
    [InlineData(20.0, null, 26.0, null, false)]
    [InlineData(19.9, null, 26.0, null, true)]
    public void Collapsed_is_what_the_bounds_say(double sqnr, double? same, double? canarySqnr, double? canarySame, bool collapsed)
    {
        Agreement? canary = canarySqnr is { } dB ? new Agreement(dB, 1, canarySame, 64) : null;
        Assert.Equal(collapsed, Verdict.Collapse(new Agreement(sqnr, 1, same, 64), canary) is not null);
    }
}
