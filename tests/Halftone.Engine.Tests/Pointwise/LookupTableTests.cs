using System.Runtime.Intrinsics.X86;
using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Tests.Pointwise;

public sealed unsafe class LookupTableTests
{
    [Fact]
    public void Every_code_is_found_whatever_the_length_and_width() => Gen.Select(Gen.Int[0, 300], Gen.Int[0, 1000]).Sample((count, seed) =>
    {
        var random = new Random(seed);
        using var table = new GuardedMemory(256);
        using var x = new GuardedMemory(count);
        using var y = new GuardedMemory(count);
        random.NextBytes(table.Span);
        random.NextBytes(x.Span);
        byte[] expected = [.. x.Span.ToArray().Select(code => table.Span[code])];
        LookupTable.Row(table.Start, x.Start, y.Start, count);
        Assert.Equal(expected, y.Span.ToArray());
        if (Avx2.IsSupported)
        {
            y.Span.Clear();
            int done = LookupTable.Shuffled(table.Start, x.Start, y.Start, count);
            Assert.Equal(count / 32 * 32, done);
            Assert.Equal(expected[..done], y.Span[..done].ToArray());
        }

        LookupTable.Row(table.Start, x.Start, x.Start, count);
        Assert.Equal(expected, x.Span.ToArray());
    });

    [Fact]
    public void Images_keep_their_borders() => Gen.Select(Gen.Int[1, 130], Gen.Int[1, 9], Gen.Int[1, 5], Gen.Int[0, 1000]).Sample((channels, width, height, seed) =>
    {
        var random = new Random(seed);
        using var x = new TestImage(height, width, channels, 0, random);
        using var y = new TestImage(height, width, channels, 1, random);
        using var table = new GuardedMemory(256);
        random.NextBytes(table.Span);
        LookupTable.Image(table.Start, x.Origin, x.Layout, y.Origin, y.Layout, 0, height / 2);
        LookupTable.Image(table.Start, x.Origin, x.Layout, y.Origin, y.Layout, height / 2, height);
        Assert.Equal([.. x.Planes.Select(code => table.Span[code])], y.Planes);
        y.AssertBorderUntouched();
    });
}
