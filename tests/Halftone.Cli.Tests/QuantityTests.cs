namespace Halftone.Cli.Tests;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("1GB", 1L << 30)]
    [InlineData("512 mb", 512L << 20)]
    [InlineData("1.5g", 3L << 29)]
    [InlineData("2MiB", 2L << 20)]
    [InlineData("4096", 4096L)]
    [InlineData("7B", 7L)]
    public void Sizes_are_read(string text, long bytes) => Assert.Equal(bytes, Quantity.Bytes(text));

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("20m", 1200)]
    [InlineData("1h30m", 5400)]
    [InlineData("0.5h", 1800)]
    [InlineData("45", 45)]
    public void Times_are_read(string text, double seconds) => Assert.Equal(seconds, Quantity.Duration(text).TotalSeconds);

    [Theory]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("-1MB")]
    [InlineData("1QB")]
    [InlineData("0")]
    [InlineData("99999999TB")]
    public void What_is_no_size_is_refused(string text) => Assert.Throws<FormatException>(() => Quantity.Bytes(text));

    [Theory]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("20x")]
    [InlineData("-5m")]
    [InlineData("1..5h")]
    [InlineData("0s")]
    public void What_is_no_time_is_refused(string text) => Assert.Throws<FormatException>(() => Quantity.Duration(text));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KB")]
    [InlineData(3L << 30, "3 GB")]
    public void Sizes_are_written(long bytes, string text) => Assert.Equal(text, Quantity.Size(bytes));
}
