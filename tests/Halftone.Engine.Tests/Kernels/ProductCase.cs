using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine.Kernels;

/// <summary>A product with its input, in memory that no kernel may leave.</summary>
internal sealed unsafe class ProductCase
{
    private const byte Canary = 0xA5;

    private readonly string _text;
    private readonly byte[] _input;
    private readonly byte[] _others;
    private readonly int _lowest;
    private readonly bool _atEnd;

    public ProductCase(int channels, int rows, int segments, int segmentBytes, EpilogueKind kind, int seed, bool atEnd, bool residual = false, int weightBits = 8)
    {
        _text = $"{channels} channels, {rows} rows, {segments} x {segmentBytes} bytes, {kind}, seed {seed}, at end {atEnd}, residual {residual}, weights of {weightBits} bits";
        var random = new Random(seed);
        var offsets = new int[segments];
        for (int s = 0; s < segments; s++)
        {
            offsets[s] = s > 0 && random.Next(4) == 0 ? offsets[random.Next(s)] : random.Next(-200, 400);
        }

        var weights = new sbyte[channels * segments * segmentBytes];
        EpilogueCases.Fill(MemoryMarshal.AsBytes(weights.AsSpan()), random, [0x80, 0x7F]);
        foreach (ref sbyte w in weights.AsSpan())
        {
            w >>= 8 - weightBits;
        }

        Epilogue epilogue = EpilogueCases.Make(kind, channels, 255 * (128 >> (8 - weightBits)) * Math.Sqrt(segments * segmentBytes), random);
        Problem = new ProductProblem
        {
            Channels = channels,
            SegmentBytes = segmentBytes,
            SegmentOffsets = [.. offsets],
            RowStride = random.Next(1, 2 * segmentBytes + 2),
            OutputStride = epilogue.ElementBytes * (channels + random.Next(3) switch { 0 => 0, 1 => 16, _ => random.Next(0, 9) }),
            Weights = weights,
            WeightBits = weightBits,
            Bias = EpilogueCases.Bias(channels, random),
            Epilogue = epilogue,
            LineRows = rows,
            Residual = residual && epilogue.ElementBytes == 1 ? RandomResidual(channels, random) : null,
        };
        Rows = rows;
        _others = new byte[Problem.Residual is { } added ? ((rows - 1) * added.RowStride) + channels : 1];
        EpilogueCases.Fill(_others, random, [255, 0]);
        _atEnd = atEnd;
        _lowest = offsets.Min();
        int allowedPast = (4 - (segmentBytes % 4)) % 4;
        _input = new byte[offsets.Max() + ((rows - 1) * Problem.RowStride) + segmentBytes + allowedPast - _lowest];
        EpilogueCases.Fill(_input, random, [255, 0]);
    }

    public static Gen<ProductCase> Cases { get; } = Of(Gen.Bool, Gen.OneOf(Gen.Const(8), Gen.Const(4), Gen.Const(2)));

    public static Gen<ProductCase> WithoutResidual { get; } = Of(Gen.Const(false), Gen.Const(8));

    public ProductProblem Problem { get; }

    public int Rows { get; }

    private int OutputBytes => ((Rows - 1) * Problem.OutputStride) + (Problem.Channels * Problem.Epilogue.ElementBytes);

    /// <summary>The output and what lies between its rows, after some runs of a kernel.</summary>
    public byte[] Run(ProductTier tier, Action<ProductKernel, nint, nint, nint>? runs = null)
    {
        using ProductKernel kernel = tier.Build(Problem);
        using var input = new GuardedMemory(_input.Length, 0, _atEnd);
        using var output = new GuardedMemory(OutputBytes, Canary, _atEnd);
        using var others = new GuardedMemory(_others.Length, 0, _atEnd);
        _input.CopyTo(input.Span);
        _others.CopyTo(others.Span);
        byte* a = input.Start - _lowest;
        if (runs is null)
        {
            kernel.Run(a, output.Start, Rows, 0, kernel.Panels, others.Start);
        }
        else
        {
            runs(kernel, (nint)a, (nint)output.Start, (nint)others.Start);
        }

        return output.Span.ToArray();
    }

    /// <summary>What the output must be, from the equation of the contract.</summary>
    public byte[] Expected() => Expected((row, n) =>
    {
        long sum = Problem.Bias[n];
        for (int k = 0; k < row.Length; k++)
        {
            sum += (long)row[k] * Problem.Weights[(n * row.Length) + k];
        }

        return sum;
    });

    /// <summary>What the output must be where sums come from the activations along a row's depth and the channel.</summary>
    public byte[] Expected(Func<byte[], int, long> sum)
    {
        byte[] output = [.. Enumerable.Repeat(Canary, OutputBytes)];
        for (int r = 0; r < Rows; r++)
        {
            byte[] row =
            [
                .. Problem.SegmentOffsets.SelectMany(s => Enumerable.Range(s + (r * Problem.RowStride) - _lowest, Problem.SegmentBytes)).Select(at => _input[at]),
            ];
            for (int n = 0; n < Problem.Channels; n++)
            {
                byte[] bytes = ExactEpilogue.Of(Problem.Epilogue, unchecked((int)sum(row, n)), n);
                if (Problem.Residual is { } residual)
                {
                    bytes[0] = ExactEpilogue.Add(residual, bytes[0], _others[(r * residual.RowStride) + n]);
                }

                bytes.CopyTo(output, (r * Problem.OutputStride) + (n * Problem.Epilogue.ElementBytes));
            }
        }

        return output;
    }

    public override string ToString() => _text;

    private static Gen<ProductCase> Of(Gen<bool> residual, Gen<int> weightBits) => Gen.Select(
        Gen.Int[1, 130], Gen.Int[1, 40], Gen.Int[1, 9], Gen.Int[1, 70], Gen.Enum<EpilogueKind>(), Gen.Int[0, int.MaxValue - 1], Gen.Select(Gen.Bool, residual, weightBits))
        .Select((channels, rows, segments, bytes, kind, seed, flags) => new ProductCase(channels, rows, segments, bytes, kind, seed, flags.Item1, flags.Item2, flags.Item3));

    internal static ProductResidual RandomResidual(int channels, Random random)
    {
        byte least = (byte)(random.Next(2) == 0 ? 0 : random.Next(256));
        byte most = (byte)(random.Next(2) == 0 ? 255 : random.Next(least, 256));
        QuantizedRange Range() => new(random.Next(12) switch { 0 => 1e-30f, 1 => 1e30f, _ => 0.01f + random.NextSingle() }, (byte)(random.Next(3) == 0 ? 0 : random.Next(256)));
        return new ProductResidual(new(Range(), Range(), Range(), least, most, random.Next(2) == 0), random.Next(2) == 0, channels + random.Next(0, 9));
    }
}
