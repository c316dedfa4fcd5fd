using System.Diagnostics;
using Halftone.Engine.Bench.Peers;

namespace Halftone.Engine.Bench.Harness;

/// <summary>A ratio of times, from pairs of the same round.</summary>
/// <param name="Median">Median.</param>
/// <param name="Low">The tenth part of the rounds lies below.</param>
/// <param name="High">The tenth part lies above.</param>
internal readonly record struct PairedRatio(double Median, double Low, double High);

/// <summary>Times of peers that took turns in short bursts: whatever slows the machine for a while slows them all.</summary>
internal sealed class Comparison
{
    private readonly Dictionary<IPeer, double[]> _seconds;

    private Comparison(Dictionary<IPeer, double[]> seconds, bool disturbed) => (_seconds, Disturbed) = (seconds, disturbed);

    /// <summary>Whether other processes were busy in some of the rounds that count.</summary>
    public bool Disturbed { get; }

    /// <summary>Times the peers; the one that begins changes every round.</summary>
    public static Comparison Of(IReadOnlyList<IPeer> peers, BurstOptions options)
    {
        Dictionary<IPeer, int> repeats = peers.ToDictionary(p => p, p => Repeats(p, options));
        Dictionary<IPeer, double[]> seconds = peers.ToDictionary(p => p, _ => new double[options.Rounds]);
        long start = Stopwatch.GetTimestamp();
        bool disturbed = false;
        for (int round = 0; round < options.Rounds;)
        {
            var load = new ForeignLoad();
            for (int i = 0; i < peers.Count; i++)
            {
                IPeer peer = peers[(i + round) % peers.Count];
                Thread.Sleep(options.Pause);
                Time(peer, (repeats[peer] + 7) / 8); // caches, clocks and thread pools wake up
                seconds[peer][round] = Time(peer, repeats[peer]);
            }

            bool busy = load.Share > options.MostForeign;
            if (busy && Stopwatch.GetElapsedTime(start) < options.Patience)
            {
                Thread.Sleep(150);
                continue;
            }

            disturbed |= busy;
            round++;
        }

        return new Comparison(seconds, disturbed);
    }

    /// <summary>Median seconds of a run.</summary>
    public double Seconds(IPeer peer) => Quantile(_seconds[peer], 0.5);

    /// <summary>How many times as fast a peer is as another.</summary>
    public PairedRatio Ratio(IPeer peer, IPeer other)
    {
        double[] ratios = [.. _seconds[other].Zip(_seconds[peer], (o, p) => o / p)];
        return new PairedRatio(Quantile(ratios, 0.5), Quantile(ratios, 0.1), Quantile(ratios, 0.9));
    }

    // runs of one burst, found with runs that also let the compiler finish
    private static int Repeats(IPeer peer, BurstOptions options)
    {
        double seconds = Time(peer, 2);
        for (int i = 0; i < 3; i++)
        {
            seconds = Time(peer, (int)Math.Clamp(options.Burst / 4000 / seconds, 1, 100_000));
        }

        return (int)Math.Clamp(options.Burst / 1000 / seconds, 1, 1_000_000);
    }

    private static double Time(IPeer peer, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            peer.Run();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    private static double Quantile(double[] values, double share)
    {
        double[] sorted = [.. values.Order()];
        double place = share * (sorted.Length - 1);
        int below = (int)place;
        return below + 1 < sorted.Length ? sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }
}
