using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Depthwise;

namespace Halftone.Engine.Kernels;

/// <summary>A depthwise convolution with its input, in memory that no kernel may leave.</summary>
internal sealed unsafe class DepthwiseCase
{
    private const byte Canary = 0xA5;
    private const int AllowedPast = 64;

    private readonly string _text;
    private readonly byte[] _input;
    private readonly int _lowest;
    private readonly bool _atEnd;

    public DepthwiseCase(int channels, int pixels, int rows, int width, EpilogueKind kind, int seed, bool atEnd)
    {
        _text = $"{channels} channels, {pixels} pixels, {rows} x {width} taps, {kind}, seed {seed}, at end {atEnd}";
        var random = new Random(seed);
        int tap = random.Next(3) switch { 0 => channels + random.Next(5), 1 => 2 * channels, _ => channels };
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
            PixelStride = random.Next(4) switch { 0 => channels + random.Next(3), 1 => 3 * tap, 2 => 2 * tap, _ => tap },
            OutputStride = epilogue.ElementBytes * (channels + random.Next(0, 9)),
            Weights = weights,
            Bias = EpilogueCases.Bias(channels, random),
            Epilogue = epilogue,
        };
        Pixels = pixels;
        _atEnd = atEnd;
        _lowest = offsets.Min();
        _input = new byte[offsets.Max() + ((pixels - 1) * Problem.PixelStride) + ((width - 1) * tap) + channels + AllowedPast - _lowest];
        EpilogueCases.Fill(_input, random, [255, 0]);
    }

    public static Gen<DepthwiseCase> Cases { get; } = Gen.Select(
        Gen.Int[1, 130], Gen.Int[1, 40], Gen.Int[1, 7], Gen.Frequency((2, Gen.Const(3)), (3, Gen.Int[1, 7])), Gen.Enum<EpilogueKind>(), Gen.Int[0, int.MaxValue - 1], Gen.Bool)
        .Select((channels, pixels, rows, width, kind, seed, atEnd) => new DepthwiseCase(channels, pixels, rows, width, kind, seed, atEnd));

    public DepthwiseProblem Problem { get; }

    public int Pixels { get; }

    private int OutputBytes => ((Pixels - 1) * Problem.OutputStride) + (Problem.Channels * Problem.Epilogue.ElementBytes);

    /// <summary>The output and what lies between its pixels, computed in one run or two.</summary>
    public byte[] Run(DepthwiseTier tier, int split = 0)
    {
        using DepthwiseKernel kernel = tier.Build(Problem);
        using var input = new GuardedMemory(_input.Length, 0, _atEnd);
        using var output = new GuardedMemory(OutputBytes, Canary, _atEnd);
        _input.CopyTo(input.Span);
        byte* a = input.Start - _lowest;
        kernel.Run(a, output.Start, split);
        kernel.Run(a + (split * Problem.PixelStride), output.Start + (split * Problem.OutputStride), Pixels - split);
        return output.Span.ToArray();
    }

    /// <summary>What the output must be, from the equation of the contract.</summary>
    public byte[] Expected()
    {
        byte[] output = [.. Enumerable.Repeat(Canary, OutputBytes)];
        int rows = Problem.RowOffsets.Length, width = Problem.KernelWidth;
        for (int x = 0; x < Pixels; x++)
        {
            for (int c = 0; c < Problem.Channels; c++)
            {
                long sum = Problem.Bias[c];
                for (int i = 0; i < rows; i++)
                {
                    for (int j = 0; j < width; j++)
                    {
                        int at = (x * Problem.PixelStride) + Problem.RowOffsets[i] + (j * Problem.TapStride) + c;
                        sum += (long)_input[at - _lowest] * Problem.Weights[(((c * rows) + i) * width) + j];
                    }
                }

                ExactEpilogue.Of(Problem.Epilogue, unchecked((int)sum), c).CopyTo(output, (x * Problem.OutputStride) + (c * Problem.Epilogue.ElementBytes));
            }
        }

        return output;
    }

    public override string ToString() => _text;
}
