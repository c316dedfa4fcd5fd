using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Bench.Networks;

/// <summary>Seeded images with the statistics of photographs, as far as layers notice: neighbours alike, power that falls with frequency, a tint of their own.</summary>
/// <remarks>Each is a sum of random grids of 1, 2, 4, ... cells, stretched to the image; every doubling of the frequency halves the power of what it adds.</remarks>
internal sealed class NoiseImages(string input, int size, int count, int seed) : IDataSet
{
    private const int Channels = 3;

    public string Description => $"{count} seeded images, {size} x {size}";

    public int Count => count;

    public bool HasLabels => false;

    public ImmutableArray<string> ClassNames => [];

    public IReadOnlyList<ValueInfo> Inputs { get; } = [new ValueInfo(input, ElementType.Float, [1, Channels, size, size])];

    public Sample Read(int index) =>
        new(ImmutableDictionary<string, Tensor>.Empty.Add(input, Tensor.Of(Pixels(index), 1, Channels, size, size)));

    /// <summary>All images as one batch.</summary>
    public Tensor Batch() => Tensor.Of(Enumerable.Range(0, count).SelectMany(Pixels).ToArray(), count, Channels, size, size);

    private float[] Pixels(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, count);
        var random = new CounterRandom(unchecked((seed * 1_000_003) + index));
        var pixels = new float[Channels * size * size];
        long drawn = 0;
        double amplitude = 0.8;
        for (int cells = 1; cells <= size; cells *= 2, amplitude *= Math.Sqrt(0.5))
        {
            // one grid that all channels share, and a fainter one for each
            double[] shared = Grid(random, ref drawn, cells);
            for (int channel = 0; channel < Channels; channel++)
            {
                double[] own = Grid(random, ref drawn, cells);
                Add(pixels.AsSpan(channel * size * size, size * size), [.. shared.Zip(own, (s, o) => amplitude * (s + (0.5 * o)))], cells);
            }
        }

        return pixels;
    }

    private static double[] Grid(CounterRandom random, ref long drawn, int cells)
    {
        var corners = new double[(cells + 1) * (cells + 1)];
        for (int i = 0; i < corners.Length; i++)
        {
            corners[i] = random.Normal(drawn++);
        }

        return corners;
    }

    // bilinear between the corners of each cell
    private void Add(Span<float> plane, double[] corners, int cells)
    {
        for (int y = 0; y < size; y++)
        {
            double row = (double)y * cells / size;
            (int top, double down) = ((int)row, row - (int)row);
            for (int x = 0; x < size; x++)
            {
                double column = (double)x * cells / size;
                (int left, double right) = ((int)column, column - (int)column);
                int at = (top * (cells + 1)) + left;
                double above = corners[at] + (right * (corners[at + 1] - corners[at]));
                double below = corners[at + cells + 1] + (right * (corners[at + cells + 2] - corners[at + cells + 1]));
                plane[(y * size) + x] += (float)(above + (down * (below - above)));
            }
        }
    }
}
