namespace Halftone.Numerics;

/// <summary>How levels or bits are shared among channels so that their rounding errors together are least (Banner, Nahshan, Soudry 2019, arXiv:1810.05723, section 3.2).</summary>
public static class BitAllocation
{
    private const int Rounds = 10;

    /// <summary>argmin sum_i sigma_i^2 / B_i^2 with sum B_i = total: B_i = total sigma_i^(2/3) / sum_j sigma_j^(2/3); equal shares where all are 0.</summary>
    /// <param name="spreads">sigma: standard deviation, mean distance or width of each channel; not negative.</param>
    /// <param name="total">Sum of the levels.</param>
    public static double[] Levels(ReadOnlySpan<double> spreads, double total)
    {
        double greatest = 0;
        foreach (double spread in spreads)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(spread, nameof(spreads));
            greatest = Math.Max(greatest, spread);
        }

        var shares = new double[spreads.Length];
        for (int i = 0; i < shares.Length; i++)
        {
            shares[i] = greatest == 0 ? 1 : Math.Pow(spreads[i] / greatest, 2.0 / 3);
        }

        double sum = shares.Sum();
        return [.. shares.Select(s => total * s / sum)];
    }

    /// <summary>Bits of each channel: round(log2 B_i) within bounds, where the total of the levels is moved until the bits have the mean asked for.</summary>
    /// <remarks>T starts at the mean, B_i is for a total of channels * 2^T, and T grows by half of what the mean of the bits lacks, until it moves by less than 0.01 or for 10 rounds,
    /// as in the authors' code; of the rounds, that whose mean is nearest counts.</remarks>
    /// <param name="spreads">sigma of each channel.</param>
    /// <param name="mean">Bits a channel has on average.</param>
    /// <param name="least">Of a channel.</param>
    /// <param name="most">Of a channel.</param>
    public static int[] Bits(ReadOnlySpan<double> spreads, double mean, int least = 0, int most = 8)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(least, most);
        int[] best = [];
        double nearest = double.PositiveInfinity;
        double target = mean;
        for (int round = 0; round < Rounds && spreads.Length > 0; round++)
        {
            int[] bits = [.. Levels(spreads, spreads.Length * Math.Pow(2, target)).Select(b => (int)Math.Clamp(Rounding.NearestEven(Math.Log2(b)), least, most))];
            double lacking = mean - bits.Average();
            if (Math.Abs(lacking) < nearest)
            {
                (best, nearest) = (bits, Math.Abs(lacking));
            }

            target += lacking / 2;
            if (Math.Abs(lacking / 2) < 0.01)
            {
                break;
            }
        }

        return best;
    }
}
