using System.Text.Json;

namespace Halftone.Core.Tests;

public sealed class MethodTextTests
{
    [Theory]
    [InlineData("mse", "mse", "{}")]
    [InlineData("psnr:border=4,peak=255", "psnr", """{"border":4,"peak":255}""")]
    [InlineData("kl-entropy:variant=nvidia", "kl-entropy", """{"variant":"nvidia"}""")]
    [InlineData("x:on=true, share=0.5", "x", """{"on":true,"share":0.5}""")]
    public void Options_stand_behind_a_colon(string text, string id, string options)
    {
        (string found, JsonElement read) = MethodText.Split(text);
        Assert.Equal((id, options), (found, read.GetRawText()));
    }

    [Theory]
    [InlineData("psnr:")]
    [InlineData("psnr:4")]
    [InlineData("psnr:border=")]
    [InlineData("psnr:=4")]
    [InlineData("psnr:border=4,")]
    [InlineData("psnr:a=b=c")]
    public void Anything_else_is_refused(string text) => Assert.Contains("name=value", Assert.Throws<ArgumentException>(() => MethodText.Split(text)).Message, StringComparison.Ordinal);
}
