using System.Diagnostics;
using System.Globalization;

namespace Halftone.Engine.Bench.Harness;

/// <summary>How much of the machine other processes took over a while; nothing is known where there is no /proc/stat.</summary>
internal sealed class ForeignLoad
{
    private const string Source = "/proc/stat";
    private const double TicksASecond = 100; // USER_HZ, which is 100 wherever .NET runs

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly double _foreign = Foreign();

    /// <summary>Seconds of other processes for each second since this was made.</summary>
    public double Share => (Foreign() - _foreign) / Stopwatch.GetElapsedTime(_start).TotalSeconds;

    // user, nice, system, irq and softirq of all processors, less what this process took
    private static double Foreign()
    {
        if (!File.Exists(Source))
        {
            return 0;
        }

        string[] fields = File.ReadLines(Source).First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        double busy = ((int[])[1, 2, 3, 6, 7]).Sum(i => double.Parse(fields[i], CultureInfo.InvariantCulture)) / TicksASecond;
        return busy - Environment.CpuUsage.TotalTime.TotalSeconds;
    }
}
