using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Depthwise;

namespace Halftone.Engine.Kernels;

/// <summary>A depthwise convolution with its input, in memory that no kernel may leave.</summary>
internal sealed unsafe class DepthwiseCase
{
    private const byte Canary = 0xA5;

    private readonly string _text;
    private readonly byte[] _input;
    private readonly int _lowest;
    private readonly bool _atEnd;
    private readonly LineEdges _edges;
    private readonly (int First, int End) _inside; // kernel rows
    private readonly int _lines;
    private readonly int _stride;
    private readonly int _outputStride;

    public DepthwiseCase(int channels, int pixels, int rows, int width, EpilogueKind kind, int seed, bool atEnd)
    {
        _text = $"{channels} channels, {pixels} pixels, {rows} x {width} taps, {kind}, seed {seed}, at end {atEnd}";
        var random = new Random(seed);
        bool dense = random.Next(2) == 0; // as in images without a border
        int tap = dense ? channels : random.Next(3) switch { 0 => channels + random.Next(5), 1 => 2 * channels, _ => channels };
        var weights = new sbyte[channels * rows * width];
        EpilogueCases.Fill(MemoryMarshal.AsBytes(weights.AsSpan()), random, [0x80, 0x7F]);
        Epilogue epilogue = EpilogueCases.Make(kind, channels, 255 * 128 * Math.Sqrt(rows * width), random);
        // rows in any order, some the same, as those beyond the border are
        int[] offsets = [.. Enumerable.Range(0, rows).Select(i => random.Next(5) == 0 ? 0 : (i - 1) * width * tap * 3)];
        Problem = new DepthwiseProblem
        {
            Channels = channels,
            KernelWidth = width,
            RowOffsets = [.. offsets],
            TapStride = tap,
            PixelStride = dense ? (1 + random.Next(2)) * tap : random.Next(4) switch { 0 => channels + random.Next(3), 1 => 3 * tap, 2 => 2 * tap, _ => tap },
            OutputStride = epilogue.ElementBytes * (dense ? channels : channels + random.Next(0, 9)),
            Padding = (byte)random.Next(256),
            Weights = weights,
            Bias = EpilogueCases.Bias(channels, random),
            Epilogue = epilogue,
        };
        Pixels = pixels;
        _atEnd = atEnd;
        bool takes = Problem.TakesEdges;
        _edges = takes ? (LineEdges)random.Next(4) : LineEdges.None;
        int first = takes && random.Next(3) == 0 ? random.Next(rows + 1) : 0;
        _inside = (first, takes && random.Next(3) == 0 ? random.Next(first, rows + 1) : rows);
        (_lines, _stride) = (random.Next(1, 4), random.Next(400));
        _outputStride = (pixels * Problem.OutputStride) + random.Next(40);
        int[] read = offsets[_inside.First.._inside.End];
        _lowest = read.DefaultIfEmpty().Min() + Before;
        _input = new byte[read.Length == 0 ? 1 : read.Max() + Before + ((_lines - 1) * _stride) + LineBytes - _lowest];
        EpilogueCases.Fill(_input, random, [255, 0]);
        _text += $", edges {_edges}, rows {_inside} inside, {_lines} lines";
    }

    public static Gen<DepthwiseCase> Cases { get; } = Gen.Select(
        Gen.Int[1, 130], Gen.Int[1, 40], Gen.Int[1, 7], Gen.Frequency((2, Gen.Const(3)), (3, Gen.Int[1, 7])), Gen.Enum<EpilogueKind>(), Gen.Int[0, int.MaxValue - 1], Gen.Bool)
        .Select((channels, pixels, rows, width, kind, seed, atEnd) => new DepthwiseCase(channels, pixels, rows, width, kind, seed, atEnd));

    public DepthwiseProblem Problem { get; }

    public int Pixels { get; }

    /// <summary>Bytes of a line that would be before its first pixel.</summary>
    private int Before => _edges.HasFlag(LineEdges.Left) ? Problem.TapStride : 0;

    /// <summary>Bytes of a line that a kernel may read.</summary>
    private int LineBytes
    {
        get
        {
            int outside = (_edges.HasFlag(LineEdges.Left) ? 1 : 0) + (_edges.HasFlag(LineEdges.Right) ? 1 : 0);
            int past = Problem.Channels % 16 == 0 ? 0 : 64;
            return ((Pixels - 1) * Problem.PixelStride) + ((Problem.KernelWidth - 1 - outside) * Problem.TapStride) + Problem.Channels + past;
        }
    }

    private int OutputBytes => ((_lines - 1) * _outputStride) + ((Pixels - 1) * Problem.OutputStride) + (Problem.Channels * Problem.Epilogue.ElementBytes);

    /// <summary>The output and what lies between its pixels, computed in one run or two.</summary>
    public byte[] Run(DepthwiseTier tier, int split = 0)
    {
        using DepthwiseKernel kernel = tier.Build(Problem);
        using var input = new GuardedMemory(_input.Length, 0, _atEnd);
        using var output = new GuardedMemory(OutputBytes, Canary, _atEnd);
        using var padding = new GuardedMemory(LineBytes, Problem.Padding, _atEnd);
        _input.CopyTo(input.Span);
        Part(kernel, input, padding, output, 0, split);
        Part(kernel, input, padding, output, split, Pixels - split);
        return output.Span.ToArray();
    }

    private void Part(DepthwiseKernel kernel, GuardedMemory input, GuardedMemory padding, GuardedMemory output, int from, int pixels)
    {
        int at = from * Problem.PixelStride;
        LineEdges inside = (from > 0 ? LineEdges.Left : LineEdges.None) | (from + pixels < Pixels ? LineEdges.Right : LineEdges.None);
        kernel.Run(new(input.Start - _lowest + at, output.Start + (from * Problem.OutputStride), pixels)
        {
            Count = _lines,
            Stride = _stride,
            OutputStride = _outputStride,
            Edges = _edges & ~inside,
            FirstRow = _inside.First,
            EndRow = _inside.End,
            Padding = padding.Start - Before + at,
        });
    }

    /// <summary>What the output must be, from the equation of the contract.</summary>
    public byte[] Expected()
    {
        byte[] output = [.. Enumerable.Repeat(Canary, OutputBytes)];
        for (int line = 0; line < _lines; line++)
        {
            for (int x = 0; x < Pixels; x++)
            {
                for (int c = 0; c < Problem.Channels; c++)
                {
                    ExactEpilogue.Of(Problem.Epilogue, unchecked((int)Sum(line, x, c)), c)
                        .CopyTo(output, (line * _outputStride) + (x * Problem.OutputStride) + (c * Problem.Epilogue.ElementBytes));
                }
            }
        }

        return output;
    }

    private long Sum(int line, int x, int c)
    {
        long sum = Problem.Bias[c];
        (int rows, int width) = (Problem.RowOffsets.Length, Problem.KernelWidth);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < width; j++)
            {
                int at = (line * _stride) + (x * Problem.PixelStride) + Problem.RowOffsets[i] + (j * Problem.TapStride) + c;
                bool outside = i < _inside.First || i >= _inside.End || (x == 0 && j == 0 && _edges.HasFlag(LineEdges.Left))
                    || (x == Pixels - 1 && j == width - 1 && _edges.HasFlag(LineEdges.Right));
                sum += (long)(outside ? Problem.Padding : _input[at - _lowest]) * Problem.Weights[(((c * rows) + i) * width) + j];
            }
        }

        return sum;
    }

    public override string ToString() => _text;
}
