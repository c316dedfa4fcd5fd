namespace Halftone.Onnx.Tests;

public sealed class WidenedTests
{
    /// <summary>All bytes, and counts that end within one.</summary>
    [Theory]
    [InlineData(ElementType.Int4, ElementType.Int8)]
    [InlineData(ElementType.UInt4, ElementType.UInt8)]
    [InlineData(ElementType.Int2, ElementType.Int8)]
    [InlineData(ElementType.UInt2, ElementType.UInt8)]
    public void Elements_keep_their_values(ElementType packed, ElementType wide)
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(b => (byte)b)];
        int together = 8 / packed.Bits();
        foreach (int left in Enumerable.Range(0, together))
        {
            var tensor = new Tensor(packed, [(256L * together) - left], all);
            Tensor widened = tensor.Widened();
            Assert.Equal(wide, widened.Type);
            Assert.Equal(tensor.ToInt64s(), widened.ToInt64s());
        }
    }

    [Fact]
    public void Others_are_themselves()
    {
        var bytes = Tensor.Of([1, 2, 3], 3);
        Assert.Same(bytes, bytes.Widened());
    }
}
