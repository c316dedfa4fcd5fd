using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Winograd;

namespace Halftone.Engine.Kernels;

/// <summary>A convolution of 3x3 taps with its images, in memory that no kernel may leave.</summary>
internal sealed unsafe class WinogradCase
{
    private const byte Canary = 0xA5;

    private readonly string _text;
    private readonly byte[] _input;
    private readonly byte[] _others;
    private readonly bool _atEnd;

    public WinogradCase(int inputs, int outputs, (int Images, int Height, int Width) shape, EpilogueKind kind, int threads, int seed, bool atEnd, bool residual)
    {
        _text = $"{inputs} to {outputs} channels, {shape}, {kind}, {threads} threads, seed {seed}, at end {atEnd}, residual {residual}";
        var random = new Random(seed);
        int Gap() => random.Next(2) == 0 ? 0 : random.Next(1, 70);
        var weights = new sbyte[outputs * 9 * inputs];
        EpilogueCases.Fill(MemoryMarshal.AsBytes(weights.AsSpan()), random, [0x80, 0x7F]);
        int[] bias = [.. Enumerable.Range(0, outputs).Select(_ => random.Next(-100000, 100000))];
        while (!WinogradTransform.Fits(weights, bias))
        {
            foreach (ref sbyte w in weights.AsSpan())
            {
                w = (sbyte)(w * 15 / 16);
            }
        }

        (int images, int height, int width) = shape;
        WinogradPitch Pitch(int lines, int pixels, int bytes)
        {
            long line = ((long)pixels * bytes) + Gap();
            return new(line, (lines * line) + Gap());
        }

        ProductResidual? added = residual ? ProductCase.RandomResidual(outputs, random) : null;
        Problem = new WinogradProblem
        {
            Inputs = inputs,
            Weights = weights,
            Bias = bias,
            Epilogue = EpilogueCases.Make(kind, outputs, 255 * 128 * Math.Sqrt(9 * inputs), random),
            Residual = added,
            Images = images,
            Height = height,
            Width = width,
            Input = Pitch(height + 2, width + 2, inputs),
            Output = Pitch(height, width, outputs),
            Others = added is null ? default : Pitch(height, width, added.RowStride),
            Threads = threads,
        };
        _atEnd = atEnd;
        _input = new byte[Bytes(Problem.Input, height + 2, ((width + 2) * inputs))];
        EpilogueCases.Fill(_input, random, [255, 0]);
        _others = new byte[added is null ? 1 : Bytes(Problem.Others, height, ((width - 1) * added.RowStride) + outputs)];
        EpilogueCases.Fill(_others, random, [255, 0]);
    }

    public static Gen<WinogradCase> Of(params EpilogueKind[] kinds) => Gen.Select(
        Gen.Int[1, 8].Select(i => 16 * i), Gen.Int[1, 70], Gen.Select(Gen.Int[1, 3], Gen.Int[1, 14], Gen.Int[1, 14]), Gen.Int[0, kinds.Length - 1].Select(k => kinds[k]), Gen.Int[1, 3], Gen.Int[0, int.MaxValue - 1], Gen.Select(Gen.Bool, Gen.Bool))
        .Select((inputs, outputs, shape, kind, threads, seed, flags) => new WinogradCase(inputs, outputs, shape, kind, threads, seed, flags.Item1, flags.Item2));

    public WinogradProblem Problem { get; }

    private int OutputBytes => Bytes(Problem.Output, Problem.Height, Problem.Width * Problem.Outputs);

    /// <summary>The output and what lies between its pixels; the blocks in two runs, the last first.</summary>
    public byte[] Run(WinogradTier tier)
    {
        using WinogradKernel kernel = tier.Build(Problem);
        using var input = new GuardedMemory(_input.Length, 0, _atEnd);
        using var output = new GuardedMemory(OutputBytes, Canary, _atEnd);
        using var others = new GuardedMemory(_others.Length, 0, _atEnd);
        using var scratch = new GuardedMemory((int)kernel.ScratchBytes, Canary, true);
        _input.CopyTo(input.Span);
        _others.CopyTo(others.Span);
        int half = kernel.Blocks / 2;
        kernel.Run(input.Start, output.Start, others.Start, half, kernel.Blocks, scratch.Start);
        if (half > 0)
        {
            kernel.Run(input.Start, output.Start, others.Start, 0, half, scratch.Start);
        }

        return output.Span.ToArray();
    }

    /// <summary>What the output must be, from the equation of the contract.</summary>
    public byte[] Expected()
    {
        WinogradProblem p = Problem;
        byte[] output = [.. Enumerable.Repeat(Canary, OutputBytes)];
        for (int image = 0; image < p.Images; image++)
        {
            for (int i = 0; i < p.Height; i++)
            {
                for (int j = 0; j < p.Width; j++)
                {
                    for (int n = 0; n < p.Outputs; n++)
                    {
                        byte code = ExactEpilogue.Of(p.Epilogue, Sum(image, i, j, n), n)[0];
                        if (p.Residual is { } residual)
                        {
                            code = ExactEpilogue.Add(residual, code, _others[(image * p.Others.Image) + (i * p.Others.Line) + (j * residual.RowStride) + n]);
                        }

                        output[(image * p.Output.Image) + (i * p.Output.Line) + (j * p.Outputs) + n] = code;
                    }
                }
            }
        }

        return output;
    }

    public override string ToString() => _text;

    private int Sum(int image, int i, int j, int n)
    {
        int sum = Problem.Bias[n];
        for (int tap = 0; tap < 9; tap++)
        {
            long at = (image * Problem.Input.Image) + ((i + (tap / 3)) * Problem.Input.Line) + ((j + (tap % 3)) * Problem.Inputs);
            for (int c = 0; c < Problem.Inputs; c++)
            {
                sum += _input[at + c] * Problem.Weights[(((n * 9) + tap) * Problem.Inputs) + c];
            }
        }

        return sum;
    }

    private int Bytes(WinogradPitch pitch, int lines, int line) => (int)(((Problem.Images - 1) * pitch.Image) + ((lines - 1) * pitch.Line) + line);
}
