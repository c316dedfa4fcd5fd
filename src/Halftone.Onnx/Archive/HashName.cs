using System.Globalization;
using System.Text.RegularExpressions;

namespace Halftone.Onnx;

/// <summary>How the lowering names the indices of a hashed tensor, so that the archive can look whether they are those of a hash: the name is a hint, and the indices decide.</summary>
internal static partial class HashName
{
    /// <summary>The end of a name.</summary>
    public static string Of(int seed, int buckets) => string.Create(CultureInfo.InvariantCulture, $"hash_{seed}_{buckets}");

    /// <summary>Seed and number of buckets in a name, or null.</summary>
    public static (int Seed, int Buckets)? Read(string name) =>
        Pattern().Match(name) is { Success: true } match
        && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int seed)
        && int.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int buckets) && buckets > 0 ? (seed, buckets) : null;

    // a third number is there where the name was taken
    [GeneratedRegex(@"_hash_(-?\d{1,10})_(\d{1,10})(?:_\d+)?$", RegexOptions.RightToLeft | RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
