namespace Halftone.Engine.Kernels;

/// <summary>Which epilogue a case has.</summary>
public enum EpilogueKind
{
    Sums,
    Float,
    Requantize,
    Double,
    Single,
    Q31,
}

/// <summary>Random values of kernels' cases.</summary>
internal static class EpilogueCases
{
    /// <summary>An epilogue whose results spread over the codes where sums are about as large as said.</summary>
    public static Epilogue Make(EpilogueKind kind, int channels, double spread, Random random)
    {
        float[] scale = [.. Enumerable.Range(0, channels).Select(_ => Scale(spread, random))];
        int zero = random.Next(4) switch { 0 => 0, 1 => 255, _ => random.Next(256) };
        byte least = (byte)(random.Next(2) == 0 ? 0 : random.Next(256));
        byte most = (byte)(random.Next(2) == 0 ? 255 : random.Next(least, 256));
        switch (kind)
        {
            case EpilogueKind.Sums:
                return new StoreSums();
            case EpilogueKind.Float:
                return new ToFloat(scale, [.. scale.Select(_ => (random.NextSingle() - 0.5f) * 300)]);
            case EpilogueKind.Requantize:
                return new FloatRequantize(scale, zero, least, most);
            default:
                FixedPointForm form = kind switch { EpilogueKind.Double => FixedPointForm.DoubleRounding, EpilogueKind.Single => FixedPointForm.SingleRounding, _ => FixedPointForm.Q31 };
                (int Multiplier, int Exponent)[] parts = [.. scale.Select(s => Parts(form, s, random))];
                return new FixedPointRequantize(form, [.. parts.Select(p => p.Multiplier)], [.. parts.Select(p => p.Exponent)], zero, least, most);
        }
    }

    /// <summary>Random activations or weights: all values, or the ends only, where saturating products would fail.</summary>
    public static void Fill(Span<byte> values, Random random, ReadOnlySpan<byte> ends)
    {
        bool extreme = random.Next(3) == 0;
        random.NextBytes(values);
        if (extreme)
        {
            foreach (ref byte value in values)
            {
                value = ends[value < 230 ? 0 : 1];
            }
        }
    }

    /// <summary>Biases; some so large that sums wrap.</summary>
    public static int[] Bias(int channels, Random random) =>
        [.. Enumerable.Range(0, channels).Select(_ => random.Next(20) switch { 0 => int.MaxValue, 1 => int.MinValue, _ => random.Next(-100000, 100000) })];

    private static float Scale(double spread, Random random) => random.Next(12) switch
    {
        0 => 1e30f,
        1 => 0.5f,
        2 => 0,
        3 => 1e-12f,
        _ => (float)(200 / spread * Math.Pow(4, random.NextDouble() - 0.5)),
    };

    private static (int Multiplier, int Exponent) Parts(FixedPointForm form, float scale, Random random)
    {
        int most = form == FixedPointForm.Q31 ? 0 : FixedPoint.MostExponent;
        if (random.Next(8) == 0)
        {
            return (random.Next(4) == 0 ? int.MaxValue : random.Next(), random.Next(FixedPoint.LeastExponent, most + 1));
        }

        return form == FixedPointForm.Q31
            ? FixedPoint.FromQ31Scale(Math.Clamp(scale, 1e-9f, 0.99f))
            : FixedPoint.FromScale(Math.Min(scale, 1e9f));
    }
}
