using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Tests.Pointwise;

/// <summary>An image in guarded memory, with a border of known bytes around its real pixels.</summary>
internal sealed unsafe class TestImage : IDisposable
{
    private readonly GuardedMemory _memory;
    private readonly byte[] _before;
    private readonly int _origin;

    // a border of 0 pixels makes rows follow one another
    public TestImage(int height, int width, int channels, int border, Random random)
    {
        Layout = new ImageLayout(height, width, channels, (width + (2 * border)) * channels);
        _origin = (border * Layout.RowPitch) + (border * channels);
        _memory = new GuardedMemory((height + (2 * border)) * Layout.RowPitch);
        random.NextBytes(_memory.Span);
        _before = _memory.Span.ToArray();
    }

    public ImageLayout Layout { get; }

    public byte* Origin => _memory.Start + _origin;

    public Span<byte> Bytes => _memory.Span;

    public byte this[int y, int x, int c]
    {
        get => Origin[(y * Layout.RowPitch) + (x * Layout.Channels) + c];
        set => Origin[(y * Layout.RowPitch) + (x * Layout.Channels) + c] = value;
    }

    /// <summary>Real pixels as [C, H, W].</summary>
    public byte[] Planes
    {
        get
        {
            var planes = new byte[Layout.Channels * Layout.Height * Layout.Width];
            Each((y, x, c, i) => planes[i] = this[y, x, c]);
            return planes;
        }

        set => Each((y, x, c, i) => this[y, x, c] = value[i]);
    }

    public void Each(Action<int, int, int, int> visit)
    {
        for (int c = 0, i = 0; c < Layout.Channels; c++)
        {
            for (int y = 0; y < Layout.Height; y++)
            {
                for (int x = 0; x < Layout.Width; x++, i++)
                {
                    visit(y, x, c, i);
                }
            }
        }
    }

    /// <summary>Asserts that nobody wrote into the border.</summary>
    public void AssertBorderUntouched()
    {
        byte[] real = Planes;
        byte[] now = Bytes.ToArray();
        _before.CopyTo(Bytes);
        Planes = real;
        Assert.Equal(now, Bytes.ToArray());
    }

    public void Dispose() => _memory.Dispose();
}
