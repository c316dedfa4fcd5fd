using System.Globalization;

namespace Halftone.Cli;

/// <summary>Sizes and times as people write them, both ways.</summary>
internal static class Quantity
{
    private static readonly string[] s_sizes = ["B", "KB", "MB", "GB", "TB"];

    /// <summary>Reads 1GB, 512 MB, 1.5g, 4096: units are powers of 1,024.</summary>
    /// <exception cref="FormatException">It is no size.</exception>
    public static long Bytes(string text)
    {
        (string number, string unit) = Split(text);
        int power = unit.Length == 0 ? 0 : Array.FindIndex(s_sizes, s => s == unit || s[..1] == unit || s.Replace("B", "IB", StringComparison.Ordinal) == unit);
        if (power >= 0 && double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
        {
            double bytes = value * Math.Pow(1024, power);
            if (bytes is >= 1 and <= 1L << 50)
            {
                return (long)bytes;
            }
        }

        throw new FormatException($"'{text}' is no size; write for example 512MB or 2GB.");
    }

    /// <summary>Reads 90s, 20m, 1h30m; a bare number counts seconds.</summary>
    /// <exception cref="FormatException">It is no time.</exception>
    public static TimeSpan Duration(string text)
    {
        double seconds = 0;
        for (string rest = text.Trim(); rest.Length > 0;)
        {
            int digits = rest.TakeWhile(c => char.IsAsciiDigit(c) || c == '.').Count();
            int letters = rest[digits..].TakeWhile(char.IsAsciiLetter).Count();
            double factor = rest.Substring(digits, letters).ToLowerInvariant() switch
            {
                "s" or "" => 1,
                "m" or "min" => 60,
                "h" => 3600,
                "d" => 86400,
                _ => 0,
            };
            bool read = double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value);
            seconds += read && factor > 0 ? value * factor : double.NaN;
            rest = rest[Math.Max(digits + letters, 1)..];
        }

        return seconds is > 0 and < 31_536_000
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"'{text}' is no time; write for example 90s, 20m or 1h30m.");
    }

    /// <summary>Writes 1.4 MB.</summary>
    public static string Size(long bytes)
    {
        double value = bytes;
        int power = 0;
        for (; value >= 1024 && power < s_sizes.Length - 1; power++)
        {
            value /= 1024;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{(power == 0 ? value : Math.Round(value, 1))} {s_sizes[power]}");
    }

    /// <summary>Writes 1,234,567.</summary>
    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static (string Number, string Unit) Split(string text)
    {
        string trimmed = text.Trim();
        int digits = trimmed.TakeWhile(c => char.IsAsciiDigit(c) || c == '.').Count();
        return (trimmed[..digits], trimmed[digits..].Trim().ToUpperInvariant());
    }
}
